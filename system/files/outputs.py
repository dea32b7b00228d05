"""Output that is there whole or not at all: written in a folder of its own, then renamed. Standard library only."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from io import UnsupportedOperation
from pathlib import Path

from ..errors import BitmillError
from .inputs import refuse_input, refuse_open_input
from .publishing import check_place, finish, publish_into, replace_file
from .reading import kind_of
from .staging import READY, folder_beside, folder_inside, held, is_left_over
from .troubles import told_as_output

STANDARD_OUTPUT = "-"


def atomic_write(path: Path | str, data: str | bytes) -> None:
    """Write a file whole or not at all, whoever else writes it too. Text is written as UTF-8 with the line ends it has.

    Raises
    ------
    BitmillError
        If the path cannot be written.
    """
    path = Path(path)
    staged = path.with_name(f".{path.name[:100]}-{secrets.token_hex(6)}")
    with told_as_output(path), _parents(path):
        try:
            staged.write_bytes(data.encode() if isinstance(data, str) else data)
            staged.replace(path)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise


@contextmanager
def output_file(path: Path | str) -> Iterator[Path]:
    """A file to write, whose content is at ``path`` when the block ends well, and nowhere when it does not.

    A symbolic link stays, and what it points to is written; mode and owner of a file that is there are kept; ``-`` is
    standard output. That ``path`` can be written is found out when the block begins, so before any long work in it, and
    until it ends no other run can write there.

    Raises
    ------
    BitmillError
        If the path is no regular file, an input of the command, written by another run, or cannot be written.
    """
    if str(path) == STANDARD_OUTPUT:
        with _standard_output() as staged:
            yield staged
        return
    shown, path = Path(path), Path(os.path.realpath(path))
    with ExitStack() as stack:
        with told_as_output(shown):
            check_place(shown, shown)  # As given: what /dev/stdout points to has no path of its own.
            stack.enter_context(_parents(path))
            staged = stack.enter_context(held(folder_beside(path), shown)) / path.name
            staged.touch()
        with told_as_output(shown, staged):
            yield staged
            refuse_input(path, shown=shown)
            replace_file(staged, path)


@contextmanager
def output_directory(path: Path | str, *, names: Sequence[str] = (), wait: bool = False) -> Iterator[Path]:
    """A directory to write into, whose files appear under ``path`` when the block ends well, and nowhere when not.

    A new ``path`` appears in one rename. In a directory that is already there, files of the same name are replaced and
    others stay; a run that is killed while it replaces them is completed by the next one that writes there or reads from
    there. That ``path`` can be written is found out when the block begins, so before any long work in it, and until it
    ends no other run can write there.

    Parameters
    ----------
    path
        The directory; made if missing.
    names
        Files that will be written, as far as known: places where they cannot be are refused before the work.
    wait
        Whether to wait for another run that writes there, instead of refusing.

    Raises
    ------
    BitmillError
        If the path is no directory, is written by another run, or cannot be written, or a file to be replaced is an
        input of the command with other content.
    """
    if str(path) == STANDARD_OUTPUT:
        raise BitmillError("output -: must be a directory, not standard output")
    shown, path = Path(path), Path(os.path.realpath(path))
    with ExitStack() as stack:
        with told_as_output(shown):
            if (kind := kind_of(shown)) not in (None, "a directory"):
                raise BitmillError(f"output {shown}: must be a directory, not {kind}")
            _sweep(path, shown)
            is_new = kind is None
            if is_new:
                stack.enter_context(_parents(path))
            for name in names:
                check_place(path / name, shown / name, may_be_input=True)
            staged = stack.enter_context(held((folder_beside if is_new else folder_inside)(path), shown, wait=wait))
        with told_as_output(shown, staged):
            yield staged
            if not is_new or not _renamed(staged, path):
                _merge(staged, path, shown, is_new=is_new)


def recover(directory: Path) -> None:
    """Put in their places the files of a run that was killed while it replaced files of this directory."""
    folder = folder_inside(directory)
    if (folder / READY).exists() and is_left_over(folder):
        with told_as_output(directory), held(folder, directory):
            finish(folder, directory)


def _sweep(path: Path, shown: Path) -> None:
    """Complete or remove what dead runs left inside a directory and beside it."""
    recover(path)
    if is_left_over(beside := folder_beside(path)):
        with held(beside, shown):
            pass


def _renamed(staged: Path, path: Path) -> bool:
    """Whether the new directory took its name; False if there is one by now."""
    try:
        staged.rename(path)
    except OSError:
        if not path.is_dir():
            raise
        return False
    return True


def _merge(staged: Path, path: Path, shown: Path, *, is_new: bool) -> None:
    folder = folder_inside(path)
    if not is_new:
        publish_into(path, folder, shown)
        return
    with held(folder, shown) as files:
        files.rmdir()
        staged.rename(files)
        publish_into(path, folder, shown)


@contextmanager
def _standard_output() -> Iterator[Path]:
    """A file to write that is copied to standard output when the block ends well."""
    from ..places import private_folder  # Takes time to import, and few outputs go there.

    with private_folder("output") as folder:
        staged = folder / "output"
        staged.touch()
        yield staged
        with told_as_output(Path(STANDARD_OUTPUT)), staged.open("rb") as file:
            with suppress(UnsupportedOperation):  # Nobody's file: a test's or a notebook's.
                refuse_open_input(sys.stdout.fileno(), shown=STANDARD_OUTPUT)
            sys.stdout.flush()
            shutil.copyfileobj(file, sys.stdout.buffer)
            sys.stdout.buffer.flush()


@contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the directories above a path, and remove those that were made if the block fails."""
    missing: list[Path] = []
    parent = path.parent
    while not parent.exists():
        missing.insert(0, parent)
        parent = parent.parent
    made: list[Path] = []
    try:
        for directory in missing:
            directory.mkdir(exist_ok=True)
            made.append(directory)
        yield
    except BaseException:
        for directory in reversed(made):
            try:
                directory.rmdir()
            except OSError:
                break
        raise


__all__: list[str] = ["STANDARD_OUTPUT", "atomic_write", "output_directory", "output_file", "recover"]
