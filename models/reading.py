"""The one way to read tensors: whatever is wrong with a file is one line, in bounded memory and time.

Built on ``files.reading``, which opens nothing but regular files and turns whatever fails in its block into one line with the
user's path. What tensor files need besides: sizes that a file declares are compared with the file's own before anything is
allocated (``SizedFile``).
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ..system.errors import BitmillError
from ..system.files import open_regular
from ..system.text import cut, visible

_LONGEST = 100
"""Characters of a name or a value in a message."""


@dataclass(frozen=True)
class SizedFile:
    """An open regular file of a known size.

    Attributes
    ----------
    file
        Open for reading; allocates no more than the file has, however much a parser asks for.
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


class _Bounded(io.BufferedReader):
    def __init__(self, handle: int, size: int) -> None:
        super().__init__(io.FileIO(handle, "rb"))
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 0:
            size = min(size, max(self._size - self.tell(), 0))
        return super().read(size)


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
    try:
        with open_regular(path, f"a whole {what}") as file, warnings.catch_warnings():
            # Parsers warn of odd files; what they cannot read they refuse anyway.
            warnings.simplefilter("ignore")
            with _sized(file.fileno()) as sized:
                try:
                    yield sized
                except BitmillError as reason:
                    raise ValueError(str(reason)) from None
    except BitmillError as error:
        raise BitmillError(f"{about}{cut(visible(str(error)))}") from None


@contextmanager
def _sized(handle: int) -> Iterator[SizedFile]:
    facts = os.fstat(handle)
    stamp = facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns
    with _Bounded(os.dup(handle), facts.st_size) as file:
        yield SizedFile(file, facts.st_size, stamp)


def stays_open(path: Path | str, what: str) -> BinaryIO:
    """A regular file that the caller closes; opened as in ``reading``, in whose block the call belongs."""
    with open_regular(path, f"a whole {what}") as file:
        return _Bounded(os.dup(file.fileno()), os.fstat(file.fileno()).st_size)


def short(value: object) -> str:
    """A name or a value in a message: cut where it is long, and without what steers a terminal."""
    try:
        return visible(cut(str(value), _LONGEST))
    except ValueError:  # An integer of more digits than Python converts.
        return "a number of thousands of digits"
