"""Many synthesis and timing jobs at once: threads that wait for tools, stopped together."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from queue import SimpleQueue
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


PATIENCE_SECONDS = 1.0
"""So long jobs are waited for that are to end: those that wait for tools end at once, those that compute are left."""

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
        After the tools that were running have been ended, within ``PATIENCE_SECONDS``. What was finished is in the cache.
    """
    workers = default_workers() if workers is None else workers
    most = WORKERS_PER_CORE * default_workers()
    if not 1 <= workers <= most:
        raise BitmillError(f"workers must be from 1 to {most} on this machine, not {workers!r}")
    todo = deque(jobs.items())
    finished: SimpleQueue[tuple[str, Result | BaseException, float]] = SimpleQueue()

    def work() -> None:
        while True:
            try:
                name, job = todo.popleft()
            except IndexError:
                return
            finished.put((name, *_timed(job)))

    # Daemons: a process that is to end does not wait for what they compute.
    threads = [
        # Each in a copy of this context, whose meter counts what its tools take.
        threading.Thread(target=copy_context().run, args=(work,), daemon=True, name=f"bitmill job {index}")
        for index in range(workers)
    ]
    outcomes: dict[str, Outcome[Result]] = {}
    try:
        for thread in threads:
            thread.start()
        while len(outcomes) < len(jobs):
            name, value, seconds = finished.get()
            failed = isinstance(value, BitmillError)
            if isinstance(value, BaseException) and not failed:
                raise value
            outcome = Outcome(
                name=name,
                result=None if failed else cast(Result, value),
                error=value if failed else None,
                seconds=seconds,
                done=len(outcomes) + 1,
                total=len(jobs),
            )
            outcomes[name] = outcome
            if progress is not None:
                progress(outcome)
    except BaseException:
        todo.clear()
        _stop(threads)
        raise
    return {name: outcomes[name] for name in jobs}


def _timed(job: Callable[[], Result]) -> tuple[Result | BaseException, float]:
    started = time.monotonic()
    try:
        return job(), time.monotonic() - started
    except BaseException as error:  # Whatever it is, the thread that waits for it is the one to raise it.
        return error, time.monotonic() - started


def _stop(threads: Sequence[threading.Thread]) -> None:
    """End the tools of the jobs that run, and wait for these as long as ``PATIENCE_SECONDS``; they run no tool any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    running = [thread for thread in threads if thread.ident is not None]
    while any(thread.is_alive() for thread in running) and time.monotonic() < deadline:
        stop_tools_of({thread.ident for thread in running if thread.ident is not None})
        time.sleep(0.02)
    may_run_tools({thread.ident for thread in running if thread.ident is not None and not thread.is_alive()})
