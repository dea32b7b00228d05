"""Finished files on their way to their places: all of a set, or none, also when the process is killed meanwhile."""

from __future__ import annotations

import errno
import filecmp
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from ..errors import BitmillError
from .inputs import input_at, refuse_input
from .reading import kind_of
from .staging import FILES, READY


def check_place(path: Path, shown: Path, *, may_be_input: bool = False) -> None:
    """Refuse a place where no file can be put: a directory, a device, a file that may not be written, an input.

    Raises
    ------
    BitmillError
        Naming ``shown``.
    """
    kind = kind_of(path)
    if kind == "a directory":
        raise BitmillError(f"output {shown}: must be a file, not a directory")
    if kind not in (None, "a file"):
        raise BitmillError(f"output {shown}: must be a regular file, or `-` for standard output, not {kind}")
    if kind is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(shown))
    if not may_be_input:
        refuse_input(path, shown=shown)


def refuse_changed_input(source: Path, path: Path, *, shown: Path | None = None) -> bool:
    """Whether ``path`` is an input of the command, to which the finished file ``source`` is equal.

    Raises
    ------
    BitmillError
        If it is one and differs: a user's file is not written anew.
    """
    if input_at(path) is None:
        return False
    if not filecmp.cmp(source, path, shallow=False):
        raise BitmillError(
            f"output {shown or path}: must not be what the command reads, which would be written anew; give another directory"
        )
    return True


def publish_into(directory: Path, folder: Path, shown: Path) -> None:
    """Move the files of a held staging folder into a directory that is there.

    All that can be refused is refused first. Then one rename says that the set is whole, and from there on it is moved
    to its place, by this process or, if it is killed, by the next one that finds it: see ``finish``.

    Raises
    ------
    BitmillError
        If a file cannot be put in its place.
    """
    files = folder / FILES
    for source in _files_of(files):
        inner = source.relative_to(files)
        place = Path(os.path.realpath(directory / inner))
        check_place(place, shown / inner, may_be_input=True)
        if refuse_changed_input(source, place, shown=shown / inner):
            source.unlink()
    try:
        files.rename(folder / READY)
        finish(folder, directory)
    except BaseException as error:
        # An interruption comes too late once the set is whole.
        if not isinstance(error, Exception) and (folder / READY).exists():
            finish(folder, directory)
        raise


def finish(folder: Path, directory: Path) -> None:
    """Move what is ready in a held staging folder to its place; nothing if nothing is. May be begun anew at any point."""
    ready = folder / READY
    if not ready.exists():
        return
    for source in _files_of(ready):
        place = directory / source.relative_to(ready)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(source, Path(os.path.realpath(place)))
    shutil.rmtree(ready)


def replace_file(source: Path, path: Path) -> None:
    """Give a finished file the name ``path``, and mode and owner of the file that had it."""
    with suppress(FileNotFoundError):
        _take_over(source, path.stat())
    try:
        source.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # A link led to another file system.
        beside = path.with_name(f".{path.name[:100]}-{secrets.token_hex(6)}")
        try:
            shutil.copyfile(source, beside)
            _take_over(beside, source.stat())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        source.unlink()


def _take_over(file: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    try:
        os.chown(file, found.st_uid, found.st_gid)
    except PermissionError:
        mode &= 0o777
    file.chmod(mode)


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
