"""The traffic of quantizers to fixed point: numbers around the ends of words, around halves of steps, and specials."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..config.fixed_quantizer import FixedQuantizerConfig
from .stepped_payload import StepItem
from .stepped_traffic import SteppedTraffic

_STEPS = 60


class FixedTraffic(SteppedTraffic):
    """Steps of numbers whose fraction length brings them near the word, which random codes mostly miss.

    Parameters
    ----------
    config
        The quantizer.
    """

    def __init__(self, config: FixedQuantizerConfig) -> None:
        super().__init__(config)
        self.quantizer = config

    def own_corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        """Ends of words and halves of steps, one code more or less, of either sign; a special among some."""
        fmt = self.quantizer.source_format
        stored = fmt.significand_bits - 1
        infinity, sign = (1 << fmt.bits - 1) - (1 << stored), 1 << fmt.bits - 1
        for length in {1, self.quantizer.bits - 1}:
            for change in (-1, 0, 1):
                for negative in (0, sign):
                    # Two to the word length less one, and the codes beside it.
                    field = length - (fmt.min_exponent + fmt.significand_bits - 2)
                    codes = [(field << stored) + change | negative] * self.quantizer.lanes
                    yield StepItem(np.array([[*codes, length, 0]], dtype=np.int64), "the ends of words")
        for index in range(_STEPS):
            length, fraction = int(rng.integers(1, self.quantizer.bits)), int(rng.integers(-32, 32))
            places = rng.integers(-2, length + 2, self.quantizer.lanes)
            field = np.clip(
                places - fraction - (fmt.min_exponent + fmt.significand_bits - 2), 0, (infinity >> stored) - 1
            )
            # One, one and a half, all ones, or a few bits: halves of steps and ends of words.
            mantissa = np.stack([
                np.zeros(len(field), np.int64), np.full(len(field), 1 << stored - 1), np.full(len(field), (1 << stored) - 1),
                rng.integers(0, 1 << stored, len(field)) & -(1 << max(stored - int(rng.integers(1, 17)), 0)),
            ])[rng.integers(0, 4, len(field)), np.arange(len(field))]  # fmt: skip
            codes = np.clip((field << stored) + mantissa + rng.integers(-1, 2, len(field)), 0, infinity - 1)
            if index % 10 == 9:
                codes[rng.integers(len(codes))] = infinity + int(rng.choice([0, 1, 1 << stored - 1]))
            codes |= rng.integers(0, 2, len(codes)) * sign
            yield StepItem(np.array([[*codes, length, fraction]], dtype=np.int64), "near the ends of words")
