"""Measurements of a study side by side, with progress; the first failure ends them all."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..fpga.jobs import Outcome, run_jobs
from .records import Record

Job = Callable[[], list[Record]]
"""Waits for tools; returns the records of one measurement."""


def run_all(jobs: Mapping[str, Job], *, workers: int | None = None, progress: bool = False) -> list[list[Record]]:
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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("measuring", total=len(jobs))

        def finished(outcome: Outcome[list[Record]]) -> None:
            # The first failure ends the study: its cost would be reported without its proof.
            outcome.unwrap()
            bar.update(task, advance=1, description=outcome.name)
            if os.environ.get("BITMILL_JOB_SECONDS"):
                bar.console.print(f"{outcome.seconds:8.2f} s  {outcome.name}")

        outcomes = run_jobs(jobs, workers=workers, progress=finished)
    return [outcome.unwrap() for outcome in outcomes.values()]
