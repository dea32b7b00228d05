"""Whose a file is: what others can write or plant is neither opened nor loaded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
"""Flags with which a file of ours is opened: a planted link is not followed."""

_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def is_ours(found: os.stat_result) -> bool:
    """Whether it belongs to this user, or to root who may do anything anyway, and nobody else can write it."""
    if os.name != "posix":
        return True
    return found.st_uid in (os.geteuid(), 0) and not found.st_mode & _OTHERS


def is_private_folder(path: Path) -> bool:
    """Whether it is a directory, no link, that belongs to this user and that nobody else can enter."""
    try:
        found = path.lstat()
    except OSError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        return False
    return os.name != "posix" or (found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def make_private_folder(path: Path) -> None:
    """Make a directory for this user alone, or take the one that is there.

    Raises
    ------
    OSError
        If it cannot be made, or what is there is a link, of another user, or open to others.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not is_private_folder(path):
            raise PermissionError(1, "must be a folder of yours that is closed to others", str(path)) from None


def make_folders(path: Path) -> None:
    """Make a directory and its parents that are not there, for this user alone; what is there stays as it is.

    Raises
    ------
    OSError
        If one cannot be made.
    """
    if not path.is_dir():
        make_folders(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def cannot_be_renamed(path: Path) -> bool:
    """Whether nobody else can put another entry in place of one of ours in this directory: not writable, or sticky."""
    if os.name != "posix":
        return True
    found = path.stat()
    return not found.st_mode & _OTHERS or bool(found.st_mode & stat.S_ISVTX)


def read_trusted(path: Path, root: Path) -> bytes:
    """The bytes of a file that only this user can have written: it and every directory from ``root`` down are ours.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or others can write it or could have put it there.
    """
    if not path.is_relative_to(root):
        raise ValueError(f"path must lie in {root}, not at {path}")
    for folder in (root, *(parent for parent in path.parents if parent != root and parent.is_relative_to(root))):
        found = folder.stat() if folder == root else folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or not is_ours(found):
            raise PermissionError(1, "can be written by others", str(folder))
    handle = os.open(path, os.O_RDONLY | NOFOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:  # noqa: PTH123 - an open descriptor, checked before a byte is read
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or not is_ours(found):
            raise PermissionError(1, "can be written by others", str(path))
        return file.read()
