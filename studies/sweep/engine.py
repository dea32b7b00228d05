"""Runs tasks here or on a dask cluster, with progress and an estimate of the time left; what is done is never done again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from ...system.errors import BitmillError
from ..jobs import run_all, told
from ..records import Record
from .measurement import known, measure
from .taken import Committed
from .task import Task


def run_tasks(
    tasks: Sequence[Task],
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = False,
    taken: Committed | None = None,
    seconds: float = float("inf"),
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
    taken
        Committed measurements that may be taken instead where they are still valid.
    seconds
        After which no further task is begun, here on this machine: what is not known by then is left out.

    Raises
    ------
    BitmillError
        The first failure; the scheduler cannot be reached or is lost; a worker runs other sources or tools; two tasks of one
        name are not equal.
    """
    wanted: dict[str, Task] = {}
    for task in tasks:
        if wanted.setdefault(task.key, task) != task:
            raise BitmillError(f"{task.key}: tasks of one name must be equal, not {task!r} and {wanted[task.key]!r}")

    def there(task: Task) -> Record | None:
        found = known(task)
        return taken.record(task) if found is None and taken is not None else found

    ended = time.monotonic() + seconds
    found: Mapping[str, Record | None]
    if dask is None:
        jobs = {
            key: (lambda task=task: there(task) or (measure(task) if time.monotonic() < ended else None))
            for key, task in wanted.items()
        }
        found = dict(zip(wanted, run_all(jobs, workers=workers, progress=progress), strict=True))
    else:
        from .cluster import run_on_cluster

        with told(len(wanted), progress=progress) as done:
            found = run_on_cluster(wanted, dask, lambda key: done(key, None), there=there)
    return [record for task in tasks if (record := found[task.key]) is not None]
