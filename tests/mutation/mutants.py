"""Mutants of a source file: every small change that a test ought to notice, by its place in the syntax tree.

Mutation libraries (cosmic-ray, mutmut) know Python but not hardware description: they mutate ``name=`` and ``attrs=``, cannot
drop one assignment of ``m.d.comb += [...]`` or negate an ``m.If``. What is left of them is a visitor, which is this file.
"""

from __future__ import annotations

import ast
import copy
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult, ast.Mod: ast.Add,
    ast.Pow: ast.Mult, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}  # fmt: skip
COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

UNOBSERVABLE_KEYWORDS = frozenset(
    {"name", "attrs", "reset_less", "strict", "maxsize", "src_loc_at", "count", "sort_keys"}
)
"""Arguments that name things, guide synthesis, or only speed things up: to change them changes no result."""

UNOBSERVABLE_NAMES = frozenset(
    {"__all__", "_CHUNK", "_OUTPUTS_AT_ONCE", "_WORTH_A_TABLE", "_LARGEST_TABLE_BITS", "REFUSED"}
)
"""Constants of modules that only decide speed, or are a mark that is compared with by name."""

COMMUTATIVE = frozenset({"add", "max", "min", "maximum", "minimum", "logical_or", "logical_and"})
"""Functions whose first two arguments may be swapped."""

TYPE_CONSTRUCTORS = frozenset(
    {"Literal", "Annotated", "Callable", "dict", "list", "tuple", "type", "ClassVar", "NDArray"}
)


