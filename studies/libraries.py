"""The cell libraries that studies measure with, by name: which are found here, and what records call them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..fpga.liberty import Library
from ..fpga.libraries import CELLS_VARIABLE, LIBRARIES, PDK_VARIABLE, find_library
from ..fpga.pace import OSU018
from ..system.errors import BitmillError
from ..system.screen import say
from ..system.text import short


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
