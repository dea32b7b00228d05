"""Runs a command to its end, bounded in time and in what it prints, and ends whatever it started, however that ends."""

from __future__ import annotations

import errno
import itertools
import os
import re
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO

from . import guard
from .environment import tool_environment
from .errors import BitmillError
from .kept import keep_log
from .places import private_folder, run_folder, tell_guard

LONGEST_SECONDS = 6 * 3600.0
"""A tool without a timeout of its own is ended after these."""

MOST_OUTPUT = 256 << 20
"""Bytes that a tool may print."""

_ROOM = 128 << 10
"""Bytes that must still fit into the temporary folder after a tool has run."""

_LOOK_SECONDS = 0.5
"""How often a running tool's output is measured."""

_Ended = Callable[[float], bool]
"""Waits so many seconds for a process to end, and says whether it has."""

_numbers = itertools.count()
# One tool at a time runs in a thread, so the thread names the process.
_running: dict[int, subprocess.Popen[bytes]] = {}
_stopped: set[int] = set()
_guarded = threading.Lock()


class Meter:
    """CPU seconds of the tools that were run in a context."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count what a tool has taken."""
        with self._lock:
            self.seconds += seconds


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count the CPU time of all tools that the block runs, in threads of its context too."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def stop_tools_of(threads: Iterable[int]) -> None:
    """End the tools that the threads of these identifiers wait for, and let them start no other one.

    Their ``run_tool`` raises, and so does whoever waits for a lock there; ``may_run_tools`` lets them run tools again.
    """
    with _guarded:
        _stopped.update(threads)
        # Under the lock nothing is reaped, so that a number is not yet another process's.
        for thread in _stopped & set(_running):
            _kill(_running[thread])


def may_run_tools(threads: Iterable[int]) -> None:
    """Take back ``stop_tools_of``, when the threads are through: their identifiers are given to new ones."""
    with _guarded:
        _stopped.difference_update(threads)


def check_not_stopped(name: str) -> None:
    """Raise if ``stop_tools_of`` was told of this thread.

    Raises
    ------
    BitmillError
        If so; it names what is not done.
    """
    if threading.get_ident() in _stopped:
        raise BitmillError(f"{name}: not run, since all is being stopped")


def run_tool(
    argv: Sequence[str],
    *,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
    name: str | None = None,
    inherit: bool = False,
) -> str:
    """Run a command to its end and return what it printed, standard output and error together.

    It runs in an environment of bitmill's own (``tool_environment``), reads nothing from the terminal, and dies with this
    process, together with everything it started.

    Parameters
    ----------
    argv
        The command, for example ``[*find_tool("iverilog"), "-V"]``.
    cwd
        Working directory; by default a new one that is removed afterwards.
    env
        Variables added to the environment.
    timeout
        Seconds after which the command is ended; ``LONGEST_SECONDS`` by default.
    name
        What messages call the command; the file name of ``argv[0]`` by default.
    inherit
        Whether it gets this process's environment and working directory instead, as a command that is no tool does: pip,
        make, bitmill itself.

    Raises
    ------
    BitmillError
        If it exits non-zero, is ended by a signal or the timeout, or prints more than ``MOST_OUTPUT``. The line gives its last
        error and where the log is.
    """
    name = name or Path(argv[0]).name
    check_not_stopped(name)
    if cwd is None and not inherit:
        with private_folder("tool") as folder:
            return run_tool(argv, cwd=folder, env=env, timeout=timeout, name=name)
    environment = {**os.environ, **(env or {})} if inherit else tool_environment(env, cwd=Path(cwd or "."))
    environment[guard.MARK] = mark = f"{run_folder()}#{next(_numbers)}"
    with tempfile.TemporaryFile(dir=run_folder()) as log:
        try:
            with _started(argv, cwd=cwd, environment=environment, log=log) as process:
                excess = _wait(process, LONGEST_SECONDS if timeout is None else timeout, log)
                if excess is not None:
                    _kill(process, mark)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise BitmillError(f"{name}: cannot be run: {error.strerror}") from None
        text = _read(log)
    if Path(cwd or ".").is_relative_to(run_folder()):
        _check_space(Path(cwd or "."))
    if excess is not None:
        raise BitmillError(f"{name}: {excess}, ended")
    if process.returncode:
        raise BitmillError(_failure(name, process.returncode, text))
    return text


