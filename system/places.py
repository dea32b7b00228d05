"""Where things lie: the cache, and the private folder of this run, which is removed when the run ends or has died."""

from __future__ import annotations

import atexit
import errno
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from . import guard
from .errors import BitmillError
from .trust import NOFOLLOW, cannot_be_renamed, is_private_folder, make_folders, make_private_folder

CACHE_VARIABLE = "BITMILL_CACHE"
"""Environment variable that names the cache directory."""

_HARMLESS = re.compile(r"[A-Za-z0-9/._+@=,~\\:-]+")
"""Paths that no tool takes to pieces: Yosys puts its temporary folder into command lines as it is."""


def user_folder(name: str) -> Path:
    """The user's cache directory of program ``name``; without a home directory one in the temporary directory."""
    try:
        found = Path(platformdirs.user_cache_dir(name, appauthor=False))
    except RuntimeError:
        found = None
    if found is not None and found.is_absolute():
        return found
    place = next((place for place in _temporary() if os.access(place, os.W_OK)), Path("/tmp"))
    return place / f"{_own_name()}-cache" / name


def cache_directory() -> Path:
    """Where results are kept: BITMILL_CACHE, or the user's cache directory."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).absolute() if named else user_folder("bitmill")


def _own_name() -> str:
    return f"bitmill-{os.geteuid()}" if hasattr(os, "geteuid") else "bitmill"


def _temporary() -> list[Path]:
    named = [os.environ.get(variable, "") for variable in ("TMPDIR", "TEMP", "TMP")]
    usual = [tempfile.gettempdir()] if os.name == "nt" else ["/tmp", "/var/tmp"]
    return [Path(path) for path in (*named, *usual) if Path(path).is_absolute()]


def _candidates() -> list[Path]:
    return [*_temporary(), cache_directory()]


def _base(*, strict: bool) -> Iterator[Path]:
    """The user's own folders in the temporary directories, the best first; ``strict`` leaves out odd places."""
    for place in _candidates():
        if strict and not _HARMLESS.fullmatch(str(place)):
            continue
        with suppress(OSError):
            if place == cache_directory():
                make_folders(place)
            if not cannot_be_renamed(place):
                continue
            if strict and not _is_roomy(place):
                continue
            make_private_folder(place / _own_name())
            yield place / _own_name()


def _is_roomy(place: Path) -> bool:
    """Whether there is room for files of tools, and programs may be run from there."""
    if not hasattr(os, "statvfs"):
        return True
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize >= _LEAST_ROOM and not found.f_flag & getattr(os, "ST_NOEXEC", 0)


@dataclass
class _Run:
    """The private folder of one process, the lock that says that it lives, and the guard that ends its tools."""

    process: int
    folder: Path
    lock: int | None
    watcher: subprocess.Popen[bytes] | None = None
    sending: threading.Lock = field(default_factory=threading.Lock)


_LEAST_ROOM = 64 << 20
_TRIES = 5
_run: _Run | None = None
_making = threading.Lock()


def run_folder() -> Path:
    """The private folder of this process: mode 0700, in the temporary directory, gone when the process is.

    The first call makes it, removes those of runs that died, and starts the guard that does so if this one dies.

    Raises
    ------
    BitmillError
        If no temporary directory is writable and safe.
    """
    return _current().folder


def _current() -> _Run:
    global _run  # noqa: PLW0603 - one per process
    with _making:
        if _run is None or _run.process != os.getpid():
            _run = _begin()
        return _run


def _begin() -> _Run:
    for strict in (True, False):
        for base in _base(strict=strict):
            # The last run of this user may take away the folder that this one has just found.
            for _ in range(_TRIES):
                with suppress(OSError):
                    make_private_folder(base)
                    _remove_dead(base)
                    return _made(base)
    tried = ", ".join(dict.fromkeys(str(path) for path in _candidates()))
    raise BitmillError(
        f"TMPDIR must be a writable folder where others cannot replace what is yours, not one of {tried}"
    )


