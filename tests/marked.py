"""Running processes that bitmill's tools left, found by what their environment says of them."""

from collections.abc import Sequence
from pathlib import Path


def processes_with(marks: Sequence[str]) -> list[int]:
    """Numbers of the processes, zombies left out, whose environment holds any of these texts."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environment = (folder / "environ").read_bytes()
                state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state != "Z" and any(mark.encode() in environment for mark in marks):
                found.append(int(folder.name))
    return found
