"""How large a study is, said before work begins."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from ...fpga.cost.features import features
from ...fpga.cost.traits import reckoned_gates
from ...system.errors import BitmillError
from ...system.screen import say
from ..libraries import key_of
from ..records import Record
from .grid import Expanded
from .measurement import CPU_SECONDS, known
from .study_file import StudyFile
from .task import CELLS, FASTEST, ON_CELLS, POWER, SPREAD, Task

_SECONDS = {CELLS: 4.0, FASTEST: 18.0, SPREAD: 20.0, POWER: 8.0}
"""CPU seconds per thousand gates, as measured of small and wide units on sky130."""
_LEAST_GATES, _GATES_PER_BIT = 500, 60
_FORMULATIONS = 1.8
"""What trying formulations takes besides, most of which are left after one recipe."""

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
    """CPU hours of what is to be measured on cells, library by library: by recorded times, else by the units' sizes."""
    recorded = {record.id: record.flow[CPU_SECONDS] for record in records if CPU_SECONDS in record.flow}
    todo = {task.key: task for task in tasks if task.target in ON_CELLS and known(task) is None}
    seconds = {key: recorded.get(key) or reckoned_seconds(task) for key, task in todo.items()}
    for library in dict.fromkeys(task.library for task in todo.values()):
        keys = [key for key, task in todo.items() if task.library == library]
        known_times = sum(key in recorded for key in keys)
        yield (
            f"{key_of(library)}: {len(keys)} to measure or take from committed records, at most "
            f"{sum(seconds[key] for key in keys) / 3600:.2f} CPU hours, "
            f"{known_times} of them by recorded times, the others by their sizes (right to a factor of two)"
        )
    if todo:
        yield f"together {sum(seconds.values()) / 3600:.2f} CPU hours; a run that is ended goes on where it was"


def reckoned_seconds(task: Task) -> float:
    """CPU seconds of a measurement on cells, by the gates that a unit has by reckoning: right to a factor of about two."""
    unit = task.unit
    try:
        gates = reckoned_gates(features(unit))
    except BitmillError:
        gates = _GATES_PER_BIT * unit.macs * (unit.weight_format.bits + unit.activation_format.bits)
    return _SECONDS[task.target] * (_LEAST_GATES + gates) / 1000 * (_FORMULATIONS if task.best else 1)
