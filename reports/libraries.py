"""The cell libraries that records are of: which there are, what they are called, the records and pictures of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from matplotlib.figure import Figure

from ..fpga.libraries import LIBRARIES
from ..fpga.pace import OSU018 as USUAL
from ..studies.records import Record, Records
from .report import Drawing

__all__ = ["USUAL", "by_library", "libraries", "library_of", "per_library", "words_of"]


def library_of(record: Record) -> str:
    """What the library that a record is of is called; osu018 where it says none, as records did that are older than others."""
    return str(record.config.get("library") or record.flow.get("cells") or USUAL)


def libraries(records: Iterable[Record]) -> list[str]:
    """Those that records are of, osu018 first."""
    return sorted({library_of(record) for record in records}, key=lambda name: (name != USUAL, name))


def by_library(records: Records, topic: str) -> dict[str, Records]:
    """For each library that records of a topic are of, the records without those of others."""
    return {
        name: Records((record for record in records if library_of(record) == name), study=records.study)
        for name in libraries(records.of_kind(topic))
    }


def per_library(
    records: Records, topic: str, name: str, draw: Callable[[Records], Figure], caption: str
) -> dict[str, Drawing]:
    """A picture of each library's records: ``curves`` for osu018, ``curves-sky130``."""
    return {
        name if library == USUAL else f"{name}-{library}": Drawing(
            lambda every, library=library: draw(by_library(every, topic)[library]),
            f"{caption}, on {words_of(library)}.",
        )
        for library in by_library(records, topic)
    }


def words_of(name: str) -> str:
    """``osu018 (180 nm)``."""
    return f"{name} ({LIBRARIES[name].node_nm} nm)" if name in LIBRARIES else name
