"""Which files of a package a test file can reach, by import statements: a test that cannot reach a mutant cannot kill it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path


class Reach:
    """The import graph of a package, name by name: ``from package.folder import name`` leads to the file that defines the name.

    Parameters
    ----------
    package, name
        Directory of the package, and what it is imported as.
    """

    def __init__(self, *, package: Path, name: str) -> None:
        self._package, self._name = package, name
        self._imported = cache(self._imported_by)

    def files(self, test: str) -> frozenset[str]:
        """Paths in the package that a file, given by its path in the package, imports directly or by way of others."""
        found: set[str] = set()
        waiting = [test]
        while waiting:
            for path in self._imported(waiting.pop()) - found:
                found.add(path)
                waiting.append(path)
        return frozenset(found)

    def direct(self, test: str) -> frozenset[str]:
        """Those that it imports itself."""
        return self._imported(test)

    def _imported_by(self, path: str) -> frozenset[str]:
        found: set[str] = set()
        for node in ast.walk(ast.parse((self._package / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                home = self._home(path, node)
                if home is not None:
                    found |= {target for alias in node.names if (target := self._defined(home, alias.name))}
            elif isinstance(node, ast.Import):
                parts = [alias.name.split(".") for alias in node.names]
                found |= {target for head, *rest in parts if head == self._name and (target := self._file(tuple(rest)))}
        return frozenset(found)

    def _home(self, path: str, node: ast.ImportFrom) -> tuple[str, ...] | None:
        """Parts of the module that is imported from, below the package; None for another package."""
        named = tuple(node.module.split(".")) if node.module else ()
        if node.level:
            return Path(path).parent.parts[: len(Path(path).parent.parts) - node.level + 1] + named
        return named[1:] if named[:1] == (self._name,) else None

    def _file(self, parts: tuple[str, ...]) -> str | None:
        for path in (Path(*parts).with_suffix(".py") if parts else None, Path(*parts) / "__init__.py"):
            if path is not None and (self._package / path).is_file():
                return str(path)
        return None

    def _defined(self, home: tuple[str, ...], name: str) -> str | None:
        """The file that a name comes from: a module of that name, the module the folder takes it from, or the module itself."""
        file = self._file(home)
        if (submodule := self._file((*home, name))) is not None:
            return submodule
        if file is None or not file.endswith("__init__.py"):
            return file
        for node in ast.parse((self._package / file).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and any((alias.asname or alias.name) == name for alias in node.names):
                inner = self._home(file, node)
                original = next(alias.name for alias in node.names if (alias.asname or alias.name) == name)
                return self._defined(inner, original) if inner is not None else file
        return file
