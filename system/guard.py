"""Ends the tools of a run that died, however it died: a process of its own that waits for the run's end.

The run starts this file as a script and holds the other end of its standard input, over which it says which process groups
it runs: ``+123`` and ``-123``, a line each, and ``bye`` when it ends by itself. The end of input without that word is the
run's death. It imports nothing of bitmill and little else, so that it starts in some milliseconds.
"""

from __future__ import annotations

import os
import signal
import sys
import time

MARK = "BITMILL_TOOL"
"""Variable that every tool's environment has: the run's folder, then ``#`` and a number."""

_SECONDS = 0.5
"""How long is looked for processes that a dying one was just starting."""


def kill_marked(prefix: str) -> int:
    """End every process whose mark begins with ``prefix``, in whatever group or session; how many there were.

    Only where there is /proc; elsewhere process groups must do.
    """
    wanted = f"\0{MARK}={prefix}".encode()
    found = 0
    try:
        entries = os.listdir("/proc")  # noqa: PTH208 - pathlib takes as long to import as all the rest
    except OSError:
        return 0
    for entry in entries:
        if entry.isdigit() and int(entry) != os.getpid():
            found += _kill_if(int(entry), wanted)
    return found


def _kill_if(process: int, wanted: bytes) -> bool:
    try:
        # The descriptor is of this process for good, whereas its number may be another's a moment later.
        handle = os.pidfd_open(process)
    except (OSError, AttributeError):
        return False
    try:
        with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123
            if wanted not in b"\0" + file.read():
                return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def kill_group(group: int) -> None:
    """End a process group, if it is still there."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (OSError, AttributeError):
        return


def _main(folder: str) -> None:
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        if line == "bye\n":
            return
        # A line that is cut off was being written when the run died: its tool is found by its mark.
        if line.endswith("\n"):
            (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        kill_group(group)
    deadline = time.monotonic() + _SECONDS
    while kill_marked(f"{folder}#") or time.monotonic() < deadline:
        time.sleep(0.05)
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    try:
        os.unlink(f"{folder}.lock")  # noqa: PTH108
    except OSError:
        return


if __name__ == "__main__":
    _main(sys.argv[1])
