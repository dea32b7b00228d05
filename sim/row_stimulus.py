"""Rows that try a unit of rows: extremes, equal elements, single ones, masks of all kinds, lengths around beats, random rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..config.rows import RowConfig

_LONGEST_RANDOM_BEATS = 12
_LONGEST_ALONE_BEATS = 8
"""Of rows through a unit that is indifferent to their length."""
_ENUMERATED_BITS = 10


@dataclass(frozen=True)
class Row:
    """Elements int64 ``[L, fields]``, a mask bool ``[L]``, and what the row is for."""

    elements: NDArray[np.int64]
    mask: NDArray[np.bool_]
    label: str

    def __len__(self) -> int:
        return len(self.elements)


class RowStimulus:
    """Rows for a unit.

    Parameters
    ----------
    config
        The unit.
    rng
        The only source of randomness.
    corner_steps
        The most beats of a directed row.
    """

    def __init__(self, config: RowConfig, rng: np.random.Generator, *, corner_steps: int) -> None:
        self.config = config
        self.rng = rng
        bits = next(iter(config.element_fields.values()))
        self.least, self.greatest = -(1 << bits - 1), (1 << bits - 1) - 1
        self.bits = bits
        most = config.lanes * (_LONGEST_ALONE_BEATS if config.longest_row is None else corner_steps)
        self.longest = min(config.longest_row or most, most)

    def rows(self, count: int) -> Iterator[Row]:
        """Directed rows, then ``count`` random ones."""
        yield from self._corners()
        yield from self._lengths()
        yield from self._masks()
        longest = min(self.longest, _LONGEST_RANDOM_BEATS * self.config.lanes)
        for index in range(count):
            length = max(1, int(np.exp(self.rng.uniform(0, np.log(longest + 1)))))
            mask = self.rng.random(length) < self.rng.choice([0.1, 0.5, 0.9]) if index % 3 == 0 else True
            yield self._row(self._values(length), "random", mask)

    def too_long(self) -> Row:
        """A row of more beats than a unit keeps, of which no more elements than its longest row has take part."""
        depth, longest = self.config.depth or 1, self.config.longest_row or 1
        length = (depth + 2) * self.config.lanes - 1
        return self._row(self._values(length), "too long", np.arange(length) < longest)

    def _corners(self) -> Iterator[Row]:
        length = min(self.longest, 3 * self.config.lanes + 1)
        places = np.arange(length)
        for value in (self.least, self.greatest, 0, -1):
            yield self._row(np.full(length, value), f"all {value}")
            yield self._row(np.full(1, value), f"{value} alone")
        yield self._row(np.where(places % 2, self.least, self.greatest), "alternating extremes")
        yield self._row(np.where(places == length - 1, self.greatest, self.least), "the greatest comes last")
        yield self._row(np.where(places == 0, self.greatest, self.least), "the greatest comes first")
        yield self._row(np.where(places == length // 2, 1, 0), "one above zeros")
        yield self._row(np.full(self.longest, self.greatest), "the longest of the greatest")
        yield self._row(np.full(self.longest, self.least), "the longest of the least")
        yield self._row(np.where(np.arange(self.longest) % 2, self.least, self.greatest), "the longest alternating")
        if self.bits <= _ENUMERATED_BITS and not self.config.LOOKS_AROUND:
            codes = np.arange(self.least, self.greatest + 1)
            step = max(1, self.longest)
            for start in range(0, len(codes), step):
                yield self._row(codes[start : start + step], "every code")

    def _lengths(self) -> Iterator[Row]:
        lanes = self.config.lanes
        around = {1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1, self.longest - 1}
        for length in sorted(length for length in around | {self.longest} if 1 <= length <= self.longest):
            # Twice each, so that rows of every such length meet back to back.
            yield from (self._row(self._values(length), f"length {length}") for _ in range(2))

    def _masks(self) -> Iterator[Row]:
        length = min(self.longest, 4 * self.config.lanes)
        places = np.arange(length)
        masks = {
            "all masked": np.zeros(length, bool),
            "the first alone": places == 0,
            "the last alone": places == length - 1,
            "the first beat masked": places >= min(self.config.lanes, length - 1),
            "every other": places % 2 == 0,
        }
        for label, mask in masks.items():
            yield self._row(self._values(length), label, mask)
        hidden = np.where(places % 2, self.greatest, self._values(length) >> 2)
        yield self._row(hidden, "the greatest masked", places % 2 == 0)

    def _values(self, length: int) -> NDArray[np.int64]:
        """Uniform, in a narrow band, or with long tails."""
        kind = self.rng.integers(3)
        if kind == 0:
            return self.rng.integers(self.least, self.greatest, length, endpoint=True)
        spread = self.greatest / 10 ** self.rng.uniform(0, 2)
        centre = self.rng.uniform(-1, 1) * self.greatest / 2 * (kind == 1)
        drawn = self.rng.standard_normal(length) if kind == 1 else self.rng.standard_t(3, length)
        return np.clip(np.rint(drawn * spread + centre), self.least, self.greatest).astype(np.int64)

    def _row(self, values: NDArray[np.int64], label: str, mask: NDArray[np.bool_] | bool = True) -> Row:
        beside = [self._beside(name, bits, len(values)) for name, bits in list(self.config.element_fields.items())[1:]]
        elements = np.stack([values.astype(np.int64), *beside], axis=1)
        return Row(elements, np.broadcast_to(np.asarray(mask, dtype=bool), len(values)), label)

    def _beside(self, name: str, bits: int, length: int) -> NDArray[np.int64]:
        """What elements bring beside themselves, with its ends; a signed field's least value is left out."""
        least, greatest = (1 - (1 << bits - 1), (1 << bits - 1) - 1) if name in _SIGNED else (0, (1 << bits) - 1)
        drawn = self.rng.integers(least, greatest, length, endpoint=True)
        # Most shifts would leave nothing of a product, and most multipliers saturate.
        small = self.rng.integers(max(least, -64), min(greatest, 64), length, endpoint=True)
        ends = self.rng.choice(np.array([least, greatest, 0, 1]), length)
        return np.choose(self.rng.integers(0, 4, length), [drawn, small, small, ends])


_SIGNED = ("multiplier",)
