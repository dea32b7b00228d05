"""Which files a module's results depend on: found by following its imports, read from the sources without running them."""

from __future__ import annotations

import ast
import hashlib
import re
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
NAME = __name__.partition(".")[0]

Module = tuple[str, ...]
"""A dotted name below the package: ``("hdl", "verilog")``; the package itself is empty."""
Import = tuple[Module, tuple[str, ...]]
"""A module, and the names that are asked of it."""


def source_digest(*modules: str) -> str:
    """SHA-256 of every file of ours that decides what these modules compute: the part of a cache key that says so.

    A module that keeps results asks for ``source_digest(__name__)``. Files are read once in a process.

    Parameters
    ----------
    modules
        Full dotted names, such as ``bitmill.hdl.emit.verilog``.

    Raises
    ------
    LookupError
        If there is no such module.
    """
    # CPython 3.11 fails when two threads turn sources into trees at the same time (its issue 106905).
    with _one_at_a_time:
        return _sources_here().digest(*modules)


_one_at_a_time = threading.Lock()


class Sources:
    """The sources of a package in a folder.

    A module depends on every module that it imports, at the top of its file or inside a function, on the packages that those
    stand in, on modules that it names (``"bitmill.sim.bench"``, ``f"{__package__}.bench"``, or in any way where it calls
    ``import_module``), and on files beside it that it names together with ``__file__``. It does not depend on what is imported
    for type checkers alone; on what a package's ``__getattr__`` imports it does only if it asks that package for such a name.

    Parameters
    ----------
    root, name
        The package's folder and its name.
    """

    def __init__(self, root: Path, name: str = NAME) -> None:
        self.root, self.name = root, name
        self._digests: dict[Path, str] = {}
        self._wholes: dict[tuple[str, ...], str] = {}
        self._known: dict[Module, _Facts | None] = {}

    def digest(self, *modules: str) -> str:
        """SHA-256 of the names and bytes of ``files``."""
        if modules not in self._wholes:
            whole = hashlib.sha256()
            for path in self.files(*modules):
                whole.update(f"{path.relative_to(self.root).as_posix()}\0{self._digest(path)}\0".encode())
            self._wholes[modules] = whole.hexdigest()
        return self._wholes[modules]

    def files(self, *modules: str) -> tuple[Path, ...]:
        """Python files and data files that these modules depend on, themselves included, sorted.

        Raises
        ------
        LookupError
            If there is no such module.
        """
        reached: set[Module] = set()
        opened: set[Module] = set()
        waiting: list[Import] = [(self._inside(module), ("",)) for module in modules]
        for module, _ in waiting:
            if self._facts(module) is None:
                raise LookupError(f"module must be one of {self.name}, not {'.'.join(module)!r}")
        while waiting:
            module, names = waiting.pop()
            for end in range(len(module) + 1):
                waiting += self._reach(module[:end], reached)
            facts = self._facts(module)
            for name in names:
                if self._facts((*module, name)) is not None:
                    waiting += self._reach((*module, name), reached)
                elif facts is not None and name and name not in facts.names and module not in opened:
                    opened.add(module)
                    waiting += facts.on_demand
        return tuple(sorted({path for module in reached for path in self._files_of(module)}))

    def _reach(self, module: Module, reached: set[Module]) -> Iterable[Import]:
        facts = self._facts(module)
        if facts is None or module in reached:
            return ()
        reached.add(module)
        return facts.imports

    def _inside(self, module: str) -> Module:
        first, *rest = module.split(".")
        if first != self.name:
            raise LookupError(f"module must be one of {self.name}, not {module!r}")
        return tuple(rest)

    def _facts(self, module: Module) -> _Facts | None:
        if module not in self._known:
            path = self._path(module)
            self._known[module] = (
                None if path is None else _facts(self.name, module, path.name == "__init__.py", path.read_bytes())
            )
        return self._known[module]

    def _path(self, module: Module) -> Path | None:
        if not all(part.isidentifier() for part in module):
            return None
        folder = self.root.joinpath(*module)
        return next((path for path in (folder / "__init__.py", folder.with_suffix(".py")) if path.is_file()), None)

    def _files_of(self, module: Module) -> Iterator[Path]:
        path, facts = self._path(module), self._facts(module)
        assert path is not None
        assert facts is not None
        yield path
        for name in facts.beside:
            named = path.parent / name
            if named.is_dir():
                yield from (
                    inner for inner in named.rglob("*") if inner.is_file() and inner.suffix not in (".py", ".pyc")
                )
            elif named.is_file():
                yield named

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[path]


