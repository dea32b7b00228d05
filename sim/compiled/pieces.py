"""Cuts the functions that CXXRTL writes into pieces: compilers take far more than twice the time for twice the length."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

STATEMENTS = 100
"""Statements of a piece."""

_EVAL = re.compile(r"^bool (\w+)::eval\(performer \*performer\) \{$")
_LOCAL = re.compile(r"^\tvalue<\d+> (\w+);$")
_EDGE = re.compile(r"^\tbool ((?:pos|neg)edge_\w+) = ")
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
    """The same C++ with every long ``eval`` as a row of member functions of at most ``STATEMENTS`` statements each.

    Local values that several pieces use become members of the class. They need no initial value: CXXRTL orders
    statements so that each one is assigned before it is used.
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("//")]
    out: list[str] = []
    members: dict[str, list[str]] = {}
    index = 0
    while index < len(lines):
        start = _EVAL.match(lines[index])
        end = index + 1 if start is None else lines.index("}", index) + 1
        function = _parse(start[1], lines[index + 1 : end - 1]) if start else None
        if function is None or len(function.statements) <= STATEMENTS:
            out += lines[index:end]
        else:
            pieces, members[function.name] = _pieces(function)
            out += pieces
        index = end
    return _declare("\n".join(out) + "\n", members)


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
            if line.startswith("\t\t") or line.endswith("{"):
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
