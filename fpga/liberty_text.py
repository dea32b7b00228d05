"""The text of Liberty files as nested groups: read fast, because libraries have tens of megabytes, and written again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..system.errors import BitmillError

# A comment may hold anything, quotes included, and a string may hold what begins a comment.
_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
COMMENT = re.compile(rf"({_STRING})|/\*.*?\*/|//[^\n]*", re.DOTALL)
"""Comments, and strings, which are its group, so that no comment begins within one."""
_LIBRARY = re.compile(rf'{COMMENT.pattern}|\blibrary\s*\(\s*"?([^")\s]+)', re.DOTALL)
_STATEMENT = re.compile(
    rf"""\s*(?:
      (?P<word>[^\s(){{}};:,"]+)\s*(?:
          \(\s*(?P<arguments>(?:{_STRING}|[^()"{{}};]+)*+)\)\s*(?P<open>\{{)?
        | :[^\S\n]*(?P<value>(?:{_STRING}|[^;{{}}"\n]+)*+)
      )
      | (?P<close>\}}) | ;
    )""",
    re.VERBOSE | re.DOTALL,
)
_CUT = re.compile(r"""([^\s(){};:,"]+)\s*(\([^(){};]*|:\s*"[^"]*)?$""")
"""A statement whose end is missing."""
_REPEATED = frozenset({"fanout_length", "wire_load_from_area"})
"""Statements that stand more than once in a group; they are read as groups with nothing in them."""
_ARGUMENT = re.compile(rf'{_STRING}|[^\s,"]+')


@dataclass(frozen=True)
class Group:
    """``word (arguments) { ... }``: simple and complex attributes by name, the last of each, and the groups within."""

    word: str
    arguments: tuple[str, ...]
    attributes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first argument, empty where there is none."""
        return self.arguments[0] if self.arguments else ""

    def of(self, *words: str) -> Iterator[Group]:
        """The groups that begin with one of some words, in order."""
        return (group for group in self.groups if group.word in words)

    def text(self, name: str) -> str | None:
        """A simple attribute, or None."""
        found = self.attributes.get(name)
        return found[0] if found else None

    def number(self, name: str, default: float = 0.0) -> float:
        """A simple attribute that is a number; ``default`` where there is none."""
        try:
            return float(self.text(name) or default)
        except ValueError:
            return default

    def is_true(self, name: str) -> bool:
        """Whether a simple attribute is ``true``."""
        return (self.text(name) or "").lower() in ("true", "1")

    def numbers(self, name: str) -> tuple[float, ...]:
        """A complex attribute of numbers, such as ``values``, its rows one after the other."""
        return tuple(map(float, " ".join(self.attributes.get(name, ())).replace(",", " ").split()))


def library_name(text: str, *, source: str) -> str:
    """What the ``library`` group of a text is called, wherever comments and strings name another.

    Raises
    ------
    BitmillError
        If there is no such group.
    """
    found = next((found[2] for found in _LIBRARY.finditer(text) if found[2]), None)
    if found is None:
        raise BitmillError(f"liberty {source}: must be a Liberty file, not text without a library group")
    return found


def parse_groups(text: str, *, source: str) -> Group:
    """The ``library`` group of a Liberty text.

    Raises
    ------
    BitmillError
        If groups are not closed or a statement is none of Liberty.
    """
    text = COMMENT.sub(lambda found: found[1] or " ", text)
    text = text.replace("\\\r\n", " ").replace("\\\n", " ")
    outer = Group("", ())
    stack, place, last = [outer], 0, ""
    match = _STATEMENT.match
    while found := match(text, place):
        place = found.end()
        word = found["word"]
        if word is None:
            if found["close"] and len(stack) == 1:
                break
            if found["close"]:
                stack.pop()
            continue
        last = word
        if word == "include_file":
            named = (found["arguments"] or found["value"] or "").strip().strip('"')
            raise BitmillError(f"liberty {source}: must have in it what it includes, not include_file {named!r}")
        if found["value"] is not None:
            stack[-1].attributes[word] = (_plain(found["value"].strip()),)
            continue
        arguments = tuple(_plain(one) for one in _ARGUMENT.findall(found["arguments"]))
        if found["open"]:
            group = Group(word, arguments)
            stack[-1].groups.append(group)
            stack.append(group)
        elif word in _REPEATED:
            stack[-1].groups.append(Group(word, arguments))
        else:
            stack[-1].attributes[word] = arguments
    rest, libraries = text[place:].strip(), list(outer.of("library"))
    cut = _CUT.match(rest)
    if rest and cut is None:
        shown = rest.split()[0][:40]
        raise BitmillError(f"liberty {source}: must be a whole Liberty file, not one with {shown!r} where a name goes")
    if rest or len(stack) != 1:
        last = cut[1] if cut else last
        raise BitmillError(f"liberty {source}: must be a whole Liberty file, not one cut off after {last!r}")
    if len(libraries) != 1:
        raise BitmillError(
            f"liberty {source}: must be a Liberty file of one library, not text with {len(libraries)} library groups"
        )
    return libraries[0]


def write_groups(group: Group) -> str:
    """Text of a group, its attributes first; values are quoted, which every reader takes."""
    lines: list[str] = []
    _write(group, lines)
    return "\n".join([*lines, ""])


def _write(group: Group, lines: list[str]) -> None:
    head = f"{group.word} ({', '.join(map(_quoted, group.arguments))})"
    if group.word in _REPEATED:
        lines.append(f"{head};")
        return
    lines.append(f"{head} {{")
    for name, values in group.attributes.items():
        if name in _LISTS:
            quoted = ", ".join(f'"{text}"' for text in values)
            lines.append(f"{name} ({quoted});")
        elif len(values) != 1:
            lines.append(f"{name} ({', '.join(map(_quoted, values))});")
        else:
            lines.append(f"{name} : {_quoted(values[0])};")
    for inner in group.groups:
        _write(inner, lines)
    lines.append("}")


_LISTS = frozenset({"index_1", "index_2", "index_3", "values"})
_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?")


def _quoted(text: str) -> str:
    """Every reader takes quoted words; numbers stay as they are."""
    return text if _NUMBER.fullmatch(text) else f'"{text}"'


def _plain(token: str) -> str:
    return token[1:-1] if token.startswith('"') and token.endswith('"') else token
