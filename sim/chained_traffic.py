"""The traffic of dot products in chains: the greatest chains there can be, of the longest words, under the ends of exponents."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..config.chained import ChainedConfig
from .stepped_payload import StepItem
from .stepped_traffic import SteppedTraffic


class ChainedTraffic(SteppedTraffic):
    """Steps of random words, whose lengths are mostly short, and of the longest ones.

    Parameters
    ----------
    config
        The unit.
    """

    def __init__(self, config: ChainedConfig) -> None:
        super().__init__(config)
        self.dot = config

    def own_corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        """The greatest and the least product repeated, to a chain's length, one step less and more, and further."""
        config = self.dot
        least, most, longest = -(1 << config.bits - 1), (1 << config.bits - 1) - 1, config.bits - 1
        lengths = {config.chain - 1, config.chain, config.chain + 1, 2 * config.chain + 1}
        for length in sorted(lengths):
            count = min(max(length, 1), config.max_steps, corner_steps)
            for weight, activation in ((least, least), (least, most), (most, most)):
                exponents = [field.high if length % 2 else field.low for field in config.step_fields[4:]]
                values = [weight, activation, longest, longest, *exponents]
                yield self.constant(values, count, "the longest words repeated")
