"""Output that is there whole or not at all: written beside its destination, then renamed. Standard library only."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BitmillError

# Reading the mask means setting it, for the whole process: done once, before there are threads to disturb.
_UMASK = os.umask(0)
os.umask(_UMASK)


def atomic_write(path: Path | str, data: str | bytes) -> None:
    """Write a file whole or not at all. Text is written as UTF-8 with the line ends it has.

    Raises
    ------
    BitmillError
        If the path cannot be written.
    """
    with output_file(path) as staged:
        staged.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def output_file(path: Path | str) -> Iterator[Path]:
    """A file to write beside ``path``, which takes its name when the block ends well and is removed when it does not.

    That ``path`` can be written is found out when the block begins, so before any long work in it.

    Raises
    ------
    BitmillError
        If the path is a directory or cannot be written.
    """
    path = Path(path)
    created: list[Path] = []
    try:
        with _as_bitmill_error(path):
            if path.is_dir():
                raise BitmillError(f"output {path}: must be a file, not a directory")
            created = _make_directories(path.parent)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
            os.close(handle)
        staged = Path(name)
        try:
            yield staged
            with _as_bitmill_error(path):
                _make_public(staged)
                staged.replace(path)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
    except BaseException:
        _remove_empty(created)
        raise


@contextmanager
def output_directory(path: Path | str) -> Iterator[Path]:
    """A directory to write into, whose files appear under ``path`` when the block ends well, and nowhere when not.

    A new ``path`` appears in one rename. In a directory that is already there, files of the same name are replaced and
    others stay. That ``path`` can be written is found out when the block begins, so before any long work in it.

    Raises
    ------
    BitmillError
        If the path is a file or cannot be written.
    """
    path = Path(path)
    created: list[Path] = []
    staged: Path | None = None
    try:
        with _as_bitmill_error(path):
            if path.exists() and not path.is_dir():
                raise BitmillError(f"output {path}: must be a directory, not a file")
            exists = path.is_dir()
            created = [] if exists else _make_directories(path.parent)
            home = path if exists else path.parent
            staged = Path(tempfile.mkdtemp(dir=home, prefix=f".{path.name or 'bitmill'}-"))
        yield staged
        with _as_bitmill_error(path):
            _publish(staged, path, exists=exists)
    except BaseException:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)
        _remove_empty(created)
        raise


def _publish(staged: Path, path: Path, *, exists: bool) -> None:
    for entry in staged.rglob("*"):
        _make_public(entry)
    if not exists:
        _make_public(staged)
        staged.rename(path)
        return
    for source in sorted(staged.rglob("*")):
        target = path / source.relative_to(staged)
        if source.is_dir():
            target.mkdir(exist_ok=True)
        else:
            source.replace(target)
    shutil.rmtree(staged)


@contextmanager
def _as_bitmill_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BitmillError(f"output {path}: cannot be written: {error.strerror or error}") from None


def _make_directories(path: Path) -> list[Path]:
    """Make a directory and its parents; the ones that were not there, outermost first."""
    missing: list[Path] = []
    while not path.exists():
        missing.insert(0, path)
        path = path.parent
    made: list[Path] = []
    try:
        for directory in missing:
            directory.mkdir()
            made.append(directory)
    except OSError:
        _remove_empty(made)
        raise
    return missing


def _remove_empty(directories: list[Path]) -> None:
    for directory in reversed(directories):
        try:
            directory.rmdir()
        except OSError:
            return


def _make_public(path: Path) -> None:
    """Temporary files and directories are private; results have the permissions that any new file has."""
    path.chmod((0o777 if path.is_dir() else 0o666) & ~_UMASK)
