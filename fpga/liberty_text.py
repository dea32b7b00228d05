"""The text of a Liberty file as nested groups, for what Yosys does not read: power tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..system.errors import BitmillError

_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|[(){};:,]|[^\s(){};:,"]+|\\\n', re.DOTALL)


@dataclass(frozen=True)
class Group:
    """``word (arguments) { ... }``: simple and complex attributes by name, the last of each, and the groups within."""

    word: str
    arguments: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def of(self, kind: str) -> Iterator[Group]:
        """The groups that begin with one word, in order."""
        return (group for group in self.groups if group.word == kind)

    def text(self, name: str) -> str | None:
        """A simple attribute, or None."""
        found = self.attributes.get(name)
        return found[0] if found else None

    def number(self, name: str, default: float = 0.0) -> float:
        """A simple attribute that is a number."""
        return float(self.text(name) or default)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A complex attribute of numbers, such as ``values``, its rows one after the other."""
        texts = " ".join(self.attributes.get(name, ()))
        return tuple(float(text) for text in re.findall(r"[^\s,\\]+", texts))


def parse_groups(text: str, *, source: str) -> Group:
    """The ``library`` group of a Liberty text.

    Raises
    ------
    BitmillError
        If groups are not closed or a statement is none of Liberty.
    """
    tokens = [token for token in _TOKEN.findall(text) if not token.startswith(("/*", "//", "\\\n")) and token != "\\"]
    outer = Group("", ())
    stack, place = [outer], 0
    while place < len(tokens):
        token, after = tokens[place], tokens[place + 1 : place + 2]
        if token == ";":
            place += 1
        elif token == "}" and len(stack) > 1:
            stack.pop()
            place += 1
        elif after == [":"]:
            end = _find(tokens, {";", "}"}, place, source)
            stack[-1].attributes[token] = (" ".join(_plain(word) for word in tokens[place + 2 : end]),)
            place = end
        elif after == ["("]:
            end = _find(tokens, {")"}, place, source)
            arguments = tuple(_plain(word) for word in tokens[place + 2 : end] if word != ",")
            place = end + 1
            if tokens[place : place + 1] == ["{"]:
                stack[-1].groups.append(Group(token, arguments))
                stack.append(stack[-1].groups[-1])
                place += 1
            else:
                stack[-1].attributes[token] = arguments
        else:
            raise BitmillError(
                f"liberty {source}: must be a whole Liberty file, not one with {token!r} where a name goes"
            )
    libraries = list(outer.of("library"))
    if len(stack) != 1 or len(libraries) != 1:
        raise BitmillError(f"liberty {source}: must be a whole Liberty file of one library, not one cut off")
    return libraries[0]


def _find(tokens: list[str], wanted: set[str], start: int, source: str) -> int:
    for place in range(start, len(tokens)):
        if tokens[place] in wanted:
            return place
    raise BitmillError(f"liberty {source}: must be a whole Liberty file, not one cut off after {tokens[start]!r}")


def _plain(token: str) -> str:
    return token[1:-1] if token.startswith('"') else token
