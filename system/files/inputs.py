"""What a command reads, so that none of it is ever replaced by what the command writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BitmillError

_Identity = tuple[int, int]
"""Device and inode: one file, however it is spelled or linked."""

_guards: list[dict[_Identity, str]] = []
"""Inputs of the command that runs, under the name they were given; none outside a command: a library's user may read a
file and write it."""


@contextmanager
def guarding_inputs() -> Iterator[None]:
    """Until the block ends, what is named or read as an input cannot be written as an output."""
    _guards.append({})
    try:
        yield
    finally:
        _guards.pop()


def name_input(path: Path | str) -> None:
    """Say that a file is an input; of a folder, each file in it. What is not there is none."""
    if not _guards:
        return
    with suppress(OSError, ValueError):
        for file in (Path(path), *(Path(path).iterdir() if Path(path).is_dir() else ())):
            with suppress(OSError):
                _guards[-1].setdefault(_identity(file), str(file))


def input_at(path: Path | str) -> str | None:
    """The input that ``path`` is, under the name it was given; None if it is none."""
    if not _guards:
        return None
    try:
        return _guards[-1].get(_identity(Path(path)))
    except (OSError, ValueError):
        return None


def refuse_open_input(descriptor: int, *, shown: str) -> None:
    """Refuse an open output that is an input, as standard output may be.

    Raises
    ------
    BitmillError
        Naming both.
    """
    found = os.fstat(descriptor)
    name = _guards[-1].get((found.st_dev, found.st_ino)) if _guards else None
    if name is not None:
        raise BitmillError(f"output {shown}: must not be what the command reads, not {name!r}")


def refuse_input(path: Path | str, *, shown: Path | str | None = None) -> None:
    """Refuse an output that is an input.

    Raises
    ------
    BitmillError
        Naming both.
    """
    name = input_at(path)
    if name is not None:
        raise BitmillError(f"output {shown or path}: must not be what the command reads, not {name!r}")


def _identity(path: Path) -> _Identity:
    found = path.stat()
    return found.st_dev, found.st_ino
