"""Texts of Liberty files as people have them: plain or compressed, each of bounded length."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path

from ..system.errors import BitmillError
from ..system.files import read_bytes

LIBERTY_BYTES = 1 << 28
"""Longest library that is read; those of whole foundry kits are tens of megabytes."""

SUFFIXES = (".lib", ".lib.gz")
"""Of Liberty files in a folder."""


def read_texts(paths: Sequence[Path]) -> dict[str, str]:
    """Path to text of every file; a folder stands for the Liberty files in it.

    Raises
    ------
    BitmillError
        If a path cannot be read, a folder has no Liberty file, or a compressed file is cut off.
    """
    files: list[Path] = []
    for path in paths:
        files += _of_folder(path) if path.is_dir() else [path]
    return {str(path): _text(path) for path in dict.fromkeys(files)}


def _of_folder(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if not found:
        raise BitmillError(f"liberty {folder}: must be a folder with {' or '.join(SUFFIXES)} files, not one without")
    return found


def _text(path: Path) -> str:
    try:
        content = read_bytes(path, "a Liberty file", limit=LIBERTY_BYTES)
    except BitmillError as error:
        raise BitmillError(f"liberty {error}") from None
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(LIBERTY_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise BitmillError(f"liberty {path}: must be a whole gzip file, not one cut off or damaged") from None
        if len(content) > LIBERTY_BYTES:
            raise BitmillError(f"liberty {path}: must be at most {LIBERTY_BYTES} bytes, not longer")
    if b"\0" in content:
        raise BitmillError(f"liberty {path}: must be a Liberty file, not binary data")
    return content.decode("utf-8-sig", "replace")