@contextmanager
def _started(
    argv: Sequence[str], *, cwd: Path | str | None, environment: Mapping[str, str], log: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """A running command; when the block ends it and its process group are gone."""
    thread = threading.get_ident()
    process = subprocess.Popen(
        list(argv), cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        start_new_session=os.name == "posix",
    )  # fmt: skip
    try:
        tell_guard(f"+{process.pid}")
        with _guarded:
            _running[thread] = process
            stopped = thread in _stopped
        if stopped:
            _kill(process)
        yield process
    except BaseException:
        _kill(process, environment[guard.MARK])
        raise
    finally:
        with _guarded:
            _running.pop(thread, None)
        # Not reaped yet, so that the number of its group is nobody else's: what it left running in it ends here.
        _kill(process)
        _reap(process)
        tell_guard(f"-{process.pid}")


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that is to end, and add the CPU time of it and of what it waited for to the meter."""
    meter = _meter.get()
    if meter is None or process.returncode is not None or not hasattr(os, "wait4"):
        process.wait()
        return
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    meter.add(usage.ru_utime + usage.ru_stime)


def _kill(process: subprocess.Popen[bytes], mark: str | None = None) -> None:
    """End a tool with its process group, which it leads; with its mark, also what it started in other groups."""
    if process.returncode is not None:
        return
    if os.name == "posix":
        guard.kill_group(process.pid)
    else:
        with suppress(OSError):
            process.kill()
    if mark is not None:
        guard.kill_marked(mark)


def _wait(process: subprocess.Popen[bytes], timeout: float, log: IO[bytes]) -> str | None:
    """Wait for a command's end without reaping it; why it must be ended when it goes beyond a bound."""
    deadline = time.monotonic() + timeout
    with _end_of(process) as ended:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return f"not finished after {timeout:g} s"
            if ended(min(left, _LOOK_SECONDS)):
                return None
            if os.fstat(log.fileno()).st_size > MOST_OUTPUT:
                return f"printed more than {MOST_OUTPUT >> 20} MiB"


@contextmanager
def _end_of(process: subprocess.Popen[bytes]) -> Iterator[_Ended]:
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        yield lambda seconds: _reaped(process, seconds)
        return
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        yield lambda seconds: bool(poll.poll(seconds * 1000))
    finally:
        os.close(handle)


def _reaped(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _check_space(folder: Path) -> None:
    """Most tools do not notice that a file which they wrote on a full disk was cut off, and end as if all were well.

    Raises
    ------
    BitmillError
        If nothing more can be written beside what the tool wrote.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
    except OSError as error:
        place = run_folder().parent.parent
        raise BitmillError(f"temporary folder {place}: {error.strerror}; TMPDIR names another") from None


def _read(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read(MOST_OUTPUT).decode("utf-8", errors="replace")


def _failure(name: str, status: int, log: str) -> str:
    if status < 0:
        return f"{name}: ended by signal {-status}"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # "ERROR: ..." of Yosys and nextpnr, "file:1: error: ..." of Icarus, not the "1 warning, 1 error" that ends a log.
    # What Yosys writes to both its streams may begin in the middle of a line of digits.
    errors = [
        line[found.start() :] if line[found.start() - 1 : found.start()].isdigit() else line
        for line in lines
        if (found := re.search(r"(?<![a-z])error: ", line, re.IGNORECASE))
    ]
    reason = (errors or lines or [f"exit status {status}"])[-1]
    return f"{name}: {reason} (log: {keep_log(name, log)})"
