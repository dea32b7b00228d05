"""Measurements of a study side by side, with progress; the first failure ends them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TypeVar

from ..fpga.jobs import Outcome, run_jobs
from ..system.screen import say
from ..system.screen.progress import progress as shown
from .records import Record

Job = Callable[[], list[Record]]
"""Waits for tools; returns the records of one measurement."""

Result = TypeVar("Result")


@contextmanager
def told(total: int, *, progress: bool) -> Iterator[Callable[[str, float | None], None]]:
    """Progress on standard error, if asked for, with an estimate of the time left.

    What it yields is called with the name of each job that is done and, where that is known, its seconds.
    """
    count = 0
    with shown("measuring", paced=True) if progress else nullcontext(_silent) as step:
        step("measuring", done=0, total=total)

        def done(name: str, seconds: float | None) -> None:
            nonlocal count
            count += 1
            step(name, done=count, total=total)
            if progress and seconds is not None and os.environ.get("BITMILL_JOB_SECONDS"):
                say(f"{seconds:8.2f} s  {name}", err=True)

        yield done


def _silent(text: str, *, done: int | None = None, total: int | None = None) -> None:
    pass


def run_all(
    jobs: Mapping[str, Callable[[], Result]], *, workers: int | None = None, progress: bool = False
) -> list[Result]:
    """What every job returned, in the order of ``jobs``.

    Parameters
    ----------
    jobs
        Name to job; names are shown as they finish.
    workers
        Jobs at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.

    Raises
    ------
    BitmillError
        The first failure; jobs that had finished are in the cache.
    """
    with told(len(jobs), progress=progress) as done:

        def finished(outcome: Outcome[Result]) -> None:
            # The first failure ends the study: its cost would be reported without its proof.
            outcome.unwrap()
            done(outcome.name, outcome.seconds)

        outcomes = run_jobs(jobs, workers=workers, progress=finished)
    return [outcome.unwrap() for outcome in outcomes.values()]


def run_records(jobs: Mapping[str, Job], *, workers: int | None = None, progress: bool = False) -> list[Record]:
    """The records of all jobs, in the order of ``jobs``.

    Raises
    ------
    BitmillError
        As ``run_all``.
    """
    return [record for batch in run_all(jobs, workers=workers, progress=progress) for record in batch]
