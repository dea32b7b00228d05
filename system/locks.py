"""Locks that all processes of this user share: who waits long says what for, and can be interrupted."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .processes import check_not_stopped
from .trust import NOFOLLOW

_QUIET_SECONDS = 2.0


@contextmanager
def alone(path: Path, what: str) -> Iterator[None]:
    """Hold the lock of a file in a private folder; where there are no such locks, go on without.

    Parameters
    ----------
    path
        The lock's file, made when it is not there. A link in its place is refused.
    what
        What is being done under the lock, for the line that is printed after two seconds of waiting.

    Raises
    ------
    OSError
        If the file cannot be opened.
    BitmillError
        If this thread is stopped while it waits.
    """
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(path, os.O_RDWR | os.O_CREAT | NOFOLLOW, 0o600)
    try:
        started, told = time.monotonic(), False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                check_not_stopped(what)
            if not told and time.monotonic() - started > _QUIET_SECONDS:
                told = True
                holder = os.pread(handle, 32, 0).decode("ascii", errors="replace").strip() or "unknown"
                print(f"bitmill: waiting for process {holder}, which holds {path}: {what}", file=sys.stderr, flush=True)
            time.sleep(0.05)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
