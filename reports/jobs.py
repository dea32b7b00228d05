"""Measurements of a study side by side, with progress; the first failure ends them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..fpga.jobs import Outcome, run_jobs
from .records import Record

Job = Callable[[], list[Record]]
"""Waits for tools; returns the records of one measurement."""

Result = TypeVar("Result")


@contextmanager
def told(total: int, *, progress: bool) -> Iterator[Callable[[str, float | None], None]]:
    """A bar on standard error, if asked for, with an estimate of the time left.

    What it yields is called with the name of each job that is done and, where that is known, its seconds.
    """
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("measuring", total=total)

        def done(name: str, seconds: float | None) -> None:
            bar.update(task, advance=1, description=name)
            if seconds is not None and os.environ.get("BITMILL_JOB_SECONDS"):
                bar.console.print(f"{seconds:8.2f} s  {name}")

        yield done


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
