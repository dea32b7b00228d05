"""What goes wrong while an output is written, told under the name that the user gave it."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BitmillError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})
"""What a write fails with, and the exception does not know of which file."""


@contextmanager
def told_as_output(shown: Path, staged: Path | None = None) -> Iterator[None]:
    """Turn a failure to write into a line that names the output, not the place where it is being prepared.

    With ``staged``, the block is work of all kinds: only failures of files at or under it, and of writes that do not
    say of which file, are the output's.

    Raises
    ------
    BitmillError
        ``output PATH: cannot be written: why``.
    """
    try:
        yield
    except OSError as error:
        name = shown if staged is None else _user_path(error, shown, staged)
        if name is None:
            raise
        raise BitmillError(f"output {name}: cannot be written: {error.strerror or error}") from error


def _user_path(error: OSError, shown: Path, staged: Path) -> Path | None:
    if isinstance(error.filename, str | bytes | os.PathLike):
        path = Path(os.fsdecode(error.filename))
        if path == staged:
            return shown
        return shown / path.relative_to(staged) if path.is_relative_to(staged) else None
    if error.errno not in _FULL:
        return None
    return shown if _is_full(staged.parent) or not _is_full(Path(tempfile.gettempdir())) else None


def _is_full(folder: Path) -> bool:
    try:
        return os.statvfs(folder).f_bavail == 0
    except OSError:
        return False
