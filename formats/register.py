"""Formats that a program adds to the catalog while it runs."""

from __future__ import annotations

from ..system.errors import BitmillError
from .catalog import REGISTERED
from .scalar import Format
from .table import checked


def register(row: Format) -> Format:
    """Make a format known by its name in this process: ``get`` finds it, and configurations that name it carry it along.

    Parameters
    ----------
    row
        An ``Int``, ``Minifloat``, ``Codebook`` or ``PowerOfTwo`` within the limits of ``[formats.NAME]`` tables.

    Returns
    -------
    The format that is known from now on: the same with its name in upper case.

    Raises
    ------
    BitmillError
        If the catalog, or another format that was registered, has the name, or the format is beyond a limit.
    """
    found = checked(row)
    known = REGISTERED.setdefault(found.name, found)
    if known != found:
        raise BitmillError(f"formats must have names that are not registered for another format, not {row.name!r}")
    return known


def registered() -> dict[str, Format]:
    """All formats that were registered, by name."""
    return dict(REGISTERED)
