"""Texts of Liberty files as people have them: plain or compressed, each of bounded length."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Sequence
from pathlib import Path

from ..system.errors import BitmillError
from ..system.files import read_bytes
from .liberty_text import COMMENT

_INCLUDED = 1000
LIBERTY_BYTES = 1 << 28
"""Longest library that is read; those of whole foundry kits are tens of megabytes."""

SUFFIXES = (".lib", ".lib.gz")
"""Of Liberty files in a folder."""

_INCLUDE = re.compile(rf'{COMMENT.pattern}|\binclude_file\s*\(\s*"?([^")]*?)"?\s*\)\s*;?', re.DOTALL)


def read_texts(paths: Sequence[Path]) -> dict[str, str]:
    """Path to text of every file, with what it includes in its place; a folder stands for the Liberty files in it.

    Raises
    ------
    BitmillError
        If a path cannot be read, a folder has no Liberty file, a compressed file is cut off, or a file includes itself.
    """
    files: list[Path] = []
    for path in paths:
        files += _of_folder(path) if path.is_dir() else [path]
    return {str(path): _whole(path, [], []) for path in dict.fromkeys(files)}


def _of_folder(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))
    if not found:
        raise BitmillError(f"liberty {folder}: must be a folder with {' or '.join(SUFFIXES)} files, not one without")
    return found


def _whole(path: Path, within: list[Path], lengths: list[int]) -> str:
    """The text of a file that is included ``within`` others; ``lengths`` of what was read for the first of these grow."""
    if path.resolve() in within:
        raise BitmillError(f"liberty {path}: must not include itself, as it does by include_file")
    text = _text(path)
    lengths.append(len(text))
    if sum(lengths) > LIBERTY_BYTES or len(lengths) > _INCLUDED:
        first = within[0] if within else path
        raise BitmillError(
            f"liberty {first}: must include at most {_INCLUDED} files of {LIBERTY_BYTES} bytes together, not more"
        )
    if "include_file" not in text:
        return text
    within = [*within, path.resolve()]
    return _INCLUDE.sub(
        lambda found: found[0] if found[2] is None else _whole(path.parent / found[2].strip(), within, lengths), text
    )


def _text(path: Path) -> str:
    try:
        content = read_bytes(path, "a Liberty file", limit=LIBERTY_BYTES)
    except BitmillError as error:
        raise BitmillError(f"liberty {error}") from None
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                content = file.read(LIBERTY_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            # What begins as gzip and is none further on has something behind its end.
            wrong = "with other bytes behind its end" if "Not a gzipped" in str(error) else "cut off or damaged"
            raise BitmillError(f"liberty {path}: must be a whole gzip file, not one {wrong}") from None
        if len(content) > LIBERTY_BYTES:
            raise BitmillError(f"liberty {path}: must be at most {LIBERTY_BYTES} bytes, not longer")
    if b"\0" in content:
        raise BitmillError(f"liberty {path}: must be a Liberty file, not binary data")
    return content.decode("utf-8-sig", "replace")
