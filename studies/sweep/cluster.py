"""Tasks on the workers of a dask cluster: records come back one by one and are kept here, whoever dies meanwhile."""

from __future__ import annotations

import logging
import queue
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...system.errors import BitmillError
from ...system.text import cut, visible
from ..records import Record
from .measurement import fingerprint, keep, measure
from .task import Task

CONNECT_SECONDS = 10
"""So long a scheduler may take to answer, and to have a first worker."""
WORKERLESS_SECONDS = 60.0
"""So long a cluster may be without any worker while it has work."""
_LOOK_SECONDS = 2.0
"""From look to look at the cluster while nothing comes back."""


def run_on_cluster(
    wanted: Mapping[str, Task],
    address: str,
    done: Callable[[str], None],
    *,
    there: Callable[[Task], Record | None],
) -> dict[str, Record]:
    """The records of all tasks by key.

    Parameters
    ----------
    wanted
        Tasks by key.
    address
        The scheduler's, such as ``tcp://127.0.0.1:8786`` or ``tls://host:8786``; certificates are those of distributed's own
        configuration.
    done
        Called with the key of each task whose record is there.
    there
        Gives the record of a task that needs no measuring.

    Raises
    ------
    BitmillError
        If dask is not installed, the scheduler cannot be reached, has no worker or is lost, a worker runs other sources or tools,
        or a task fails. What came back before is kept.
    """
    found: dict[str, Record] = {}
    with _connected(address) as client:
        for key, task in wanted.items():
            record = there(task)
            if record is not None:
                found[key] = record
                done(key)
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        futures = {}
        for key, task in wanted.items():
            if key not in found:
                future = client.submit(measure_elsewhere, task, fingerprint(task), key=f"bitmill-{key}", pure=False)
                future.add_done_callback(finished.put)
                futures[future.key] = key
        while len(found) < len(wanted):
            future = _next(finished, client, f"{address}: {len(found)} of {len(wanted)} measurements are kept")
            key = futures[future.key]
            record = _unwrapped(future, key, f"{address}: {len(found)} of {len(wanted)} measurements are kept")
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
    here = fingerprint(task)
    for name in expected.keys() | here.keys():
        if here.get(name) != expected.get(name):
            raise BitmillError(
                f"dask: workers must have {name} {expected.get(name, 'missing')}, not {here.get(name)!r}"
            )
    return measure(task)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client of a scheduler that has workers; distributed's own log is not for users, who get one line."""
    try:
        from distributed import Client
    except ImportError:
        raise BitmillError("missing library distributed: install it with `pip install 'bitmill[dask]'`") from None
    # Its loggers have levels and handlers of their own, some of them made later.
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    # Made in two steps, so that one whose constructor failed can be kept from trying to close a connection it never had.
    client: Any = Client.__new__(Client)
    try:
        with warnings.catch_warnings():
            # Other releases of distributed on either side are told by the fingerprint or by what fails, in one line.
            warnings.simplefilter("ignore")
            try:
                client.__init__(address, timeout=CONNECT_SECONDS, set_as_default=False)
            except Exception as error:  # Of its transport, TLS, parser of addresses: whatever they raise.
                client.status = "closed"
                raise BitmillError(f"dask: cannot reach a scheduler at {address!r}: {_said(error)}") from None
            try:
                client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            except TimeoutError:
                raise BitmillError(f"dask: the scheduler at {address!r} has no worker") from None
            except Exception as error:
                raise BitmillError(f"dask: lost the scheduler at {address!r}: {_said(error)}") from None
            yield client
    finally:
        try:
            client.close(timeout=_LOOK_SECONDS)
        except Exception:  # A scheduler that is gone never answers; nothing of ours is left there.
            client.status = "closed"
        logging.disable(before)


def _next(finished: queue.SimpleQueue[Any], client: Any, where: str) -> Any:
    """The next future that is through, while there is a scheduler with workers."""
    workerless_since = None
    while True:
        try:
            return finished.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            pass
        if client.status != "running":
            raise BitmillError(f"dask: lost the scheduler at {where}; run the same again when it is back")
        if client.scheduler_info(n_workers=1).get("workers"):
            workerless_since = None
        else:
            workerless_since = workerless_since or time.monotonic()
            if time.monotonic() - workerless_since > WORKERLESS_SECONDS:
                raise BitmillError(f"dask: no worker is left at {where}; run the same again when there is one")


def _unwrapped(future: Any, key: str, where: str) -> Record:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        return future.result(timeout=CONNECT_SECONDS)
    except BitmillError:
        raise
    except KilledWorker:
        raise BitmillError(f"dask: {key}: too many workers died while they measured it") from None
    except CancelledError:
        raise BitmillError(f"dask: lost the scheduler at {where}; run the same again when it is back") from None
    except ModuleNotFoundError as error:
        raise BitmillError(f"dask: workers must have bitmill installed with its libraries: {_said(error)}") from None
    except Exception as error:  # Whatever a worker of another release raises, or what comes of it on the way here.
        raise BitmillError(f"dask: {key}: {type(error).__name__}: {_said(error)}") from None


def _said(error: BaseException) -> str:
    """One line of an exception's text."""
    return cut(visible(str(error).strip().split("\n")[0] or type(error).__name__), 200)
