"""A private folder beside what will be written, held by one process: what two runs would write, one of them writes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BitmillError

LOCK, FILES, READY = "lock", "files", "ready"
"""Inside the folder: who holds it; what is being written; what is whole and on its way to its place."""

PATIENCE = 0.3
"""Seconds in which a lock is asked for again: whoever looks whether it is held holds it for an instant."""

_held: set[int] = set()
"""Descriptors of locks: a forked child closes its copies, so that a lock ends with the process that took it."""


def _close_copies() -> None:
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_close_copies)


def folder_beside(path: Path) -> Path:
    """The staging folder of a file, or of a directory that is still to be made."""
    name = f".{path.name}.bitmill"
    if len(os.fsencode(name)) > 255:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:32]}.bitmill"
    return path.parent / name


def folder_inside(directory: Path) -> Path:
    """The staging folder of a directory that is there, on whose file system it must be."""
    return directory / ".bitmill"


@contextmanager
def held(folder: Path, shown: Path, *, wait: bool = False) -> Iterator[Path]:
    """Make the folder, or take over what a dead run left of it, and remove it at the end; gives ``folder / FILES``.

    What was left unfinished is dropped. What was ready stays, also at the end, for whoever moves it to its place.

    Raises
    ------
    BitmillError
        If another run holds it and ``wait`` is false, or it belongs to somebody else.
    """
    handle = _take(folder, shown, wait=wait)
    _held.add(handle)
    try:
        shutil.rmtree(folder / FILES, ignore_errors=True)
        (folder / FILES).mkdir()
        yield folder / FILES
    finally:
        shutil.rmtree(folder / FILES, ignore_errors=True)
        if not (folder / READY).exists():
            with suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()
        _held.discard(handle)
        os.close(handle)


def is_left_over(folder: Path) -> bool:
    """Whether a dead run left the folder: it is there, and nobody holds it."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return folder.is_dir()
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _take(folder: Path, shown: Path, *, wait: bool) -> int:
    """A descriptor of the folder's lock, which this process holds as long as it is open."""
    patience = time.monotonic() + PATIENCE
    while True:
        is_new = _make(folder, shown)
        try:
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            continue  # Its owner has just ended and removed the folder.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 20, 0).decode("ascii", "replace")
            os.close(handle)
            if not wait and time.monotonic() > patience:
                raise BitmillError(f"output {shown}: another run writes to it, process {owner or 'unknown'}") from None
            time.sleep(0.05)
            continue
        except OSError as error:
            # A file system without locks: who made the folder has it.
            if not is_new:
                os.close(handle)
                raise BitmillError(
                    f"output {shown}: another run may be writing to it; if none is, remove {folder} ({error.strerror})"
                ) from None
        if _is_still(folder / LOCK, handle):
            os.ftruncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode("ascii"), 0)
            return handle
        os.close(handle)


def _make(folder: Path, shown: Path) -> bool:
    """Whether the folder was made; False if it was there, and is one of ours."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        with suppress(FileNotFoundError):
            found = folder.lstat()
            if folder.is_symlink() or not folder.is_dir() or found.st_uid != os.geteuid():
                raise BitmillError(f"output {shown}: {folder} is in the way, which is no folder of yours") from None
        return False
    return True


def _is_still(path: Path, handle: int) -> bool:
    """Whether the open file is still the one of that name: its owner may have removed it before letting go."""
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
