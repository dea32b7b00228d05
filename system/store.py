"""Files of the cache: written whole, read only when nobody else can have written them, the least used ones dropped."""

from __future__ import annotations

import atexit
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import BitmillError
from .kept import drop_old
from .places import cache_directory
from .trust import is_ours, make_folders, read_trusted

LIMIT_VARIABLE = "BITMILL_CACHE_LIMIT"
"""Environment variable that bounds the cache, such as ``500M`` or ``2GiB``."""

DEFAULT_LIMIT = 2 << 30
"""Bytes of results that are kept, where nothing else is said."""

_PART = ".part-"
_PART_SECONDS = 600
"""A file that is older and still half-written is of a run that died."""

_USED_SECONDS = 3600
"""How exactly is known when an entry was used last."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True)
class Entry:
    """A result in the cache: its files, their bytes together, and when it was used last (seconds since 1970)."""

    files: tuple[Path, ...]
    size: int
    used: float


def parse_size(text: str, name: str) -> int:
    """Bytes of ``500M`` (10 to the 6th each), ``2GiB`` (2 to the 30th) or a plain number.

    Raises
    ------
    BitmillError
        If it is no size; ``name`` is what the message calls it.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise BitmillError(f"{name} must be a size such as 500M or 2GiB, not {text!r}")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWER[match[2].lower()])


def cache_limit() -> int:
    """Bytes of results that the cache may hold.

    Raises
    ------
    BitmillError
        If BITMILL_CACHE_LIMIT is no size.
    """
    named = os.environ.get(LIMIT_VARIABLE)
    return parse_size(named, LIMIT_VARIABLE) if named else DEFAULT_LIMIT


def place_of(key: str, suffix: str) -> Path:
    """The file of the result of ``key``, a SHA-256 in hexadecimal digits."""
    return cache_directory() / key[:2] / f"{key}{suffix}"


def read_entry(path: Path) -> bytes | None:
    """The bytes of a file of the cache; None when there is none, or others could have written it, which is said.

    Raises
    ------
    BitmillError
        If BITMILL_CACHE_LIMIT is no size, which is better told before the work than after it.
    """
    cache_limit()
    try:
        data = read_trusted(path, cache_directory())
        if path.lstat().st_mtime < time.time() - _USED_SECONDS:
            os.utime(path)
    except PermissionError as error:
        _distrust(str(error.filename))
        return None
    except OSError:
        return None
    return data


def write_entry(path: Path, data: bytes) -> bool:
    """Write a file of the cache for this user alone, whole or not at all; whether that could be done.

    Raises
    ------
    BitmillError
        If BITMILL_CACHE_LIMIT is no size.
    """
    limit = cache_limit()
    root = cache_directory()
    try:
        make_folders(path.parent)
        if not is_ours(root.stat()):
            return False
        handle, part = tempfile.mkstemp(prefix=_PART, dir=path.parent)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - an open descriptor
                file.write(data)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError:
        return False
    _account(len(data), limit)
    return True


_told: set[str] = set()


def _distrust(path: str) -> None:
    if path not in _told and not _told:
        print(f"bitmill: the cache is not used: others can write {path}; `chmod go-w` mends that", file=sys.stderr)
    _told.add(path)


def entries(root: Path) -> Iterator[Entry]:
    """All results in the cache ``root``, without its other folders."""
    files: dict[tuple[str, str], list[tuple[Path, os.stat_result]]] = {}
    for path in _files(root):
        with suppress(OSError):
            files.setdefault((path.parent.name, path.name.split(".")[0]), []).append((path, path.lstat()))
    for (_, key), found in files.items():
        if key:
            yield Entry(
                tuple(path for path, _ in found),
                sum(stat.st_size for _, stat in found),
                max(stat.st_mtime for _, stat in found),
            )


OTHER_FOLDERS = ("kept", "models", "yowasp")
"""What the cache holds beside results: logs of failed tools, fetched models, machine code of tools."""


def other_folders(root: Path) -> list[Path]:
    """The folders of ``OTHER_FOLDERS`` that are there. A cache can be a folder in which the user keeps other things."""
    return [root / name for name in OTHER_FOLDERS if (root / name).is_dir() and not (root / name).is_symlink()]


def _files(root: Path) -> Iterator[Path]:
    for folder in _listed(root):
        if re.fullmatch("[0-9a-f]{2}", folder.name) and folder.is_dir() and not folder.is_symlink():
            yield from _listed(folder)


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def remove(dropped: Iterable[Entry]) -> int:
    """Remove entries and say how many bytes they held. Whoever is just asking for one computes it again."""
    freed = 0
    for entry in dropped:
        for path in entry.files:
            with suppress(OSError):
                freed += path.lstat().st_size
                path.unlink()
                path.parent.rmdir()
    return freed


def trim(root: Path, limit: int) -> int:
    """Remove what was not used for longest until at most ``limit`` bytes of results are left; the bytes freed.

    Half-written files of dead runs, and logs that were kept long enough, go as well.
    """
    for path in _files(root):
        with suppress(OSError):
            if path.name.startswith(_PART) and path.lstat().st_mtime < time.time() - _PART_SECONDS:
                path.unlink()
    with suppress(OSError):
        drop_old(root / "kept")
    found = sorted(entries(root), key=lambda entry: entry.used)
    excess = sum(entry.size for entry in found) - limit
    dropped: list[Entry] = []
    for entry in found:
        if excess <= 0:
            break
        dropped.append(entry)
        excess -= entry.size
    return remove(dropped)


_written = 0
_counting = threading.Lock()


def _account(size: int, limit: int) -> None:
    """Count what this process writes; look through the cache when that is an eighth of the bound, and when it ends."""
    global _written  # noqa: PLW0603 - one per process
    with _counting:
        if _written == 0:
            atexit.register(_trim_at_end, cache_directory())
        _written += size
        if _written <= limit // 8:
            return
        _written = 1
    # Some are dropped beyond the bound, so that it is not reached again at once.
    trim(cache_directory(), limit - limit // 8)


def _trim_at_end(root: Path) -> None:
    with suppress(BitmillError):
        trim(root, cache_limit())
