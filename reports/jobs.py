"""Measurements of a study side by side, with progress; the first failure ends them all."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..fpga.jobs import Outcome, run_jobs
from ..text import visible
from .records import Record

Job = Callable[[], list[Record]]
"""Waits for tools; returns the records of one measurement."""

Result = TypeVar("Result")


@contextmanager
def told(total: int, *, progress: bool) -> Iterator[Callable[[str, float | None], None]]:
    """A bar on standard error, if asked for, with an estimate of the time left; where that is no terminal, a line now and then.

    What it yields is called with the name of each job that is done and, where that is known, its seconds.
    """
    if not sys.stderr.isatty():
        yield _lines(total, progress=progress)
        return
    columns = (
        # Names are of files and formats, and no markup.
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("measuring", total=total)

        def done(name: str, seconds: float | None) -> None:
            bar.update(task, advance=1, description=name)
            if seconds is not None and os.environ.get("BITMILL_JOB_SECONDS"):
                bar.console.print(f"{seconds:8.2f} s  {name}", markup=False)

        yield done


def say(text: str, *, progress: bool) -> None:
    """A line on standard error, if progress is asked for."""
    if progress:
        print(f"bitmill: {visible(text)}", file=sys.stderr, flush=True)


def _lines(total: int, *, progress: bool) -> Callable[[str, float | None], None]:
    started = last = time.monotonic()
    count = 0

    def done(name: str, seconds: float | None) -> None:
        nonlocal last, count
        count += 1
        now = time.monotonic()
        if seconds is not None and os.environ.get("BITMILL_JOB_SECONDS"):
            say(f"{seconds:8.2f} s  {name}", progress=progress)
        if now - last > _LINE_SECONDS:
            last = now
            left = (now - started) / count * (total - count)
            say(f"{count} of {total} measured, about {_rough(left)} left", progress=progress)

    return done


_LINE_SECONDS = 10.0


def _rough(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


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
