"""The C++ compiler: the system's, or else the one that the wheel ``ziglang`` carries."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...system.environment import search_path
from ...system.errors import BitmillError
from ...system.places import private_folder, user_folder
from ...system.tools import run_tool

COMPILER_VARIABLE = "CXX"
"""Environment variable that names the compiler's command, as everywhere; ``python -m ziglang c++`` is one."""

FLAGS = (
    "-std=c++17",
    "-O1",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-exceptions",
    "-w",
    "-ftemplate-depth=8192",
)
# Zig traps on undefined behaviour and wants its instrumentation off.
_ZIG_FLAGS = ("-fno-sanitize=undefined",)
_ZIG_CACHE_VARIABLE = "ZIG_GLOBAL_CACHE_DIR"
_SYSTEM = ("g++", "c++", "clang++")


@dataclass(frozen=True)
class Compiler:
    """A command that compiles C++, the flags it needs beside ``FLAGS``, and the first line of its ``--version``."""

    command: tuple[str, ...]
    flags: tuple[str, ...]
    version: str


def find_compiler() -> Compiler:
    """The compiler to use: CXX if that is set, the system's, the one of the ``ziglang`` wheel.

    Raises
    ------
    BitmillError
        If there is none; the message says what to install.
    """
    named = os.environ.get(COMPILER_VARIABLE)
    if named:
        try:
            command = shlex.split(named)
        except ValueError:
            command = []
        path = shutil.which(command[0], path=search_path()) if command else None
        if path is None:
            raise BitmillError(f"{COMPILER_VARIABLE} must be the command of a C++ compiler, not {named!r}")
        # It runs in a directory of its own, where a relative path leads nowhere.
        return _compiler((str(Path(path).absolute()), *command[1:]))
    for name in _SYSTEM:
        path = shutil.which(name, path=search_path())
        if path is not None:
            return _compiler((path,))
    if importlib.util.find_spec("ziglang") is not None:
        return _compiler((sys.executable, "-m", "ziglang", "c++"))
    raise BitmillError(
        "missing tool c++ (C++ compiler): install it with `apt-get install g++` or `pip install ziglang`"
    )


@cache
def _compiler(command: tuple[str, ...]) -> Compiler:
    version = run_tool([*command, "--version"], name="c++").splitlines()[0]
    return Compiler(command, _ZIG_FLAGS if "zig" in " ".join(command) else (), version)


def compile_library(
    sources: Mapping[str, str], main: str, *, include: Sequence[Path], compiler: Compiler, timeout: float | None = None
) -> bytes:
    """Compile C++ to a shared library and return its bytes.

    Parameters
    ----------
    sources
        Name to text of the files; ``main`` is the one that is compiled and includes the others.
    include
        Directories with headers.
    compiler
        From ``find_compiler``.
    timeout
        Seconds after which the compiler is ended.

    Raises
    ------
    BitmillError
        If the compiler fails; the line gives its last error and where the log is.
    """
    with private_folder("compile") as folder:
        for name, text in sources.items():
            (folder / name).write_text(text, encoding="utf-8")
        includes = [f"-I{path}" for path in include]
        command = [*compiler.command, *FLAGS, *compiler.flags, *includes, main, "-o", "library.so"]
        log = run_tool(command, cwd=folder, env=_zig_cache(), timeout=timeout, name="c++")
        library = folder / "library.so"
        if not library.is_file():
            raise BitmillError(f"c++: left no library: {log.strip() or 'no message'}")
        return library.read_bytes()


def _zig_cache() -> dict[str, str]:
    """Zig builds its C++ library once and keeps it in the user's own cache, which is no part of a tool's private home."""
    named = os.environ.get(_ZIG_CACHE_VARIABLE)
    return {_ZIG_CACHE_VARIABLE: named or str(user_folder("zig"))}
