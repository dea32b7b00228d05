"""Tasks on the workers of a dask cluster: records come back one by one and are kept here, whichever worker dies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...errors import BitmillError
from ..records import Record
from .measurement import fingerprint, keep, known, measure
from .task import Task

CONNECT_SECONDS = 10


def run_on_cluster(wanted: Mapping[str, Task], address: str, done: Callable[[str], None]) -> dict[str, Record]:
    """The records of all tasks by key.

    Raises
    ------
    BitmillError
        If dask is not installed, the scheduler cannot be reached or has no worker, a worker runs other sources or tools, or a
        task fails.
    """
    try:
        from distributed import Client, as_completed
    except ImportError:
        raise BitmillError("missing library distributed: install it with `pip install 'bitmill[dask]'`") from None
    found: dict[str, Record] = {}
    for key, task in wanted.items():
        record = known(task)
        if record is not None:
            found[key] = record
            done(key)
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BitmillError(f"dask: cannot reach a scheduler at {address!r}: {error}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError:
            raise BitmillError(f"dask: the scheduler at {address!r} has no worker") from None
        expected = fingerprint()
        futures = {
            client.submit(measure_elsewhere, task, expected, key=f"bitmill-{key}", pure=False): key
            for key, task in wanted.items()
            if key not in found
        }
        for future in as_completed(futures, loop=client.loop):
            key = futures[future]
            record = _unwrapped(future, key)
            keep(wanted[key], record)
            found[key] = record
            done(key)
    return found


def measure_elsewhere(task: Task, expected: Mapping[str, str]) -> Record:
    """What a worker runs: ``measure``, if it would measure the same as whoever asks.

    Raises
    ------
    BitmillError
        If sources or tools differ, or as ``measure``.
    """
    here = fingerprint()
    for name, wanted in expected.items():
        if here.get(name) != wanted:
            raise BitmillError(f"dask: workers must have {name} {wanted}, not {here.get(name)!r}")
    return measure(task)


def _unwrapped(future: Any, key: str) -> Record:
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        raise BitmillError(f"dask: {key}: too many workers died while they measured it") from None
