"""The one way to read a user's file: whatever is wrong with it is one line, in bounded memory and time.

``reading`` opens nothing but regular files, never waits for one, and turns whatever fails in its block into one line with
the user's path. Sizes that a file declares are compared with the file's own before anything is allocated (``SizedFile.take``).
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..errors import BitmillError

_LONGEST_VALUE, _LONGEST_REASON = 100, 500
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True)
class SizedFile:
    """An open regular file of a known size.

    Attributes
    ----------
    file
        Open for reading.
    size
        In bytes.
    stamp
        Changes when the file does.
    """

    file: BinaryIO
    size: int
    stamp: tuple[int, ...]

    def take(self, offset: int, count: int) -> bytes:
        """``count`` bytes from ``offset``.

        Raises
        ------
        BitmillError
            If the file does not have them; nothing is allocated then.
        """
        self.must_hold(offset, count)
        self.file.seek(offset)
        found = self.file.read(count)
        if len(found) != count:
            raise BitmillError(f"it ends after {offset + len(found)} bytes")
        return found

    def must_hold(self, offset: int, count: int) -> None:
        """Compare what a file declares with what there is.

        Raises
        ------
        BitmillError
            If the file ends before ``offset + count``.
        """
        if offset < 0 or count < 0 or offset + count > self.size:
            raise BitmillError(f"it declares {short(count)} bytes at {short(offset)}, but has {self.size} bytes in all")


@contextmanager
def reading(path: Path | str, what: str, *, about: str = "") -> Iterator[SizedFile]:
    """Open a regular file and tell any failure to make sense of it in one line.

    The block holds nothing but reading and parsing. A ``BitmillError`` raised in it is the reason alone, without the path.

    Parameters
    ----------
    path
        As the user gave it.
    what
        What the file should be, such as ``npy file of numbers``.
    about
        What stands before the path in errors, such as ``weights: ``.

    Raises
    ------
    BitmillError
        If the file is missing, not regular or unreadable, or the block raises any exception.
    """
    where = f"{about}{path}"
    try:
        opened = open_regular(path)
    except BitmillError as error:
        raise BitmillError(f"{where}: must be a {what}, not {error}") from None
    except OSError as error:
        raise BitmillError(f"{where}: cannot be read: {error.strerror or reason_of(error)}") from None
    except ValueError as error:
        raise BitmillError(f"{short(where, most=_LONGEST_REASON)}: cannot be read: {reason_of(error)}") from None
    try:
        with opened.file, warnings.catch_warnings():
            # Parsers warn of odd files; what they cannot read they refuse anyway.
            warnings.simplefilter("ignore")
            yield opened
    except MemoryError:
        raise BitmillError(f"{where}: not a whole {what}: reading it takes more memory than there is") from None
    except Exception as error:
        raise BitmillError(f"{where}: not a whole {what}: {reason_of(error)}") from None


class _Bounded(io.BufferedReader):
    """Allocates no more than the file has, however much a parser asks for."""

    def __init__(self, handle: int, size: int) -> None:
        super().__init__(io.FileIO(handle, "rb"))
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 0:
            size = min(size, max(self._size - self.tell(), 0))
        return super().read(size)


def open_regular(path: Path | str) -> SizedFile:
    """Open a regular file, and nothing else; of ``reading``, which tells failures.

    Raises
    ------
    BitmillError
        If it is something else; the message says what.
    OSError, ValueError
        If it cannot be opened.
    """
    path = Path(path)
    _check_regular(path.stat().st_mode)
    # Should a FIFO take the file's place in between, opening it does not wait for a writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        facts = os.fstat(handle)
        _check_regular(facts.st_mode)
        file = _Bounded(handle, facts.st_size)
    except BaseException:
        os.close(handle)
        raise
    return SizedFile(file, facts.st_size, (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns))


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise BitmillError(_KINDS.get(stat.S_IFMT(mode), "something else than a regular file"))


def reason_of(error: BaseException) -> str:
    """The first line of an exception, short."""
    lines = str(error).strip().splitlines()
    return short(lines[0], most=_LONGEST_REASON) if lines else type(error).__name__


def short(value: object, *, most: int = _LONGEST_VALUE) -> str:
    """A value in an error, cut where it is long."""
    try:
        text = str(value)
    except ValueError:  # An integer of more digits than Python converts.
        return "a number of thousands of digits"
    return text if len(text) <= most else f"{text[:most]}..."
