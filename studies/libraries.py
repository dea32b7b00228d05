"""The cell libraries that studies measure with, by name: which are found here, and how short a clock period each can have."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..fpga.liberty import Library
from ..fpga.libraries import CELLS_VARIABLE, LIBRARIES, PDK_VARIABLE, find_library
from ..fpga.standard_cells import map_standard_cells
from ..system.errors import BitmillError
from ..system.screen import say
from ..system.text import short
from .records import Record, Records

OSU018 = "osu018"
"""The library that every study measures with; records and ids without a library are of it."""

_FASTEST_NS = {OSU018: 1.0}
"""Periods that nothing reaches and that committed records were made with."""
_UNREACHED_NS = 0.001


def library_named(name: str) -> Library:
    """``find_library``, read once in a process.

    Raises
    ------
    BitmillError
        As ``find_library``.
    """
    return _read(name, *(os.environ.get(variable) for variable in (CELLS_VARIABLE, PDK_VARIABLE)))


@cache
def _read(name: str, *_where: str | None) -> Library:
    return find_library(name)


def libraries_found(asked: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the libraries to measure with, osu018 first: those asked for, or all known ones that are here.

    Those that are not here are said in one line on standard error, with how to get them.

    Parameters
    ----------
    asked
        Names or paths, as ``find_library`` takes them.

    Raises
    ------
    BitmillError
        If one that is asked for, or osu018, cannot be found or read.
    """
    library_named(OSU018)
    if asked:
        return tuple(dict.fromkeys((OSU018, *(name_of(name) for name in asked))))
    missing: dict[str, str] = {}
    names = sorted(LIBRARIES, key=lambda name: -LIBRARIES[name].node_nm)
    for name in names:
        try:
            library_named(name)
        except BitmillError as error:
            missing[name] = LIBRARIES[name].get if str(error).startswith("missing") else str(error)
    if missing:
        told = ", ".join(f"{name} ({how})" for name, how in missing.items())
        say(f"bitmill: note: not measured: {told}; {PDK_VARIABLE} or {CELLS_VARIABLE} says where they are", err=True)
    return tuple(name for name in names if name not in missing)


def check_name(name: str) -> None:
    """Refuse what can be no library, here or elsewhere.

    Raises
    ------
    BitmillError
        If it is neither a known name nor a path.
    """
    if name not in LIBRARIES and not Path(name).exists():
        raise BitmillError(f"cells must be {', '.join(LIBRARIES)} or a path of Liberty files, not {short(name)}")


def key_of(name: str) -> str:
    """What records call the library of a name or a path; known ones need not be here.

    Raises
    ------
    BitmillError
        If it is none of the known ones and cannot be read.
    """
    return name if name in LIBRARIES else library_named(name).key


def name_of(name: str) -> str:
    """A library's name, or its absolute path where it is none of the known ones.

    Raises
    ------
    BitmillError
        If it cannot be found or read.
    """
    key = library_named(name).key
    return key if key in LIBRARIES else str(Path(name).absolute())


def library_of(record: Record) -> str:
    """What the library that a record is of is called; osu018 where it says none."""
    return str(record.config.get("library", OSU018))


def on_library(records: Records, name: str) -> Records:
    """The records without those of other libraries."""
    return Records((record for record in records if library_of(record) == name), study=records.study)


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
    ratio, usual = (_shortest(of, "a + b", 16) for of in (library, library_named(OSU018)))
    return float(f"{period_ns * ratio / usual:.2g}")


def _shortest(library: Library, function: str, bits: int) -> float:
    """The shortest clock period of a function of two numbers between registers, whatever it takes."""
    ports = f"input clk, input [{bits - 1}:0] a, b, output [{bits - 1}:0] y"
    text = f"module shortest ({ports}); assign y = {function}; endmodule\n"
    return map_standard_cells(text, "shortest", library, period_ns=_UNREACHED_NS, skipped=("small",)).best.delay_ns
