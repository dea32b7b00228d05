"""What the commands print and write when all is well."""

import hashlib
import json
import os
import re
import subprocess
import sys
from fractions import Fraction

import pytest

import bitmill
from bitmill import MacConfig, formats
from bitmill import cli as cli_module
from bitmill.config.family import read_config
from bitmill.config.presets import PRESETS, any_preset, preset
from bitmill.formats.block import BLOCKS
from bitmill.fpga.cache import CACHE_VARIABLE
from bitmill.hdl.emit import verilog
from bitmill.system.tools import YOSYS_VARIABLE


def test_formats_lists_every_row_of_the_catalog(cli):
    result = cli("formats")
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    table, blocks = lines[1 : lines.index("")], lines[lines.index("") + 2 :]
    assert [line.split()[0] for line in table] == list(formats.names())
    assert [line.split()[0] for line in blocks] == list(BLOCKS)
    (row,) = (line for line in lines if line.startswith("E4M3 "))
    assert re.split(r"\s{2,}", row) == [
        "E4M3", "minifloat", "8", "4", "3", "448", "2^-9", "NaN", "37", "OCP FP8 and MXFP8 element",
    ]  # fmt: skip


def test_formats_json_has_the_same_rows(cli):
    rows = json.loads(cli("formats", "--json").out)
    assert [row["name"] for row in rows] == [*formats.names(), *BLOCKS]
    assert {row["name"] for row in rows if row["kind"] == "block"} == set(BLOCKS)
    e5m2 = next(row for row in rows if row["name"] == "E5M2")
    assert (e5m2["max"], e5m2["min_positive"], e5m2["specials"]) == ("57344", "2^-16", "NaN, Inf")
    assert e5m2["product_bits"] == 65


@pytest.mark.parametrize("name", ["E2M1", "E4M3", "E5M2", "INT8", "INT4_SYM", "UINT3", "E8M0", "TERNARY", "E1M2"])
def test_every_code_of_a_format_is_listed_exactly(name, cli):
    fmt = formats.get(name)
    codes = json.loads(cli("formats", name, "--json").out)["codes"]
    assert [int(row["hex"], 16) for row in codes] == list(range(1 << fmt.bits))
    assert [int(row["binary"].replace(" ", ""), 2) for row in codes] == list(range(1 << fmt.bits))
    for code, row in enumerate(codes):
        decoded = fmt.decode(code)
        if decoded.special is None:
            significand, _, exponent = row["exact"].partition(" * 2^")
            assert int(significand) * Fraction(2) ** int(exponent or 0) == decoded.value
            assert float(row["value"]) == pytest.approx(float(decoded), rel=1e-8)
            assert row["value"].startswith("-") == (float(decoded) < 0 or bool(decoded.sign))
        else:
            assert decoded.special.value in row["value"]


def test_codes_of_e2m1_by_hand(cli):
    lines = cli("formats", "fp4").out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("code "))
    assert [line.split()[4] for line in lines[start + 1 :]] == [
        "0", "0.5", "1", "1.5", "2", "3", "4", "6", "-0", "-0.5", "-1", "-1.5", "-2", "-3", "-4", "-6",
    ]  # fmt: skip


def test_wide_formats_print_a_summary_unless_asked(cli):
    summary = cli("formats", "FP16")
    assert summary.status == 0
    assert len(summary.out.splitlines()) < 30
    assert summary.out.splitlines()[-1] == "65536 codes; `--all` lists them."
    every = cli("formats", "INT12", "--all")
    assert every.out.splitlines()[-1].split() == ["0xfff", "111111111111", "-1", "-1"]
    assert cli("formats", "FP32").out.splitlines()[-1] == f"{1 << 32} codes."
    refused = cli("formats", "FP32", "--all")
    assert refused.status == 2
    assert refused.err == "bitmill: error: --all must be used with a format of at most 16 bits, not 'FP32' of 32\n"


