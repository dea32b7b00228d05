"""Threads of the BLAS library that comes with NumPy's wheels, while there are jobs enough for all cores."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_lock = threading.Lock()
_inside = 0
_before = 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Matrix products of the block use one thread each; how many they used before comes back after the last such block.

    Threads of several products at once wait for each other in busy loops: with other work on the machine that took ten times
    as long. NumPy has no setting for it after it was imported, so this asks the OpenBLAS library in its wheel; with any other
    BLAS nothing changes.
    """
    global _inside, _before  # noqa: PLW0603 - the library's setting is one of the process, and so is its count of users
    with _lock:
        if not _inside:
            _before = blas_threads()
            _set_threads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _set_threads(_before)


def blas_threads() -> int:
    """Threads of one matrix product; 1 where it cannot be known."""
    found = _openblas()
    return int(found("get_num_threads")()) if found else 1


def _set_threads(count: int) -> None:
    found = _openblas()
    if found:
        found("set_num_threads")(count)


@cache
def _openblas() -> Callable[[str], Any] | None:
    """Gives a function of the library by name, of NumPy's wheels for Linux (``numpy.libs``) and macOS (``.dylibs``)."""
    package = Path(np.__file__).parent
    for path in (*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")):
        library = ctypes.CDLL(str(path))
        for name in ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}"):
            with suppress(AttributeError):
                getattr(library, name.format("set_num_threads"))
                return lambda function, name=name, library=library: getattr(library, name.format(function))
    return None


__all__ = ["blas_threads", "one_blas_thread"]
