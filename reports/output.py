"""Output that appears whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import BitmillError


def writable_directory(folder: Path) -> Path:
    """The directory, made if missing, before any work is done for it.

    Raises
    ------
    BitmillError
        If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BitmillError(f"{folder}: the output directory cannot be written: {error.strerror}") from None


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write all files beside the directory's old ones, then let them take their names one by one.

    Raises
    ------
    BitmillError
        If a file cannot be written; the old files are then still there.
    """
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".bitmill-") as beside:
            for name, text in files.items():
                (Path(beside) / name).write_text(text, encoding="utf-8", newline="\n")
            for name in files:
                (Path(beside) / name).replace(folder / name)
    except OSError as error:
        raise BitmillError(f"{folder}: cannot be written: {error.strerror}") from None


def write_text(path: Path, text: str) -> None:
    """Write one file whole or not at all.

    Raises
    ------
    BitmillError
        If it cannot be written; the old file is then still there.
    """
    write_files(path.parent, {path.name: text})