@cache
def _sources_here() -> Sources:
    return Sources(PACKAGE)


@dataclass(frozen=True)
class _Facts:
    """What a source says: modules and the names asked of them; the same on demand of ``__getattr__``; names; files beside it."""

    imports: tuple[Import, ...]
    on_demand: tuple[Import, ...]
    names: frozenset[str]
    beside: tuple[str, ...]


# Of bytes, so that who looks at many copies of a package reads equal files once.
@lru_cache(maxsize=4096)
def _facts(package: str, module: Module, is_package: bool, source: bytes) -> _Facts:
    body = [statement for statement in ast.parse(source).body if not _for_type_checkers(statement)]
    on_demand = [statement for statement in body if _gives_names_on_demand(statement)]
    always = [statement for statement in body if statement not in on_demand]
    names_modules = any(word in source for word in (f"{package}.".encode(), b"__package__", b"import_module"))
    home = module if is_package else module[:-1]

    def imports(statements: list[ast.stmt]) -> tuple[Import, ...]:
        found = list(_imports(statements, package, home))
        if names_modules:
            found += _named(statements, package, home, anyhow=b"import_module" in source)
        return tuple(dict.fromkeys(found))

    beside = tuple(dict.fromkeys(_beside(always))) if b"__file__" in source else ()
    scripts: tuple[Import, ...] = tuple(
        ((*home, name.removesuffix(".py")), ()) for name in beside if name.endswith(".py")
    )
    return _Facts(
        imports=imports(always) + scripts,
        on_demand=imports(on_demand),
        names=frozenset(name for statement in always for name in _bound(statement)) if on_demand else frozenset(),
        beside=tuple(name for name in beside if not name.endswith(".py")),
    )


def _statements(outer: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    """Statements at any depth. Expressions, of which there are far more, are not looked at."""
    for node in outer:
        if isinstance(node, ast.stmt):
            yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, ())
            if isinstance(inner, list):
                yield from _statements(inner)


def _for_type_checkers(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.If) and isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING"
    )


def _gives_names_on_demand(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef) and statement.name == "__getattr__"


def _imports(statements: list[ast.stmt], package: str, home: Module) -> Iterator[Import]:
    """Modules that are imported anywhere in the statements."""
    for node in _statements(statements):
        if isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            inner = node.module.split(".") if node.module else []
            if node.level:
                yield (*home[: len(home) - node.level + 1], *inner), names
            elif inner[0] == package:
                yield tuple(inner[1:]), names
        elif isinstance(node, ast.Import):
            for alias in node.names:
                first, *rest = alias.name.split(".")
                if first == package:
                    yield tuple(rest), ()


def _named(statements: list[ast.stmt], package: str, home: Module, *, anyhow: bool) -> Iterator[Import]:
    """Modules whose names stand in strings: whole ones, and ``anyhow`` also below the package or relative to ``home``."""
    whole = re.compile(rf"{re.escape(package)}(\.\w+)+")
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.JoinedStr):
            yield from _beside_the_package(node, home)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if whole.fullmatch(node.value):
                yield tuple(node.value.split(".")[1:]), ()
            elif anyhow and re.fullmatch(r"\.*\w+(\.\w+)*", node.value):
                inner = node.value.lstrip(".")
                level = len(node.value) - len(inner)
                yield (*(home[: len(home) - level + 1] if level else ()), *inner.split(".")), ()


def _beside_the_package(node: ast.JoinedStr, home: Module) -> Iterator[Import]:
    """``f"{__package__}.bench"``."""
    match node.values:
        case [ast.FormattedValue(value=ast.Name(id="__package__")), ast.Constant(value=str(rest))]:
            yield (*home, *rest.strip(".").split(".")), ()


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement at the top of a module binds."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _beside(statements: list[ast.stmt]) -> Iterator[str]:
    """Strings that stand in one simple statement with ``__file__``."""
    for node in (node for statement in statements for node in ast.walk(statement)):
        if isinstance(node, ast.stmt) and "body" not in node._fields:
            inner = list(ast.walk(node))
            if any(isinstance(part, ast.Name) and part.id == "__file__" for part in inner):
                yield from (
                    part.value for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
