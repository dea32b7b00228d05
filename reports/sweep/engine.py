"""Runs tasks here or on a dask cluster, with progress and an estimate of the time left; what is done is never done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ...fpga.jobs import Outcome, run_jobs
from ..records import Record
from .task import Task, measure

Done = Callable[[str], None]
"""Told the key of every task that is done."""


def run_tasks(
    tasks: Sequence[Task], *, workers: int | None = None, dask: str | None = None, progress: bool = False
) -> list[Record]:
    """The records of all tasks, in their order.

    A record is kept on disk as soon as it is there, and so is what every tool gave: after a kill at any moment, running the same
    tasks again repeats no more than those that were under way.

    Parameters
    ----------
    tasks
        What to measure; equal ones once.
    workers
        Tasks at the same time on this machine; the number of cores by default.
    dask
        Address of a dask scheduler, whose workers then measure; each must run the same bitmill with the same tools.
    progress
        Whether to show progress on standard error.

    Raises
    ------
    BitmillError
        The first failure; the scheduler cannot be reached; a worker runs other sources or tools.
    """
    wanted = {task.key: task for task in tasks}
    with _told(len(wanted), progress) as done:
        if dask is not None:
            from .cluster import run_on_cluster

            found = run_on_cluster(wanted, dask, done)
        else:
            found = _run_here(wanted, workers, done)
    return [found[task.key] for task in tasks]


def _run_here(wanted: dict[str, Task], workers: int | None, done: Done) -> dict[str, Record]:
    def finished(outcome: Outcome[Record]) -> None:
        outcome.unwrap()
        done(outcome.name)

    jobs = {key: (lambda task=task: measure(task)) for key, task in wanted.items()}
    outcomes = run_jobs(jobs, workers=workers, progress=finished)
    return {key: outcome.unwrap() for key, outcome in outcomes.items()}


@contextmanager
def _told(total: int, progress: bool) -> Iterator[Done]:
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), disable=not progress) as bar:
        task = bar.add_task("measuring", total=total)
        yield lambda key: bar.update(task, advance=1, description=key)
