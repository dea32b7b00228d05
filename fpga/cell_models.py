"""Verilog of what a library's cells do, from their Liberty functions, to simulate netlists with."""

from __future__ import annotations

from . import cache
from .liberty import LIBRARY_FILE, ClockGate, Library


def cell_models(library: Library) -> str:
    """A module for every cell. Cached.

    For simulators that let a gated clock come before the data that the clock changes, as Icarus does; CXXRTL does not.

    Raises
    ------
    BitmillError
        If Yosys is missing or fails.
    """
    script = f"read_liberty -ignore_miss_func {LIBRARY_FILE}\nopt_clean\nwrite_verilog -noattr models.v\n"
    models = cache.yosys_cached(script, files={LIBRARY_FILE: library.text}, outputs=["models.v"])["models.v"]
    return models if library.clock_gate is None else models + _clock_gate_model(library.clock_gate)


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
