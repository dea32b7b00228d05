"""Results on disk, keyed by everything that can change them, and written so that a kill never leaves half of one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import threading
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..system import store as store_of_files
from ..system import tools
from ..system.cache import CACHE_VARIABLE as CACHE_VARIABLE
from ..system.sources import source_digest

SUFFIX = ".json.gz"
"""Of a result's file."""

_locks: dict[str, threading.Lock] = {}
_locks_guard = threading.Lock()


def cache_key(kind: str, inputs: Mapping[str, Any]) -> str:
    """SHA-256 over the kind of result, its inputs (JSON data, tool versions and sources included)."""
    text = json.dumps([kind, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def entry_path(key: str) -> Path:
    """The file that holds the result of ``key``."""
    return store_of_files.place_of(key, SUFFIX)


def load(key: str) -> Any | None:
    """The stored result, or None when there is none, it cannot be read whole (gzip carries a checksum), or is not ours."""
    data = store_of_files.read_entry(entry_path(key))
    if data is None:
        return None
    try:
        entry = json.loads(gzip.decompress(data))
    except (OSError, EOFError, zlib.error, ValueError):
        return None
    return entry["result"] if isinstance(entry, dict) and entry.get("key") == key and "result" in entry else None


def store(key: str, result: Any, *, kind: str = "result") -> None:
    """Write beside, then rename. A cache that cannot be written is no error: the result is simply computed again.

    ``kind`` is what `bitmill cache` calls it; it stands in the head of the compressed file.
    """
    data = io.BytesIO()
    with gzip.GzipFile(kind, "wb", compresslevel=6, fileobj=data, mtime=0) as file:
        file.write(json.dumps({"key": key, "result": result}).encode())
    store_of_files.write_entry(entry_path(key), data.getvalue())


def cached(kind: str, inputs: Mapping[str, Any], compute: Callable[[], Any]) -> Any:
    """The result of ``compute()`` (JSON data), from the cache when these inputs were computed before.

    Threads that ask for the same result at the same time compute it once. ``inputs`` must hold everything the result
    depends on, tool versions and ``source_digest(__name__)`` of the module that computes included.
    """
    key = cache_key(kind, inputs)
    with _lock_of(key):
        result = load(key)
        if result is None:
            result = compute()
            store(key, result, kind=kind)
        return result


def _lock_of(key: str) -> threading.Lock:
    with _locks_guard:
        return _locks.setdefault(key, threading.Lock())


def yosys_cached(script: str, *, files: Mapping[str, str], outputs: list[str]) -> dict[str, str]:
    """``tools.run_yosys`` through the cache: what Yosys wrote, for callers to read."""
    inputs = {
        "script": script,
        "files": dict(files),
        "outputs": outputs,
        "yosys": tools.yosys_release(),
        "source": source_digest(tools.__name__),
    }
    return cached("yosys", inputs, lambda: tools.run_yosys(script, files=files, outputs=outputs))
