"""Finds in a source file the questions that only ``config/`` may ask: of what class or name a configuration is, or a part of one.

Configurations, accumulators and rules are looked up: in a table under ``unit``, ``kind`` or ``KEY``, or by a property of theirs.
"""

import ast
import builtins
from collections.abc import Iterator

HOME = "config"
"""The floor whose classes are asked about nowhere else."""

NAMES = frozenset({"unit", "kind", "KEY"})
"""What configurations, accumulators and rules are found by; comparing one is asking."""

_ALSO = ("hdl.accumulators.",)
"""Modules outside ``config/`` that have a class for each kind."""


_SCOPES = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_OWNERS = {"config", "accumulator", "spec", "rule"}
"""What configurations and their parts are called: a metric has a unit too."""


def questions(source: str, module: tuple[str, ...]) -> Iterator[str]:
    """``12: isinstance(x, MacConfig)`` for each question.

    Parameters
    ----------
    source
        Text of the file.
    module
        Its dotted name under ``bitmill``, ``("hdl", "mac", "mac")``; a package's ends with ``__init__``.
    """
    tree = ast.parse(source)
    asked, modules = _names(tree, module)
    held = {id(node) for scope in ast.walk(tree) if isinstance(scope, _SCOPES) for node in _compared(scope)}
    for node in ast.walk(tree):
        if id(node) in held or _is_question(node, asked, modules):
            shown = f"match {ast.unparse(node.subject)}" if isinstance(node, ast.Match) else ast.unparse(node)
            yield f"{node.lineno}: {shown.splitlines()[0]}"  # pyright: ignore[reportAttributeAccessIssue]


def _names(tree: ast.AST, module: tuple[str, ...]) -> tuple[set[str], set[str]]:
    """What the file calls classes and modules of ``config/``, and modules from outside the package."""
    asked: set[str] = set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = (*module[: len(module) - node.level], *(node.module or "").split("."))
            for alias in node.names:
                place = ".".join(part for part in (*base, alias.name) if part)
                if place.split(".")[0] == HOME or any(place.startswith(also) for also in _ALSO):
                    asked.add(alias.asname or alias.name)
    return asked, modules


def _compared(scope: ast.AST) -> Iterator[ast.Compare]:
    """Comparisons of variables of a function, or of the module itself, that were set to the name of a configuration."""
    nodes = list(_own(scope))
    names = {
        target.id
        for node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None
        if _is_name(node.value) and _OWNERS & _mentioned(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if any(isinstance(side, ast.Name) and side.id in names for side in sides):
            assert isinstance(node, ast.Compare)
            yield node


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """What is in a scope and in none of the functions within."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, _SCOPES):
            yield node
            yield from _own(node)


def _is_question(node: ast.AST, asked: set[str], modules: set[str]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node, asked, modules)
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        by_name = any(_is_name(part) for side in sides for part in _parts(side))
        return by_name or (any(_is_type(side) for side in sides) and not any(_is_builtin(side) for side in sides))
    if isinstance(node, ast.Match):
        patterns = [part for case in node.cases for part in ast.walk(case.pattern) if isinstance(part, ast.MatchClass)]
        of_class = any(asked & _mentioned(pattern.cls) for pattern in patterns)
        return of_class or _is_name(node.subject) or _is_type(node.subject)
    if isinstance(node, ast.Subscript):
        return _is_type(node.slice)
    if isinstance(node, ast.ImportFrom):
        return node.module == "functools" and any(alias.name.startswith("singledispatch") for alias in node.names)
    if not isinstance(node, ast.Attribute):
        return False
    of_other = not (isinstance(node.value, ast.Name) and node.value.id == "self")
    return node.attr.startswith("singledispatch") or (node.attr == "__class__" and of_other)


def _call(node: ast.Call, asked: set[str], modules: set[str]) -> bool:
    assert isinstance(node.func, ast.Name)
    if node.func.id in ("isinstance", "issubclass") and len(node.args) == 2:
        return bool(asked & _mentioned(node.args[1])) or _is_type(node.args[0])
    # What a module of another release has is no question about a configuration.
    of_module = bool(node.args) and isinstance(node.args[0], ast.Name) and node.args[0].id in modules
    return node.func.id == "hasattr" and not of_module


def _parts(side: ast.expr) -> list[ast.expr]:
    return list(side.elts) if isinstance(side, ast.Tuple | ast.List | ast.Set) else [side]


def _is_name(node: ast.AST) -> bool:
    """``config.unit`` and the like. ``self.kind`` outside ``config/`` is no configuration's, ``dtype.kind`` is NumPy's."""
    if not isinstance(node, ast.Attribute) or node.attr not in NAMES:
        return False
    of_dtype = isinstance(node.value, ast.Attribute) and node.value.attr == "dtype"
    return not of_dtype and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "dtype"))


def _is_type(node: ast.AST) -> bool:
    """``type(x)`` or ``type(x).__name__``."""
    if isinstance(node, ast.Attribute):
        return node.attr in ("__name__", "__qualname__")
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "type"
        and len(node.args) == 1
    )


def _is_builtin(node: ast.AST) -> bool:
    """One of Python's own types, which no configuration is of."""
    return isinstance(node, ast.Name) and isinstance(getattr(builtins, node.id, None), type)


def _mentioned(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} | {
        part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)
    }
