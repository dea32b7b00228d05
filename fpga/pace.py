"""How fast a cell library is: the clock periods that mean the same on it as others do on osu018."""

from __future__ import annotations

from .liberty import Library
from .libraries import find_library
from .standard_cells import map_standard_cells

OSU018 = "osu018"
"""The library that every study measures with; records and ids without a library are of it."""

_FASTEST_NS = {OSU018: 1.0}
"""Periods that nothing reaches and that committed records were made with."""
_UNREACHED_NS = 0.001


def fastest_ns(library: Library) -> float:
    """A clock period in ns that no unit reaches: who asks for it gets the fastest circuit.

    That of one NAND between registers, by OpenSTA; of osu018 the 1 ns that its records were made with.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    return _FASTEST_NS[library.key] if library.key in _FASTEST_NS else _shortest(library, "~(a & b)", 1)


def paced(period_ns: float, library: Library) -> float:
    """What a clock period on osu018 is on another library, in ns: as many times that of a fast sum of two 16-bit numbers.

    Rounded to two digits.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    if library.key == OSU018:
        return period_ns
    ratio, usual = (_shortest(of, "a + b", 16) for of in (library, find_library(OSU018)))
    return float(f"{period_ns * ratio / usual:.2g}")


def _shortest(library: Library, function: str, bits: int) -> float:
    """The shortest clock period of a function of two numbers between registers, whatever it takes."""
    ports = f"input clk, input [{bits - 1}:0] a, b, output [{bits - 1}:0] y"
    text = f"module shortest ({ports}); assign y = {function}; endmodule\n"
    return map_standard_cells(text, "shortest", library, period_ns=_UNREACHED_NS, skipped=("small",)).best.delay_ns