def test_presets_are_listed(cli):
    lines = cli("presets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(PRESETS)
    assert json.loads(cli("presets", "--json").out) == {name: unit.to_dict() for name, unit in PRESETS.items()}


def test_version_names_the_tools(cli):
    result = cli("--version")
    assert result.status == 0
    assert result.out.startswith(f"bitmill {bitmill.__version__}\npython ")
    for tool in ("yosys 0.70 (", "nextpnr-ecp5 ", "nextpnr-ice40 ", "iverilog "):
        assert f"\n{tool}" in result.out


def test_help_names_every_command_and_each_has_its_own(cli):
    text = cli().out
    assert text == cli("--help").out
    for name in cli_module.bitmill.commands:
        assert f"\n  {name} " in text
        assert "Usage: bitmill" in cli(name, "--help").out


def test_generate_writes_four_files_that_fit_together(cli, tmp_path):
    result = cli("generate", "--preset", "e4m3-dot32", "-o", tmp_path / "out")
    assert result.status == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(files) == {"bitmill_top.v", "bitmill_top.core", "manifest.json", "config.toml"}
    manifest = json.loads(files["manifest.json"])
    assert manifest["verilog"]["sha256"] == hashlib.sha256(files["bitmill_top.v"]).hexdigest()
    assert manifest["verilog"]["file"] == "bitmill_top.v"
    assert MacConfig.from_dict(manifest["configuration"]) == preset("e4m3-dot32")
    assert MacConfig.from_toml(tmp_path / "out" / "config.toml") == preset("e4m3-dot32")
    assert set(manifest["versions"]) == {"bitmill", "amaranth", "yosys"}
    assert (manifest["products_per_cycle"], manifest["result"]["unit_exponent"]) == (32, -18)
    assert not [path for path in tmp_path.iterdir() if path.name != "out"]


def test_generate_names_its_top(cli, refuses, tmp_path):
    result = cli("generate", "--preset", "int4-mac", "--top", "first_mac", "-o", tmp_path / "out")
    assert result.status == 0
    assert result.out.startswith(f"{tmp_path / 'out' / 'first_mac.v'}: INT4 MAC")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "first_mac.v", "first_mac.core", "manifest.json", "config.toml",
    }  # fmt: skip
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["top"], manifest["verilog"]["file"]) == ("first_mac", "first_mac.v")
    names = re.findall(r"^module (\w+)", (tmp_path / "out" / "first_mac.v").read_text(), re.MULTILINE)
    assert len(names) > 3
    assert all(name == "first_mac" or name.startswith("first_mac_") for name in names)
    message = refuses("generate", "--preset", "int4-mac", "--top", "entity", "-o", tmp_path / "none")
    assert message.startswith("top must be at most 64 letters, digits and single underscores")
    assert message.endswith("not 'entity'")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["int8-mac", "e2m1xe4m3-dot32", "e5m2-mac-fp32"])
def test_manifest_describes_the_ports_of_the_verilog(name, cli, tmp_path):
    cli("generate", "--preset", name, "-o", tmp_path)
    text = (tmp_path / "bitmill_top.v").read_text()
    top = text[text.index("module bitmill_top(") :]
    declared = {
        match[3]: (match[1], int(match[2] or 0) + 1)
        for match in re.finditer(
            r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", top[: top.index("endmodule")], re.MULTILINE
        )
    }
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {port["name"]: (port["direction"], port["width"]) for port in manifest["ports"]} == declared
    for port in manifest["ports"]:
        for field, after in zip(
            port.get("fields", []), [*port.get("fields", [])[1:], {"offset": port["width"]}], strict=False
        ):
            assert field["offset"] + field["width"] == after["offset"]
            assert field.get("elements", 1) * field.get("element_width", field["width"]) == field["width"]


def test_generated_files_are_the_same_bytes_in_every_run(cli_command, cli_environment, tmp_path):
    outputs = []
    for number, engine in enumerate(("pyosys", "yowasp")):
        home = tmp_path / f"run {number}"
        home.mkdir()
        env = {**cli_environment, "PYTHONHASHSEED": str(number), YOSYS_VARIABLE: engine, "TZ": f"UTC{number}"}
        command = [*cli_command, "generate", "--preset", "e2m1-mac", "-o", "out"]
        subprocess.run(command, cwd=home, env=env, check=True, capture_output=True)
        outputs.append({path.name: path.read_bytes() for path in (home / "out").iterdir()})
    assert outputs[0] == outputs[1]


