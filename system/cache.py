"""Where computed things are kept on disk, and files among them that are found whole or built again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .places import CACHE_VARIABLE as CACHE_VARIABLE
from .places import cache_directory as cache_directory
from .store import place_of, read_entry, write_entry


@dataclass(frozen=True)
class CachedFile:
    """A file of the cache: where it lies, if it could be written, and the bytes that were checked or built."""

    path: Path
    data: bytes


def cached_file(kind: str, inputs: Mapping[str, Any], suffix: str, build: Callable[[], bytes]) -> CachedFile:
    """A file of the bytes that ``build()`` gives, from the cache when these inputs were built before.

    A SHA-256 of the key and the bytes lies beside the file, so that one which was cut off, changed, or put in another's place
    is built again, as is one that others can write. Whoever loads it takes ``data``: what lies at ``path`` may be other bytes a
    moment later. A cache that cannot be written is no error.

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
    path = place_of(key, suffix)
    digest = path.with_suffix(".sha256")
    data, wanted = read_entry(path), read_entry(digest)
    if data is not None and wanted is not None and wanted.split(b" ", 1)[0] == _digest(key, data):
        return CachedFile(path, data)
    data = build()
    if write_entry(path, data):
        write_entry(digest, _digest(key, data) + f" {kind}\n".encode())
    return CachedFile(path, data)


def _digest(key: str, data: bytes) -> bytes:
    return hashlib.sha256(key.encode() + data).hexdigest().encode()
