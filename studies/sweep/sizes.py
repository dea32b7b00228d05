"""How large a study is, said before work begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from ...system.screen import say
from ..ids import unit_key
from ..libraries import key_of
from ..records import Record
from .grid import Expanded
from .measurement import CPU_SECONDS, known
from .study_file import StudyFile
from .task import ON_CELLS, Task

SILENT_SECONDS = 2.0
"""So long may expanding take without a word, and from word to word."""


def expand_told(study: StudyFile, *, progress: bool) -> Expanded:
    """``study.expand()``, on standard error where it takes longer than ``SILENT_SECONDS``."""
    last = time.monotonic()

    def tell(done: int, of: int) -> None:
        nonlocal last
        if progress and time.monotonic() - last > SILENT_SECONDS:
            say(f"bitmill: {study.title}: {done} of {of} combinations", err=True)
            last = time.monotonic()

    return study.expand(tell)


def say_sizes(tasks: Sequence[Task], skipped: int, *, progress: bool, records: Iterable[Record] = ()) -> None:
    """``12 units, 36 measurements; 4 combinations are no unit``, and the CPU hours of what is on cells, by ``records``."""
    if not progress:
        return
    units = len({task.key.partition("/")[0] for task in tasks})
    rest = f"; {skipped} combinations are no unit" if skipped else ""
    say(f"bitmill: {units} units, {len({task.key for task in tasks})} measurements{rest}", err=True)
    for line in hours(tasks, records):
        say(f"bitmill: {line}", err=True)


def hours(tasks: Sequence[Task], records: Iterable[Record]) -> Iterator[str]:
    """What is on cells, library by library: how much is to be measured, and how long that takes by recorded times.

    A measurement takes what it took when it was recorded, else what the same unit took on another library, else the median of
    its target; where there is no time at all, that is said.
    """
    recorded = {record.id: record.flow[CPU_SECONDS] for record in records if CPU_SECONDS in record.flow}
    todo = [
        task for task in dict(zip((task.key for task in tasks), tasks, strict=True)).values() if task.target in ON_CELLS
    ]
    todo = [task for task in todo if known(task) is None]
    by_target: dict[str, list[float]] = {}
    by_unit: dict[tuple[str, str], float] = {}
    for task in tasks:
        if task.key in recorded:
            by_target.setdefault(task.target, []).append(recorded[task.key])
            by_unit[unit_key(task.unit), task.target] = recorded[task.key]
    whole = 0.0
    for library in dict.fromkeys(task.library for task in todo):
        found, guessed, unknown = 0.0, 0, 0
        of_library = [task for task in todo if task.library == library]
        for task in of_library:
            usual = by_unit.get((unit_key(task.unit), task.target))
            median_of = median(by_target[task.target]) if task.target in by_target else None
            seconds = recorded.get(task.key, usual if usual is not None else median_of)
            guessed += task.key not in recorded and seconds is not None
            unknown += seconds is None
            found += seconds or 0.0
        whole += found
        rest = f", {unknown} of unknown length" if unknown else ""
        yield (
            f"{key_of(library)}: {len(of_library)} to measure or take from committed records, at most "
            f"{found / 3600:.2f} CPU hours, {guessed} of them by like units{rest}"
        )
    if todo:
        yield f"together at most {whole / 3600:.2f} CPU hours; a run that is ended goes on where it was"
