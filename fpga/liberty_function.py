"""Functions of Liberty: read by Liberty's own order of binding, and written so that every reader binds them alike."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

# Liberty binds a negation first, then ^, then & (also * and a blank), then | (also +). Yosys and abc have orders of their own.
_BINDING: Mapping[str, int] = {"|": 1, "&": 2, "^": 3}
_SAME: Mapping[str, str] = {"|": "|", "+": "|", "&": "&", "*": "&", "^": "^"}
_TOKEN = re.compile(r"\s*(?:(?P<name>[\w\[\].$]+)|(?P<sign>[!'&*|+^()]))")
_PLAIN_BLANKS = re.compile(r"[^\S ]")
MOST_OPERATORS = 200
"""Of one function: no cell of a library has as many, and tools recurse into each."""
_DEEPEST = 32
"""Parentheses within each other that are left as they are."""
_MOST_NAMES = 12
"""Of a function that is looked at for being constant."""


class FunctionError(ValueError):
    """A text is no function; the message is what comes where it goes on."""


@dataclass(frozen=True)
class _Part:
    """Text of a part, whether it is negated, its values for all values of the names, and its operator outside parentheses."""

    text: str
    negated: bool
    values: int
    binds: str = ""


@dataclass(frozen=True)
class Function:
    """A function of named pins.

    Attributes
    ----------
    text
        As it was if every reader binds it alike, otherwise with all of its parentheses.
    names
        What it is a function of, in the order of the text.
    operators
        How many operators of two operands it has.
    values
        Bit ``i`` is the value for ``names[k] = bit k of i``; None where there are too many names.
    """

    text: str
    names: tuple[str, ...]
    operators: int
    values: int | None

    @property
    def constant(self) -> bool:
        """Whether it is the same for all values of its names."""
        return self.values in (0, (1 << (1 << len(self.names))) - 1)


def read_function(text: str, names: Collection[str] | None = None) -> Function:
    """Read a function without recursion, however long it is.

    Parameters
    ----------
    text
        Of pins, 0, 1, parentheses and ``! ' & * | + ^``; a blank between operands is ``&``.
    names
        What it may be a function of; anything if left out.

    Raises
    ------
    FunctionError
        If it is none, or of other names.
    """
    return _Reader(text, names).read()


class _Reader:
    def __init__(self, text: str, names: Collection[str] | None) -> None:
        self.text, self.allowed = text, names
        found = dict.fromkeys(re.findall(r"[\w\[\].$]+", text))
        self.names = tuple(name for name in found if name not in ("0", "1"))
        few = len(self.names) <= _MOST_NAMES
        size = 1 << len(self.names) if few else 0
        self.ones = (1 << size) - 1
        # The values of a name: as many zeros as its weight, as many ones, and so on.
        self.columns = {
            name: sum(((1 << (1 << place)) - 1) << base for base in range(1 << place, size, 2 << place))
            for place, name in enumerate(self.names)
        } if few else dict.fromkeys(self.names, 0)  # fmt: skip
        self.few, self.operators, self.depth = few, 0, 0
        # Two readers may bind it otherwise, or not at all.
        self.unclear = bool(_PLAIN_BLANKS.search(text))
        self.parts: list[_Part] = []
        self.waiting: list[str] = []

    def read(self) -> Function:
        place, operand, end = 0, False, self.text.rstrip()
        while place < len(end):
            found = _TOKEN.match(end, place)
            if found is None:
                self._fail(place)
            name, sign = found["name"], found["sign"]
            start, place = found.start(), found.end()
            if operand and (name or sign in ("(", "!")):
                # Operands side by side, which some readers take only with a blank between.
                self.unclear |= end[start] != " "
                self._operator("&")
                operand = False
            if name:
                if self.allowed is not None and name not in self.allowed and name not in ("0", "1"):
                    self._fail(found.start("name"))
                values = {"0": 0, "1": self.ones}.get(name, self.columns.get(name, 0))
                self.parts.append(_Part(name, negated=False, values=values))
                operand = True
                self._negate()
            elif sign in ("(", "!") and not operand:
                self.waiting.append(sign)
                self.depth += sign == "("
                self.unclear |= self.depth > _DEEPEST
            elif sign == "'" and operand:
                self.unclear |= self.parts[-1].negated
                self._invert()
            elif sign == ")" and operand:
                self._close(start)
                self._negate()
            elif sign in _SAME and operand:
                self._operator(_SAME[sign])
                operand = False
            else:
                self._fail(start)
        if not operand or "(" in self.waiting:
            self._fail(len(end))
        while self.waiting:
            self._reduce()
        (whole,) = self.parts
        text = _written(whole) if self.unclear else self.text
        return Function(text, self.names, self.operators, whole.values & self.ones if self.few else None)

    def _fail(self, place: int) -> NoReturn:
        raise FunctionError(self.text[place:].strip()[:40] or "its end")

    def _operator(self, sign: str) -> None:
        while self.waiting and _BINDING.get(self.waiting[-1], 0) >= _BINDING[sign]:
            self._reduce()
        self.waiting.append(sign)

    def _close(self, place: int) -> None:
        while self.waiting and self.waiting[-1] != "(":
            self._reduce()
        if not self.waiting:
            self._fail(place)
        self.waiting.pop()
        self.depth -= 1
        inner = self.parts.pop()
        self.parts.append(_Part(inner.text, inner.negated, inner.values))

    def _negate(self) -> None:
        """Negations before an operand, where a quotation mark behind it makes no difference: both bind first."""
        many = 0
        while self.waiting and self.waiting[-1] == "!":
            self.waiting.pop()
            many += 1
            self._invert()
        self.unclear |= many > 1

    def _invert(self) -> None:
        part = self.parts.pop()
        self.parts.append(_Part(part.text, not part.negated, self.ones & ~part.values))

    def _reduce(self) -> None:
        sign, right, left = self.waiting.pop(), self.parts.pop(), self.parts.pop()
        values = {"&": left.values & right.values, "|": left.values | right.values, "^": left.values ^ right.values}[
            sign
        ]
        self.unclear |= any(part.binds and (part.binds == "^") != (sign == "^") for part in (left, right))
        self.operators += 1
        text = ""
        # Longer ones are not used; text upon text would take the square of their length.
        if self.operators <= MOST_OPERATORS:
            text = f"({_written(left)} {sign} {_written(right)})"
        self.parts.append(_Part(text, negated=False, values=values, binds=sign))


def _written(part: _Part) -> str:
    return f"(!{part.text})" if part.negated else part.text
