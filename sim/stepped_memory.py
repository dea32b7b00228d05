"""What stands in the memories of units of steps during a verification, and the writes that put it there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..config.stepped import StepMemory
from .row_payload import pack
from .stepped_payload import Integers


def drawn_memory(memory: StepMemory, rng: np.random.Generator) -> Integers:
    """Random words int64 ``[depth, elements]``, one in four of their numbers an end of the range, or 0."""
    word = memory.word
    values = rng.integers(word.low, word.high, (memory.depth, word.elements), endpoint=True)
    ends = np.array([word.low, word.high, min(max(0, word.low), word.high)])
    return np.where(rng.random(values.shape) < 0.25, rng.choice(ends, values.shape), values)


def write_bits(memory: StepMemory) -> int:
    """Width of ``write``."""
    return 1 + _address_bits(memory) + memory.word.bits * memory.word.elements


def memory_writes(memory: StepMemory, words: Integers) -> tuple[Mapping[str, int], ...]:
    """A write of every word, last words first, and one that is not enabled, which must not matter."""
    written = [_write(memory, 1, address, words[address]) for address in reversed(range(memory.depth))]
    return *written, _write(memory, 0, 0, np.full(memory.word.elements, -1))


def _write(memory: StepMemory, enable: int, address: int, word: Integers) -> Mapping[str, int]:
    widths = [1, _address_bits(memory), *[memory.word.bits] * memory.word.elements]
    return {"write": pack([enable, address, *word.tolist()], widths)}


def _address_bits(memory: StepMemory) -> int:
    return (memory.depth - 1).bit_length()
