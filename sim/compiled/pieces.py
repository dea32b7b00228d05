"""Rewrites the functions that CXXRTL writes, so that they run and compile faster.

Half of all evaluations are for the falling clock, where only what reaches outputs matters: what only registers see is put
off to the rising edge. And long functions are cut into pieces, since compilers take far more than twice the time for twice
the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

STATEMENTS = 100
"""Statements of a piece."""

_EVAL = re.compile(r"^bool (\w+)::eval\(performer \*performer\) \{$")
_LOCAL = re.compile(r"^\tvalue<\d+> (\w+);$")
_CLASS = re.compile(r"^struct (\w+) : public module \{$")
_ASSIGNMENT = re.compile(r"^\t((?:p_|i_|value<)[^=]*) = (.*);$")
_RISING = "\tif (posedge_p_clk) {"
_DEFERRED = 25
"""Lines of one block that is put off to the rising edge."""
_EDGE = re.compile(r"^\tbool ((?:pos|neg)edge_\w+) = ")
_MEMORY = re.compile(r"^\t(auto \w+ = memory_index|CXXRTL_ASSERT)\(")
"""How a statement begins that reads a memory: what follows uses the index."""
_WORD = re.compile(r"\w+")
_DECLARED = "\tbool eval(performer *performer = nullptr) override;\n"


@dataclass
class _Function:
    """One ``eval``: its edges, its local values, and its statements, each of one or more lines."""

    name: str
    edges: list[str] = field(default_factory=list)
    edge_lines: list[str] = field(default_factory=list)
    first_line: str = ""
    locals: dict[str, str] = field(default_factory=dict)
    statements: list[list[str]] = field(default_factory=list)


def cut(text: str) -> str:
    """The same C++ with work put off to the rising edge, and long ``eval`` functions in pieces of ``STATEMENTS`` each.

    Local values that several pieces use become members of the class. They need no initial value: CXXRTL orders
    statements so that each one is assigned before it is used.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    inner = _inner_values(lines)
    out: list[str] = []
    members: dict[str, list[str]] = {}
    index = 0
    while index < len(lines):
        start = _EVAL.match(lines[index])
        end = index + 1 if start is None else lines.index("}", index) + 1
        if start is None:
            out.append(lines[index])
        else:
            function = _parse(start[1], lines[index + 1 : end - 1])
            _put_off(function, inner.get(function.name, set()))
            if len(function.statements) > STATEMENTS:
                pieces, members[function.name] = _pieces(function)
                out += pieces
            else:
                out += _whole(function)
        index = end
    return _declare("\n".join(out) + "\n", members)


def _inner_values(lines: list[str]) -> dict[str, set[str]]:
    """Values by class that are members, but no ports and no registers: nothing outside its ``eval`` reads them."""
    inner: dict[str, set[str]] = {}
    name = ""
    for line in lines:
        start, member = _CLASS.match(line), _LOCAL.match(line)
        if start:
            name = start[1]
            inner[name] = set()
        elif line.startswith("}"):
            name = ""
        elif member and name and not member[1].startswith("prev_"):
            inner[name].add(member[1])
    return inner


def _put_off(function: _Function, inner: set[str]) -> None:
    """Compute what only registers use at the rising edge only, and join neighbouring blocks of that edge."""
    if function.edges != ["posedge_p_clk"]:
        return
    private = inner | set(function.locals)
    needed: set[str] = set()
    kinds: list[bool] = []
    for statement in reversed(function.statements):
        assignment = _ASSIGNMENT.match(statement[0]) if len(statement) == 1 else None
        assigned = set(_WORD.findall(assignment[1])) & (private | _members_of(assignment[1])) if assignment else set()
        deferred = statement[0] == _RISING or (bool(assigned) and assigned <= private and not assigned & needed)
        kinds.append(deferred)
        if not deferred:
            needed.update(_WORD.findall(" ".join(statement)))
    kinds.reverse()
    function.statements = [
        block
        for deferred, group in groupby(zip(kinds, function.statements, strict=True), key=lambda pair: pair[0])
        for block in _blocks([statement for _, statement in group], deferred)
    ]


def _members_of(target: str) -> set[str]:
    """Names that an assignment writes: everything in it that is a signal of the design."""
    return {word for word in _WORD.findall(target) if word.startswith(("p_", "i_", "cell_"))}


def _blocks(statements: list[list[str]], deferred: bool) -> Iterator[list[str]]:
    if not deferred:
        yield from statements
        return
    inside = [["\t" + line for line in s] if s[0] != _RISING else s[1:-1] for s in statements]
    lines = [line for statement in inside for line in statement]
    if any(line.startswith("\t\t\t") or not line.endswith(";") for line in lines):
        yield from ([_RISING, *statement, "\t}"] for statement in inside)
        return
    for at in range(0, len(lines), _DEFERRED):
        yield [_RISING, *lines[at : at + _DEFERRED], "\t}"]


def _whole(function: _Function) -> list[str]:
    lines = [f"bool {function.name}::eval(performer *performer) {{", function.first_line, *function.edge_lines]
    lines += [*function.locals.values(), *(line for statement in function.statements for line in statement)]
    return [*lines, "\treturn converged;", "}"]


def _parse(name: str, body: list[str]) -> _Function:
    function = _Function(name)
    statement: list[str] = []
    for line in body:
        edge, local = _EDGE.match(line), _LOCAL.match(line)
        if edge:
            function.edges.append(edge[1])
            function.edge_lines.append(line)
        elif line.startswith("\tbool converged = "):
            function.first_line = line
        elif local:
            function.locals[local[1]] = line
        elif line != "\treturn converged;":
            statement.append(line)
            if line.startswith("\t\t") or line.endswith("{") or _MEMORY.match(line):
                continue
            function.statements.append(statement)
            statement = []
    assert not statement, "a statement of eval has no end"
    return function


def _pieces(function: _Function) -> tuple[list[str], list[str]]:
    """The lines that replace the function, and the declarations that its class needs."""
    pieces = [function.statements[at : at + STATEMENTS] for at in range(0, len(function.statements), STATEMENTS)]
    used: dict[str, set[int]] = {name: set() for name in function.locals}
    for number, piece in enumerate(pieces):
        for statement in piece:
            for word in _WORD.findall(" ".join(statement)):
                if word in used:
                    used[word].add(number)
    declared = [line for name, line in function.locals.items() if len(used[name]) > 1]
    parameters = "".join([", bool " + edge for edge in function.edges])
    lines: list[str] = []
    for number, piece in enumerate(pieces):
        signature = f"piece{number}(performer *performer{parameters})"
        declared.append(f"\t__attribute__((noinline)) bool {signature};")
        lines += [f"bool {function.name}::{signature} {{", "\tbool converged = true;"]
        lines += [line for name, line in function.locals.items() if used[name] == {number}]
        lines += [line for statement in piece for line in statement]
        lines += ["\treturn converged;", "}"]
    arguments = "".join([", " + edge for edge in function.edges])
    lines += [f"bool {function.name}::eval(performer *performer) {{", function.first_line, *function.edge_lines]
    lines += [f"\tconverged &= piece{number}(performer{arguments});" for number in range(len(pieces))]
    return [*lines, "\treturn converged;", "}"], declared


def _declare(text: str, members: dict[str, list[str]]) -> str:
    for name, declared in members.items():
        at = text.index(_DECLARED, text.index(f"struct {name} : public module"))
        text = text[:at] + "\n".join(declared) + "\n" + text[at:]
    return text
