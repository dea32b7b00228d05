"""Files of users, read in bounded memory and time; whatever is wrong with one is told in one line."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import BitmillError
from ..text import cut, short
from .inputs import name_input

DOCUMENT_BYTES = 1 << 20
"""Longest configuration or description that is read; bitmill's own are a thousandth of it."""

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@contextmanager
def reading(path: Path | str, what: str, *, called: str | None = None) -> Iterator[None]:
    """Tell in one line whatever goes wrong in the block, which reads and parses the file ``path``.

    ``what`` says in a few words what the file should be, such as ``a TOML file``. The block calls parsers alone: any
    exception of theirs means that the file is not what they read. ``called`` is what the user calls it.

    Raises
    ------
    BitmillError
        ``PATH: cannot be read: why``, or ``PATH: cannot read CALLED: why``, for what the system refuses, and
        ``PATH: not WHAT: why`` for any other exception.
    """
    try:
        yield
    except BitmillError:
        raise
    except OSError as error:
        refused = f"cannot read {called}" if called else "cannot be read"
        raise BitmillError(f"{path}: {refused}: {error.strerror or error}") from error
    except RecursionError as error:
        raise BitmillError(f"{path}: not {what}: nested too deeply") from error
    except MemoryError as error:
        raise BitmillError(f"{path}: not {what}: takes more memory than there is") from error
    except Exception as error:
        raise BitmillError(f"{path}: not {what}: {cut(_plainly(error)) or type(error).__name__}") from error


# What parsers say to programmers, and what it means for the user.
_ADVICE = (
    (re.compile(r"<ast\.\w+ object at 0x[0-9a-fA-F]+>"), "an expression, not a value"),
    (re.compile(r"<(?:\w+\.)*(\w+) object at 0x[0-9a-fA-F]+>"), r"a \1"),
    (
        re.compile(r"Exceeds the limit \((\d+) digits\) for integer string conversion.*", re.DOTALL),
        r"an integer must have at most \1 digits",
    ),
    (re.compile(r"\s*To allow loading, adjust `max_header_size`.*", re.DOTALL), ""),
)


def _plainly(error: Exception) -> str:
    """What an exception says, without addresses in memory and advice on Python."""
    text = str(error)
    for pattern, meant in _ADVICE:
        text = pattern.sub(meant, text)
    return text


@contextmanager
def open_regular(path: Path | str, what: str, *, called: str | None = None) -> Iterator[BinaryIO]:
    """A regular file, open for reading bytes; anything else is refused without waiting for it.

    Reading and parsing in the block is told as in ``reading``. In a command the file counts as an input from now on.

    Raises
    ------
    BitmillError
        If it is not there, is not readable, or is a directory, a named pipe, a socket or a device.
    """
    with reading(path, what, called=called):
        # Asked before it is opened, because opening some devices does something, and again of what was opened.
        _refuse_special(Path(path).stat().st_mode, path)
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            _refuse_special(os.fstat(handle).st_mode, path)
            name_input(path)
            yield file


def read_bytes(path: Path | str, what: str, *, called: str | None = None, limit: int = DOCUMENT_BYTES) -> bytes:
    """The whole of a regular file of at most ``limit`` bytes.

    Raises
    ------
    BitmillError
        As ``open_regular``, or if it is longer.
    """
    with open_regular(path, what, called=called) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BitmillError(f"{path}: not {what}: must be at most {limit} bytes, not longer")
    return content


def read_text(path: Path | str, what: str, *, called: str | None = None, limit: int = DOCUMENT_BYTES) -> str:
    """The whole of a regular file as UTF-8 text, without a byte order mark.

    Raises
    ------
    BitmillError
        As ``read_bytes``, or if it is not UTF-8.
    """
    content = read_bytes(path, what, called=called, limit=limit)
    with reading(path, what):
        return content.decode("utf-8-sig")


def read_json(path: Path | str, what: str, *, limit: int = DOCUMENT_BYTES) -> Any:
    """The document in a file of strict JSON.

    Raises
    ------
    BitmillError
        As ``read_text``, or if it is not JSON: nested too deeply, too long a number, NaN or Infinity.
    """
    text = read_text(path, what, limit=limit)
    with reading(path, what):
        return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"a number must be finite, not {short(name)}")


def kind_of(path: Path) -> str | None:
    """``a file``, ``a directory``, ``a device`` ...: what is there once links are followed; None if nothing is."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a file")


def _refuse_special(mode: int, path: Path | str) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(mode):
            raise BitmillError(f"{path}: must be a regular file, not {kind}")