def test_regenerating_replaces_its_files_and_leaves_others(cli, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "bitmill_top.v").write_text("old")
    assert cli("generate", "--preset", "int4-mac", "-o", tmp_path).status == 0
    first = (tmp_path / "bitmill_top.v").read_bytes()
    assert first.startswith(b"// Generated by bitmill")
    assert cli("generate", tmp_path / "config.toml", "-o", tmp_path).status == 0
    assert (tmp_path / "bitmill_top.v").read_bytes() == first
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.txt", "bitmill_top.v", "bitmill_top.core", "manifest.json", "config.toml",
    }  # fmt: skip


@pytest.mark.parametrize("name", PRESETS)
def test_toml_round_trip(name, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(any_preset(name).to_toml())
    assert read_config(path) == any_preset(name)


@pytest.fixture
def short(tmp_path):
    """Configuration files of units whose longest dot product is short, so that the corners do not take long."""

    def write(name, **fields):
        path = tmp_path / f"{name}.toml"
        path.write_text(MacConfig(weight=name, activation=name, k_max=16, **fields).to_toml())
        return path

    return write


def test_verify_counts_and_repeats(cli, short, tmp_path):
    unit = short("INT4")
    options = ("--seed", "7", "--dot-products", "20", "-o", tmp_path / "out", "--waves")
    result = cli("verify", unit, *options)
    assert result.status == 0
    assert result.out.startswith("passed: INT4 MAC, exact 12-bit accumulator, rtl, seed 7\n")
    record = json.loads((tmp_path / "out" / "verification.json").read_text())["verification"]
    assert record["seed"] == 7
    assert record["input_stalls"] > 0
    assert record["output_stalls"] > 0
    totals = next(line for line in result.out.splitlines() if line.startswith("all ")).split()
    assert totals[1:3] == [str(record["beats"]), str(record["transactions"])]
    assert (tmp_path / "out" / "bitmill_top.fst").stat().st_size > 0
    written = [str(tmp_path / "out" / name) for name in ("verification.json", "bitmill_top.fst")]
    assert result.out.splitlines()[-1] == f"written: {', '.join(written)}"
    assert cli("verify", unit, *options).out == result.out


def test_verify_without_a_seed_prints_the_one_it_took(cli, short):
    unit = short("INT4")
    result = cli("verify", unit, "--dot-products", "3")
    seed = re.search(r"seed (\d+)", result.out)
    assert seed is not None
    assert f"seed {seed[1]}" in result.err
    other = cli("verify", unit, "--dot-products", "3")
    assert f"seed {seed[1]}\n" not in other.out


@pytest.mark.parametrize("netlist", ["generic", "ecp5"])
def test_verify_runs_netlists(netlist, cli, short):
    result = cli("verify", short("E2M1"), "--seed", "1", "--dot-products", "6", "--netlist", netlist)
    assert result.status == 0
    assert f", {netlist}, seed 1" in result.out


def test_verify_fails_when_the_hardware_is_wrong(cli, monkeypatch, tmp_path):
    fields = {"weight": "INT4", "activation": "INT4", "k_max": 16, "accumulator": {"kind": "exact", "width": 32}}
    wanted = MacConfig.from_dict(fields)
    unsigned = verilog.emit(MacConfig.from_dict({**fields, "weight": "UINT4", "activation": "UINT4"}))
    monkeypatch.setattr(verilog, "emit", lambda _config: unsigned)
    (tmp_path / "unit.toml").write_text(wanted.to_toml())
    arguments = ("--seed", "5", "--dot-products", "5", "-o", tmp_path / "out")
    result = cli("verify", tmp_path / "unit.toml", *arguments)
    assert (result.status, result.out) == (2, "")
    error = result.err.splitlines()[-1]
    assert error.startswith("bitmill: error: INT4 MAC, exact 32-bit accumulator: back-to-back: ")
    assert "first in result 0: value " in error
    assert "(seed 5, level rtl, waveform /" in error
    assert [path.name for path in tmp_path.iterdir()] == ["unit.toml"]


@pytest.fixture
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))


