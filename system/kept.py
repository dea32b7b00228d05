"""Files that are kept for the user to look at, such as the log of a failed tool: for some days, and not too many."""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from .places import cache_directory, run_folder
from .trust import make_folders, make_private_folder

DAYS = 7
"""How long a file is kept."""

MOST_FILES = 100
"""How many are kept, the newest ones."""

_LONGEST_LOG = 16 << 20


def keep_log(name: str, log: str) -> Path:
    """Write a failed tool's log (its last 16 MiB) to a file of its own that is kept for a week, and say where."""
    path = kept_file(re.sub(r"[^A-Za-z0-9]+", "-", name), ".log")
    with suppress(OSError):
        path.write_text(log[-_LONGEST_LOG:], encoding="utf-8")
    return path


def kept_file(name: str, suffix: str) -> Path:
    """A new empty file in the cache that is kept for a week; without a cache, as long as this process runs."""
    try:
        folder = cache_directory() / "kept"
        make_folders(folder.parent)
        make_private_folder(folder)
        drop_old(folder)
        handle, path = tempfile.mkstemp(prefix=f"bitmill-{name}-", suffix=suffix, dir=folder)
    except OSError:
        handle, path = tempfile.mkstemp(prefix=f"bitmill-{name}-", suffix=suffix, dir=run_folder())
    os.close(handle)
    return Path(path)


def drop_old(folder: Path) -> None:
    """Remove what was kept long enough.

    Raises
    ------
    OSError
        If there is no such folder.
    """
    oldest = time.time() - DAYS * 86400
    dated = sorted(((path.lstat().st_mtime, path) for path in folder.iterdir()), reverse=True)
    for index, (changed, path) in enumerate(dated):
        if changed < oldest or index >= MOST_FILES - 1:
            path.unlink(missing_ok=True)
