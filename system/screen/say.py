"""The one way to the screen: lines in which nothing steers the terminal. Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from ..errors import BitmillError
from ..files import to_json
from ..text import visible

_given_away: list[bool] = []


@contextmanager
def give_output_away() -> Iterator[None]:
    """Until the block ends standard output belongs to a file that is written there, and lines go to standard error."""
    _given_away.append(True)
    try:
        yield
    finally:
        _given_away.pop()


def output_stream() -> TextIO | None:
    """Where lines for the reader go: standard output, if it was not given away; None if it is closed."""
    return sys.stderr if _given_away else sys.stdout


def say(line: object = "", *, err: bool = False) -> None:
    """Print one line; whatever in it would steer the terminal is written out, line ends too."""
    say_lines([line], err=err)


def say_lines(lines: Iterable[object], *, err: bool = False) -> None:
    """Print lines as ``say`` does each.

    Raises
    ------
    BitmillError
        If standard output cannot be written. What standard error does not take is lost.
    """
    _write("".join(f"{visible(str(line))}\n" for line in lines), err=err)


def say_json(document: Any) -> None:
    """Print a document as strict JSON.

    Raises
    ------
    BitmillError
        If standard output cannot be written.
    """
    _write(to_json(document), err=False)


def _write(text: str, *, err: bool) -> None:
    if err or _given_away:
        try:
            _put(sys.stderr, text)
        except OSError:
            return
        return
    try:
        _put(sys.stdout, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise BitmillError(f"standard output: cannot be written: {error.strerror or error}") from None


def _put(stream: TextIO | None, text: str) -> None:
    """Write and flush; characters that the stream's encoding lacks are written out."""
    if stream is None:
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
