"""The traffic of block quantizers: numbers around one another and around where rounding passes from one code to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..config.block_quantizer import BlockQuantizerConfig
from .stepped_payload import Integers, StepItem
from .stepped_traffic import SteppedTraffic

_BLOCKS = 12
"""Of each kind."""
_NEAR = (1, 3, 8, 24)
"""How many exponents a block's numbers are spread over."""


class BlockTraffic(SteppedTraffic):
    """Steps are blocks: of zeros, of one number, of the least and the greatest, of exponents near one another, at midpoints.

    Parameters
    ----------
    config
        The quantizer.
    """

    def __init__(self, config: BlockQuantizerConfig) -> None:
        super().__init__(config)
        self.quantizer = config
        fmt = config.source_format
        self.stored = fmt.significand_bits - 1
        self.sign = 1 << fmt.bits - 1
        self.infinity = self.sign - (1 << self.stored)

    def own_corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        """Blocks of each kind, under scales of the tensor that fit them, are far from it or are no such scale."""
        lanes = self.quantizer.lanes
        for _ in range(_BLOCKS):
            yield self._block(rng, np.zeros(lanes, np.int64), "zeros")
            alone = np.zeros(lanes, np.int64)
            alone[rng.integers(lanes)] = rng.integers(self.infinity)
            yield self._block(rng, alone, "one number alone")
            yield self._block(rng, rng.integers(0, 1 << rng.integers(1, self.stored + 2), lanes), "subnormal numbers")
            top = self.infinity - 1 - rng.integers(0, 1 << rng.integers(1, self.stored + 2), lanes)
            yield self._block(rng, top, "the greatest numbers")
            for spread in _NEAR:
                yield self._block(rng, self._near(rng, spread), "exponents near one another")
            special = self._near(rng, 3)
            special[rng.integers(lanes)] = self.infinity + rng.integers(0, 2)
            yield self._block(rng, special, "NaN or an infinity")
            yield self._tie(rng)

    def _near(self, rng: np.random.Generator, spread: int) -> Integers:
        """Exponents within a few of one another; significands of few bits and one place more or less."""
        lanes, stored = self.quantizer.lanes, self.stored
        field = np.maximum(rng.integers(self.infinity >> stored) - rng.integers(0, spread, lanes), 0)
        mantissa = rng.integers(0, 1 << stored, lanes) & -(1 << max(stored - int(rng.integers(1, 9)), 0))
        return np.clip((field << stored) + mantissa + rng.integers(-1, 2, lanes), 0, self.infinity - 1)

    def _tie(self, rng: np.random.Generator) -> StepItem:
        """The greatest is 6.375, halfway of scales 1 and 1.125 of a tensor's scale of 1; others have ones where it has not."""
        fmt, lanes = self.quantizer.source_format, self.quantizer.lanes
        field = 3 - (fmt.min_exponent + fmt.significand_bits - 1)
        greatest = (field << self.stored) + (19 << self.stored - 5)
        numbers = rng.integers(0, greatest - 1, lanes) | (1 << self.stored // 2) - 1
        numbers = np.where(numbers < greatest, numbers, 0)
        numbers[rng.integers(lanes)] = greatest
        outer = [127 << 23] if self.quantizer.tensor_scale_bits else []
        return StepItem(np.array([[*numbers, *outer]], dtype=np.int64), "the scale at a tie")

    def _block(self, rng: np.random.Generator, magnitudes: Integers, label: str) -> StepItem:
        numbers = magnitudes | rng.integers(0, 2, len(magnitudes)) * self.sign
        outer = [self._tensor_scale(rng, magnitudes)] if self.quantizer.tensor_scale_bits else []
        return StepItem(np.array([[*numbers, *outer]], dtype=np.int64), label)

    def _tensor_scale(self, rng: np.random.Generator, magnitudes: Integers) -> int:
        """An FP32 code: mostly with an exponent such that the block's scale is a number, sometimes any code at all."""
        if rng.random() < 0.1:
            return int(rng.integers(1 << 32))
        fmt = self.quantizer.source_format
        exponent = (int(magnitudes.max(initial=0)) >> self.stored) + fmt.min_exponent + fmt.significand_bits - 2
        field = min(max(exponent + 127 - int(rng.integers(-4, 16)), 1), 254)
        return field << 23 | int(rng.choice([0, 1, (1 << 23) - 1, int(rng.integers(1 << 23))]))
