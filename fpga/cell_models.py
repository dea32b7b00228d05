"""Verilog of what a library's cells do, from their Liberty functions, to simulate netlists with."""

from __future__ import annotations

from itertools import product

from . import cache
from .liberty import LIBRARY_FILE, ClockGate, Library

_READ = f"read_liberty -ignore_miss_func {LIBRARY_FILE}\nopt_clean\n"
_WRITE = "write_verilog -noattr models.v\n"


def cell_models(library: Library, *, sampled: bool = False) -> str:
    """A module for every cell. Cached.

    Parameters
    ----------
    library
        The cells.
    sampled
        Whether a flip-flop takes the data of before its clock's edge, whenever that edge comes: its data pass a latch that
        the clock closes. A gated clock comes later than the clock by no time at all, but after data that the clock has changed
        where a simulator evaluates both at once, as CXXRTL does.

    Raises
    ------
    BitmillError
        If Yosys is missing or fails.
    """
    files = {LIBRARY_FILE: library.text}
    script = _READ + _WRITE
    if sampled:
        files |= {"latched.v": _LATCHED, "plain.v": _PLAIN}
        script = f"{_READ}techmap -map latched.v\ntechmap -map plain.v\nsimplemap\nopt_clean\n{_WRITE}"
    models = cache.yosys_cached(script, files=files, outputs=["models.v"])["models.v"]
    return models if library.clock_gate is None else models + _clock_gate_model(library.clock_gate)


def _register_kinds() -> list[tuple[str, str, tuple[str, ...]]]:
    """Suffix of Yosys' cell, the edge that clocks it, and its pins beside clock, data and output."""
    kinds = [(f"DFF_{edge}_", edge, ()) for edge in "PN"]
    kinds += [(f"DFF_{edge}{reset}{value}_", edge, ("R",)) for edge, reset, value in product("PN", "PN", "01")]
    kinds += [(f"DFFSR_{edge}{first}{second}_", edge, ("S", "R")) for edge, first, second in product("PN", "PN", "PN")]
    return kinds


def _maps(*, latched: bool) -> str:
    """Two maps, because one would map what it gives again: into a latch and a register of another name, and that one back."""
    text = ""
    for kind, edge, pins in _register_kinds():
        more = "".join(f", {pin}" for pin in pins)
        connected = "".join(f", .{pin}({pin})" for pin in pins)
        name, inner = (rf"\$_{kind}", f"bitmill_{kind}") if latched else (f"bitmill_{kind}", rf"\$_{kind}")
        data, latch = "D", ""
        if latched:
            data = "held"
            latch = rf"wire held; \$_DLATCH_{'N' if edge == 'P' else 'P'}_ hold (.E(C), .D(D), .Q(held));"
        text += f"module {name} (input C, D{more}, output Q); {latch}\n"
        text += f"  {inner} register (.C(C), .D({data}), .Q(Q){connected});\nendmodule\n"
    return text


_LATCHED, _PLAIN = _maps(latched=True), _maps(latched=False)


def _clock_gate_model(gate: ClockGate) -> str:
    """Yosys does not read tables of states. The enable is held while the clock is high."""
    tests, enable = ([gate.test], f"{gate.enable} | {gate.test}") if gate.test else ([], gate.enable)
    inputs = ", ".join(f"input {pin}" for pin in (gate.clock, gate.enable, *tests))
    return f"""
module {gate.cell} ({inputs}, output {gate.out});
  reg bitmill_held;
  always @* if (!{gate.clock}) bitmill_held = {enable};
  assign {gate.out} = {gate.clock} & bitmill_held;
endmodule
"""
