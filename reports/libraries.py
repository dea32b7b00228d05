"""The cell libraries that records are of: which there are, what they are called, and the records of one."""

from __future__ import annotations

from collections.abc import Iterable

from ..studies.records import Record, Records

USUAL = "osu018"
"""Of records that name no library."""
NODES = {USUAL: "180 nm", "sky130": "130 nm", "ihp-sg13g2": "130 nm", "asap7": "7 nm, predictive"}
"""Processes of the known ones."""


def library_of(record: Record) -> str:
    """What the library of a record is called."""
    return str(record.config.get("library") or USUAL)


def libraries(records: Iterable[Record]) -> list[str]:
    """Those that records are of, osu018 first."""
    return sorted({library_of(record) for record in records}, key=lambda name: (name != USUAL, name))


def on_library(records: Records, name: str) -> Records:
    """The records without those of other libraries."""
    return Records((record for record in records if library_of(record) == name), study=records.study)


def words_of(name: str) -> str:
    """``osu018 (180 nm)``."""
    return f"{name} ({NODES[name]})" if name in NODES else name
