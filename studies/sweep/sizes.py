"""How large a study is, said before work begins."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ...system.screen import say
from .grid import Expanded
from .study_file import StudyFile
from .task import Task

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


def say_sizes(tasks: Sequence[Task], skipped: int, *, progress: bool) -> None:
    """``12 units, 36 measurements; 4 combinations are no unit``."""
    units = len({task.key.partition("/")[0] for task in tasks})
    rest = f"; {skipped} combinations are no unit" if skipped else ""
    if progress:
        say(f"bitmill: {units} units, {len({task.key for task in tasks})} measurements{rest}", err=True)