def _made(base: Path) -> _Run:
    folder = base / f"run-{os.getpid()}-{secrets.token_hex(8)}"
    run = _Run(os.getpid(), folder, _locked(folder))
    if run.lock is None and os.name == "posix":
        # Another run took the new lock for one of the dead; without it this folder would be taken for that as well.
        raise BlockingIOError(errno.EAGAIN, "is locked", str(folder))
    try:
        folder.mkdir(mode=0o700)
        run.watcher = _guard(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        _lock_path(folder).unlink(missing_ok=True)
        raise
    return run


def _lock_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _locked(folder: Path) -> int | None:
    """Lock a run's folder; None when another process holds the lock, or took its file away, or there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    path = _lock_path(folder)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), path.lstat()):
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _remove_dead(base: Path) -> None:
    """Remove the folders of runs that nobody holds, and end what they left running."""
    for name in sorted({entry.name.removesuffix(".lock") for entry in base.glob("run-*")}):
        folder = base / name
        handle = _locked(folder)
        if handle is None:
            continue
        if folder.exists():
            guard.kill_marked(f"{folder}#")
        shutil.rmtree(folder, ignore_errors=True)
        _lock_path(folder).unlink(missing_ok=True)
        os.close(handle)


def _guard(folder: Path) -> subprocess.Popen[bytes] | None:
    if not sys.executable or os.name != "posix":
        return None
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__)), str(folder)],
            cwd="/", env={"LC_ALL": "C"}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    except OSError:
        return None


def tell_guard(line: str) -> None:
    """Say to the guard that a process group was started (``+123``) or is gone (``-123``)."""
    run = _current()
    with run.sending:
        if run.watcher is None or run.watcher.stdin is None:
            return
        try:
            os.write(run.watcher.stdin.fileno(), f"{line}\n".encode())
        except OSError:
            # Somebody ended the guard. Tools still carry their mark, by which the next run finds them.
            run.watcher.kill()


def _end() -> None:
    """Remove this run's folder, and the user's own one when it was the last."""
    run = _run
    if run is None or run.process != os.getpid():
        return
    tell_guard("bye")
    shutil.rmtree(run.folder, ignore_errors=True)
    with suppress(OSError):
        _lock_path(run.folder).unlink(missing_ok=True)
        run.folder.parent.rmdir()
    if run.watcher is not None and run.watcher.stdin is not None:
        run.watcher.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            run.watcher.wait(1)


def _forget_in_child() -> None:
    """A forked process is another run: it must not hold the parent's lock, nor the guard's pipe, when that one dies."""
    global _run, _making
    run, _run, _making = _run, None, threading.Lock()
    if run is None:
        return
    if run.lock is not None:
        os.close(run.lock)
    if run.watcher is not None and run.watcher.stdin is not None:
        run.watcher.stdin.close()
        run.watcher.returncode = 0  # the parent's child, not this one's


atexit.register(_end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def prepare_matplotlib() -> None:
    """Give matplotlib, before it is imported, a private folder where the user has none that it could write its fonts into.

    Otherwise it prints three lines of advice, or stops where there is no home directory.
    """
    if "MPLCONFIGDIR" in os.environ:
        return
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    if home is not None:
        places = (os.environ.get(f"XDG_{kind}_HOME") or home / f".{kind.lower()}" for kind in ("CONFIG", "CACHE"))
        if all(_can_hold(Path(place) / "matplotlib") for place in places):
            return
    os.environ["MPLCONFIGDIR"] = str(run_folder())


def _can_hold(folder: Path) -> bool:
    """Whether files can be written into a folder, which is made when it is not there."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    return False


@contextmanager
def private_folder(purpose: str) -> Iterator[Path]:
    """A new empty folder of this run alone, removed at the end of the block.

    Parameters
    ----------
    purpose
        Begins its name.

    Raises
    ------
    BitmillError
        If it cannot be made, or a full or damaged disk keeps something from being written into it.
    """
    folder: Path | None = None
    run = run_folder()
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{purpose}-", dir=run))
        yield folder
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
        if folder is None or (full and str(error.filename or folder).startswith(str(run))):
            place = run.parent.parent
            raise BitmillError(f"temporary folder {place}: {error.strerror}; TMPDIR names another") from None
        raise
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


__all__ = [
    "CACHE_VARIABLE", "cache_directory", "is_private_folder", "private_folder", "run_folder", "tell_guard", "user_folder",
]  # fmt: skip
