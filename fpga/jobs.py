"""Many synthesis and timing jobs at once: threads that wait for tools, stopped together."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from ..system.errors import BitmillError
from ..system.processes import may_run_tools, stop_tools_of

Result = TypeVar("Result")


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """How one job ended: exactly one of ``result`` and ``error`` is set."""

    name: str
    result: Result | None
    error: BitmillError | None
    seconds: float
    done: int
    total: int

    def unwrap(self) -> Result:
        """The result.

        Raises
        ------
        BitmillError
            The job's own error.
        """
        if self.error is not None:
            raise self.error
        return cast(Result, self.result)


def default_workers() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


WORKERS_PER_CORE = 16
"""Each is a thread that waits for a tool; far more tools than cores only fill the memory."""


def run_jobs(
    jobs: Mapping[str, Callable[[], Result]],
    *,
    workers: int | None = None,
    progress: Callable[[Outcome[Result]], None] | None = None,
) -> dict[str, Outcome[Result]]:
    """Run every job and return its outcome by name, in the order of ``jobs``.

    Parameters
    ----------
    jobs
        Name to a function without arguments that waits for tools (``synthesize``, ``measure_timing``, ...).
    workers
        Jobs that run at the same time; the number of cores by default, at most ``WORKERS_PER_CORE`` times as many.
    progress
        Called in this thread with each outcome as soon as it is there. A ``BitmillError`` of a job is an outcome, the
        other jobs go on; any other exception is a defect and ends them all.

    Raises
    ------
    BitmillError
        If ``workers`` is less than 1, or more than the machine bears.
    KeyboardInterrupt
        After the tools that were running have been ended. What was finished is in the cache.
    """
    workers = default_workers() if workers is None else workers
    most = WORKERS_PER_CORE * default_workers()
    if not 1 <= workers <= most:
        raise BitmillError(f"workers must be from 1 to {most} on this machine, not {workers!r}")
    threads: set[int] = set()
    pool = ThreadPoolExecutor(workers, initializer=lambda: threads.add(threading.get_ident()))
    outcomes: dict[str, Outcome[Result]] = {}
    try:
        waiting: dict[Future[tuple[Result | BitmillError, float]], str] = {
            pool.submit(_timed, job): name for name, job in jobs.items()
        }
        while waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                name = waiting.pop(future)
                value, seconds = future.result()
                failed = isinstance(value, BitmillError)
                outcome = Outcome(
                    name=name,
                    result=None if failed else value,
                    error=value if failed else None,
                    seconds=seconds,
                    done=len(outcomes) + 1,
                    total=len(jobs),
                )
                outcomes[name] = outcome
                if progress is not None:
                    progress(outcome)
    except BaseException:
        _stop(pool, threads)
        raise
    pool.shutdown()
    return {name: outcomes[name] for name in jobs}


def _timed(job: Callable[[], Result]) -> tuple[Result | BitmillError, float]:
    started = time.monotonic()
    try:
        return job(), time.monotonic() - started
    except BitmillError as error:
        return error, time.monotonic() - started


def _stop(pool: ThreadPoolExecutor, threads: set[int]) -> None:
    """Drop the jobs that wait, and end the tools of those that run until their threads are through."""
    pool.shutdown(wait=False, cancel_futures=True)
    ended = threading.Event()
    threading.Thread(target=lambda: (pool.shutdown(wait=True), ended.set()), daemon=True).start()
    while not ended.is_set():
        stop_tools_of(set(threads))
        ended.wait(0.05)
    may_run_tools(threads)
