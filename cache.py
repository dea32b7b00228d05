"""Where computed things are kept on disk, and files among them that are found whole or built again."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .errors import BitmillError
from .files import atomic_write
from .system.places import CACHE_VARIABLE as CACHE_VARIABLE
from .system.places import cache_directory as cache_directory

_homeless: list[tempfile.TemporaryDirectory[str]] = []
"""Directories of files that the cache could not take; removed when the process ends."""


def cached_file(kind: str, inputs: Mapping[str, Any], suffix: str, build: Callable[[], bytes]) -> Path:
    """A file of the bytes that ``build()`` gives, from the cache when these inputs were built before.

    The SHA-256 of the bytes lies beside the file, so that one which was cut off or changed is built again. A cache that
    cannot be written is no error: the file then lives as long as the process.

    Parameters
    ----------
    kind, inputs
        What is built and everything it depends on (JSON data, tool versions included).
    suffix
        Of the file's name, such as ``.so``.
    build
        Gives the bytes; called only when there is no whole file.
    """
    key = hashlib.sha256(json.dumps([kind, inputs], sort_keys=True).encode()).hexdigest()
    path = cache_directory() / key[:2] / f"{key}{suffix}"
    digest = path.with_suffix(".sha256")
    if _is_whole(path, digest):
        return path
    data = build()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
        atomic_write(digest, hashlib.sha256(data).hexdigest())
    except (OSError, BitmillError):
        _homeless.append(tempfile.TemporaryDirectory(prefix="bitmill-cache-"))
        path = Path(_homeless[-1].name) / path.name
        path.write_bytes(data)
    return path


def _is_whole(path: Path, digest: Path) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == digest.read_text(encoding="ascii")
    except (OSError, ValueError):
        return False
