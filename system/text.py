"""Text of users in each medium, where it stays text: names and values are shown, never obeyed. Standard library only."""

from __future__ import annotations

import difflib
import re
import reprlib
import unicodedata
from collections.abc import Iterable
from typing import Any

LONGEST_VALUE = 60
"""Characters of a value in a message."""
LONGEST_MESSAGE = 800
"""Characters of a message of one line."""

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
"""Unicode categories that steer a terminal or turn its text around, have no glyph, or end a line."""


class _Short(reprlib.Repr):
    """``repr`` that looks no further into a value than it shows."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdeque = (
            LONGEST_VALUE // 3
        )
        self.maxstring = self.maxother = 2 * LONGEST_VALUE

    def repr_int(self, x: int, level: int) -> str:
        """Python refuses to write integers of thousands of digits."""
        return repr(x) if x.bit_length() < 3 * LONGEST_VALUE else f"an integer of {x.bit_length()} bits"


_SHORT = _Short()


def short(value: Any) -> str:
    """``repr(value)`` for a message, its middle left out where it is longer than ``LONGEST_VALUE``."""
    try:
        text = _SHORT.repr(value)
    except Exception:
        # A value that cannot even be written is in a message because something is wrong with it.
        text = f"a {type(value).__name__}"
    return cut(text, LONGEST_VALUE)


def cut(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """The text with its middle left out where it is longer than that many characters; its end says what was found."""
    if len(text) <= longest:
        return text
    tail = longest // 3
    return f"{text[: longest - tail - 3]}...{text[len(text) - tail :]}"


def visible(text: str) -> str:
    r"""One line of text in which nothing steers the terminal: control and bidirectional characters become ``\x1b``.

    Line ends and tabs are among them; bytes of a file name that are no UTF-8 become ``\udcff``.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escaped(character) if unicodedata.category(character) in _UNSEEN else character for character in text
    )


def message(text: str) -> str:
    """One line for standard error: blanks run together, nothing that steers the terminal, no longer than is read."""
    # A traceback's worth of blanks is cut before it is split, so that a message of a megabyte costs nothing.
    return cut(visible(" ".join(cut(text, 8 * LONGEST_MESSAGE).split())))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


_MARKDOWN = re.compile(
    r"[\\`*<\[\]|~$]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)|(?<=^)(?:[#>+-]+|\d+(?=[.)]))(?=[.)]?(?:\s|$))"
)
"""What Markdown takes for its own; an underscore inside a word is none, nor is a dash before a number."""


def markdown(text: str) -> str:
    """The text in a line, a cell or a caption of Markdown, where it reads as it is: no emphasis, no code, no HTML."""
    return _MARKDOWN.sub(lambda found: "".join(map(_backslashed, found[0])), visible(text))


def markdown_code(text: str) -> str:
    """The text as code in Markdown, between more backticks than stand in it side by side."""
    text = visible(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{space}{text}{space}{fence}"


def _backslashed(character: str) -> str:
    # A digit cannot be escaped, only the point behind it; as a reference it reads the same.
    return f"&#{ord(character)};" if character.isdigit() else f"\\{character}"


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean lanes?`` for the end of a message, or nothing where no known name is near."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""
