"""Names that every reader of Verilog takes as they stand: no escapes, no double underscores, nobody's keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...system.errors import BitmillError
from ...system.keywords import VERILOG, VHDL

LONGEST_TOP = 64
"""Characters of a top module's name; those of its parts begin with it."""

KEYWORDS = VERILOG | VHDL
"""Of both languages; case does not matter to VHDL."""

_TAKEN = frozenset({"TOP", "std", "bool", "wreal", "clk", "rst"})
"""What tools have for themselves (Verilator's design and package, Icarus' types), and ports that a module may not be named as."""
_PORT = re.compile(r"[a-z]+_(payload|valid|ready)")

_IDENTIFIER = re.compile(r"\\(\S+) |(?<![\w'$\\])([A-Za-z_]\w*)")
_NAME = r"(\\\S+ |\w+)"
_MODULE = re.compile(rf"^module {_NAME} ?\(([^)]*)\);", re.MULTILINE)
_INSTANCE = re.compile(rf"^  {_NAME}\s+{_NAME} \($", re.MULTILINE)


def check_top(name: str) -> str:
    """The name, if a top module can have it.

    Raises
    ------
    BitmillError
        If it is no identifier of Verilog and VHDL alike, one of their keywords, a word of a tool, a port's name, or too long.
    """
    fits = re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name) is not None and len(name) <= LONGEST_TOP
    if not fits or name.lower() in KEYWORDS or name in _TAKEN or _PORT.fullmatch(name):
        raise BitmillError(
            f"top must be at most {LONGEST_TOP} letters, digits and single underscores between them, a letter first, and no "
            f"port's name, tool's word or keyword of Verilog or VHDL, not {name[: LONGEST_TOP + 1]!r}"
        )
    return name


def plain(verilog: str) -> str:
    """The text with plain names for its modules, ports and instances, and without double underscores in any name.

    ``bitmill_top.lane`` becomes ``bitmill_top_lane``, ``i__payload`` ``i_payload``; a keyword gets ``_port`` or ``_unit`` behind
    it, and so does an instance named as a signal of its own module, which would hide it. Circuit and order of the text stay.
    Expects what Yosys's ``write_verilog`` writes.
    """
    return _with_plain_instances(_with_plain_modules(verilog))


def _with_plain_modules(verilog: str) -> str:
    """Modules and ports, which have one name wherever they are spoken of."""
    ports: set[str] = set()
    modules: set[str] = set()
    for module, listed in _MODULE.findall(verilog):
        modules.add(_bare(module))
        ports |= {_bare(port) for port in listed.split(",")}
    taken = dict.fromkeys(match[1] or match[2] for match in _IDENTIFIER.finditer(verilog))
    new: dict[str, str] = {}
    for name in list(taken):
        wanted = re.sub("__+", "_", name)
        if name in ports or name in modules:
            wanted = _words(wanted)
        if name in ports and wanted.lower() in KEYWORDS:
            wanted += "_port"
        if wanted != name:
            new[name] = _unused(wanted, taken)
            taken[new[name]] = None

    def renamed(match: re.Match[str]) -> str:
        escaped, name = match[1] is not None, match[1] or match[2]
        if name not in new:
            return match[0]
        backslash = "\\" if escaped and re.fullmatch(r"\w+", new[name]) is None else ""
        return f"{backslash}{new[name]}{' ' * escaped}"

    return _IDENTIFIER.sub(renamed, verilog)


def _with_plain_instances(verilog: str) -> str:
    """Instances, which are named in one place each."""
    bodies: dict[str, str] = {}
    for body in re.split(r"(?m)^(?=module )", verilog):
        header = _MODULE.match(body)
        if header is not None:
            bodies[_bare(header[1])] = body
    taken = dict.fromkeys(match[1] or match[2] for match in _IDENTIFIER.finditer(verilog))

    def renamed(match: re.Match[str]) -> str:
        name = _bare(match[2])
        wanted = _words(name)
        # Lint takes a signal of an instance's module to hide the instance itself.
        declared = rf"(?m)^  (?:wire|reg|input|output)\b[^;]*[ \]]\\?{re.escape(name)} ?;"
        if wanted.lower() in KEYWORDS or re.search(declared, bodies.get(_bare(match[1]), "")):
            wanted += "_unit"
        if wanted == name:
            return match[0]
        wanted = _unused(wanted, taken)
        taken[wanted] = None
        return f"{match[0][: match.start(2) - match.start()]}{wanted} ("

    return _INSTANCE.sub(renamed, verilog)


def _words(name: str) -> str:
    """Letters, digits and single underscores between them."""
    return re.sub(r"[\W_]+", "_", name).strip("_")


def _unused(name: str, taken: Mapping[str, None]) -> str:
    """The name, or with the first number that makes it another than all that are taken."""
    numbered = name
    number = 2
    while numbered in taken:
        numbered, number = f"{name}_{number}", number + 1
    return numbered


def _bare(name: str) -> str:
    return name.strip().removeprefix("\\")
