"""Recreates the committed capture: ``python -m bitmill.models.captured.make_captured``."""

from __future__ import annotations

from ...system.files import atomic_write
from ..encoder.model import load_encoder
from ..encoder.sentences import sentence_pairs
from .capture import CAPTURED_PATH, capture, to_bytes
from .rows import Rows

LENGTH, QUERIES, TOKENS = 197, 1, 8
"""Of the committed capture: a vision transformer's row, one query of every head and text, few tokens."""


def sample() -> tuple[Rows, ...]:
    """What is committed, captured from the model.

    Raises
    ------
    BitmillError
        If the model cannot be fetched.
    """
    return capture(load_encoder(), sentence_pairs(), length=LENGTH, queries=QUERIES, tokens=TOKENS)


def main() -> None:
    """Write the file."""
    data = to_bytes(sample())
    atomic_write(CAPTURED_PATH, data)
    print(f"{CAPTURED_PATH}: {len(data)} bytes")


if __name__ == "__main__":
    main()