@dataclass(frozen=True)
class Mutant:
    """One change of one file.

    Attributes
    ----------
    id
        ``path:scope:operator:digest``; it survives edits elsewhere in the file.
    path, scope, operator, line
        Where and what.
    before, after
        The mutated lines, white space collapsed.
    start, end, replacement
        Bytes of the source that are replaced, and by what.
    """

    id: str
    path: str
    scope: str
    operator: str
    line: int
    before: str
    after: str
    start: int
    end: int
    replacement: str

    def apply(self, source: str) -> str:
        """The mutated source."""
        data = source.encode()
        return (data[: self.start] + self.replacement.encode() + data[self.end :]).decode()


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Every mutant of a file, in the order of the text."""
    data = source.encode()
    starts = [0]
    for text in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(text.encode()))
    seen: Counter[str] = Counter()
    found: list[Mutant] = []
    sites = sorted(_Sites().of(ast.parse(source)), key=lambda site: (site.node.lineno, site.node.col_offset))
    for site in sites:
        node = site.node
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        first, last = starts[node.lineno - 1], starts[node.end_lineno]
        before = _collapsed(data[first:last])
        after = _collapsed(data[first:start] + site.replacement.encode() + data[end:last])
        if before == after:
            continue
        key = f"{path}:{site.scope}:{site.operator}:{before}:{after}"
        seen[key] += 1
        digest = hashlib.sha256(f"{key}:{seen[key]}".encode()).hexdigest()[:8]
        identifier = f"{path}:{site.scope}:{site.operator}:{digest}"
        found.append(
            Mutant(
                identifier, path, site.scope, site.operator, node.lineno, before, after, start, end, site.replacement
            )
        )
    return found


def _collapsed(data: bytes) -> str:
    return " ".join(data.decode().split())


@dataclass(frozen=True)
class _Site:
    node: ast.expr | ast.stmt
    replacement: str
    operator: str
    scope: str


class _Sites(ast.NodeVisitor):
    """Collects sites; what it does not descend into cannot be mutated."""

    def __init__(self) -> None:
        self._scope: list[str] = []
        self._sites: list[_Site] = []

    def of(self, tree: ast.Module) -> list[_Site]:
        self.visit(tree)
        return self._sites

    def _add(self, node: ast.expr | ast.stmt, replacement: ast.AST | str, operator: str) -> None:
        text = replacement if isinstance(replacement, str) else f"({ast.unparse(replacement)})"
        self._sites.append(_Site(node, text, operator, ".".join(self._scope) or "module"))

    def _each(self, nodes: Sequence[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    # Scopes. Decorators, annotations and names of bases are not behaviour.

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope.append(node.name)
        self._each([*node.args.defaults, *node.args.kw_defaults])
        self._each(node.body)
        self._scope.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        self._each(node.body)
        self._scope.pop()

    # Nothing to mutate: text, types, and what a checker wants to be told.

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        return

    def visit_Assert(self, node: ast.Assert) -> None:
        return

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._each([node.value])

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(node, "pass", "delete")

    # Statements.

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._add(node, "pass", "delete")
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id in UNOBSERVABLE_NAMES:
            return
        if not isinstance(target, ast.Name | ast.Tuple):
            self._add(node, "pass", "delete")
            self._each([target])
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass", "delete")
        if _is_domain(node.target):
            if isinstance(node.value, ast.List) and len(node.value.elts) > 1:
                for element in node.value.elts:
                    if not isinstance(element, ast.Starred):
                        self._add(element, "*()", "delete")
        elif type(node.op) in ARITHMETIC:
            changed = copy.copy(node)
            changed.op = ARITHMETIC[type(node.op)]()
            self._add(node, ast.unparse(changed), "arithmetic")
        self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self._negated(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negated(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negated(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self._negated(test)
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in ("If", "Elif"):
                self._add(call.args[0], f"({ast.unparse(call.args[0])}) == 0", "condition")
        self.generic_visit(node)

    def _negated(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.UnaryOp):  # Those have mutants of their own that do the same.
            self._add(test, f"(not ({ast.unparse(test)}))", "condition")

    # Expressions.

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            self._add(node, ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right), "arithmetic")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self._add(node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values), "boolean")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, op in enumerate(node.ops):
            ops = [*node.ops[:index], COMPARISON[type(op)](), *node.ops[index + 1 :]]
            self._add(node, ast.Compare(node.left, ops, node.comparators), "comparison")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if not isinstance(node.operand, ast.Constant):
            self._add(node, node.operand, "unary")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add(node, repr(not value), "constant")
        elif isinstance(value, int | float):
            for changed in (value + 1, value - 1):
                self._add(node, f"({changed!r})" if changed < 0 else repr(changed), "constant")

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not (isinstance(node.value, ast.Name) and node.value.id in TYPE_CONSTRUCTORS):
            self.generic_visit(node)

    def visit_Slice(self, node: ast.Slice) -> None:
        for bound, change in ((node.lower, "+"), (node.upper, "-")):
            if bound is not None and not _is_number(bound):
                self._add(bound, f"({ast.unparse(bound)}) {change} 1", "slice")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        swapped = list(_swappable(name, node.args))
        for first, second in swapped:
            args = list(node.args)
            args[first], args[second] = args[second], args[first]
            self._add(node, ast.Call(node.func, args, node.keywords), "swap")
        if name == "Signal" and not any(keyword.arg == "reset_less" for keyword in node.keywords):
            reset_less = ast.keyword("reset_less", ast.Constant(value=True))
            self._add(node, ast.Call(node.func, node.args, [*node.keywords, reset_less]), "reset")
        self._each([node.func, *node.args])
        self._each([keyword.value for keyword in node.keywords if keyword.arg not in UNOBSERVABLE_KEYWORDS])


def _is_domain(target: ast.expr) -> bool:
    """Whether it is ``m.d.comb`` or ``m.d.sync``."""
    return isinstance(target, ast.Attribute) and isinstance(target.value, ast.Attribute) and target.value.attr == "d"


def _is_number(bound: ast.expr) -> bool:
    return isinstance(bound.operand if isinstance(bound, ast.UnaryOp) else bound, ast.Constant)


def _swappable(name: str, args: list[ast.expr]) -> Iterator[tuple[int, int]]:
    """Positions of arguments to swap: the choices of a multiplexer, else the first two that are of one kind."""
    if any(isinstance(arg, ast.Starred) for arg in args) or name in COMMUTATIVE | {"isinstance", "getattr"}:
        return
    positions = range(1 if name in ("Mux", "where") or (args and getattr(args[0], "id", "") == "m") else 0, len(args))
    for first, second in list(pairwise(positions))[:1]:
        if ast.dump(args[first]) != ast.dump(args[second]):
            yield first, second