@pytest.mark.usefixtures("_own_cache")
def test_synth_counts_and_times(cli, tmp_path):
    result = cli("synth", "--preset", "e2m1-mac", "--target", "ecp5", "--seeds", "2", "-o", tmp_path / "r.json")
    assert result.status == 0, result.err
    record = json.loads((tmp_path / "r.json").read_text())
    assert MacConfig.from_dict(record["configuration"]) == preset("e2m1-mac")
    logic = record["synthesis"]["counts"]["logic"]
    assert 10 < logic < 120
    assert re.search(rf"^logic, LUT4 +{logic:g} ", result.out, re.MULTILINE)
    assert [placement["seed"] for placement in record["timing"]["placements"]] == [1, 2]
    assert f"Fmax {record['timing']['fmax_mhz']:.1f} MHz on ecp5, median of 2 placements" in result.out
    assert set(record["versions"]) == {"bitmill", "yosys", "nextpnr-ecp5"}


@pytest.mark.usefixtures("_own_cache")
def test_synth_generic_is_not_timed(cli, tmp_path):
    result = cli("synth", "--preset", "int4-mac", "--target", "generic", "-o", tmp_path / "r.json")
    assert result.status == 0
    assert "logic, NAND2-equivalents" in result.out
    assert "Fmax" not in result.out
    assert json.loads((tmp_path / "r.json").read_text())["timing"] is None


@pytest.mark.usefixtures("_own_cache")
def test_synth_no_timing_and_dsp_of_ice40(cli, tmp_path):
    path = tmp_path / "unit.toml"
    path.write_text('weight = "INT8"\nactivation = "INT8"\nmultiplier = "operator"\n')
    result = cli("synth", path, "--target", "ice40", "--dsp", "--no-timing")
    assert result.status == 0
    assert re.search(r"^dsp +1$", result.out, re.MULTILINE)
    noted = cli(
        "synth", "--preset", "int4-mac", "--target", "ecp5", "--dsp", "--no-timing", "--formulation", "configured"
    )
    assert noted.err.splitlines()[-1].startswith("bitmill: note: multiplier = 'logic' uses no DSP block")


@pytest.mark.usefixtures("_own_cache")
def test_build_makes_a_bitstream_with_its_report(cli, tmp_path):
    result = cli("build", "--board", "icebreaker", "--preset", "int8-mac", "-o", tmp_path / "out")
    assert result.status == 0, result.err
    (bitstream,) = (tmp_path / "out").glob("*.bin")
    assert bitstream.stat().st_size > 50_000
    (record,) = (json.loads(path.read_text()) for path in (tmp_path / "out").glob("*.json"))
    assert record["fmax_mhz"] > record["clock_mhz"] == 12.0
    assert f"Fmax {record['fmax_mhz']:.1f} MHz" in result.out


def test_formats_starts_without_the_heavy_libraries(cli_command, cli_environment):
    code = (
        "import sys; from bitmill.cli import main; main(['formats']); "
        "print([name for name in ('pydantic', 'numpy', 'amaranth', 'cocotb', 'rich') if name in sys.modules])"
    )
    command = [sys.executable, "-P", "-c", code]
    output = subprocess.run(command, env=cli_environment, check=True, capture_output=True, text=True).stdout
    assert output.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error(cli_command, cli_environment):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        result = subprocess.run(
            [*cli_command, "formats", "INT16", "--all"],
            env=cli_environment, stdout=closed, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


def test_tables_in_a_terminal_are_drawn(monkeypatch, capsys):
    from bitmill.commands.tables import print_table

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    print_table(["name", "bits"], [["E4M3", "8"]], right=["bits"])
    drawn = capsys.readouterr().out
    assert "name" in drawn
    assert "E4M3" in drawn
    assert "─" in drawn


def test_a_fault_of_its_own_is_one_line_unless_asked_for_more(cli, monkeypatch):
    def broken(_config, **_options):
        raise KeyError("a\nb")

    monkeypatch.setattr("bitmill.hdl.emit.verilog.emit", broken)
    result = cli("generate", "--preset", "int4-mac", "-o", "never")
    assert result.status == 2
    assert result.err.splitlines()[-1].startswith("bitmill: error: fault of bitmill's own, please report it")
    assert result.err.splitlines()[-1].endswith("KeyError: 'a\\nb'")
    monkeypatch.setenv(cli_module.TRACEBACK_VARIABLE, "1")
    with pytest.raises(KeyError):
        cli("generate", "--preset", "int4-mac", "-o", "never")
