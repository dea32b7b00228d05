"""The traffic of tiles of bit planes: every precision beside every other, from step to step and from sum to sum."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..config.bit_planes import BitPlanesConfig
from .stepped_payload import StepItem
from .stepped_traffic import SteppedTraffic


class BitPlanesTraffic(SteppedTraffic):
    """As of all units of steps, and sums of every pair of precisions in an order in which each follows others.

    Parameters
    ----------
    config
        The tile.
    """

    def __init__(self, config: BitPlanesConfig) -> None:
        super().__init__(config)
        self._tile = config

    def own_corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        """A sum of one step for every pair of precisions, and the longest one of one bit each."""
        widths = [(w, a) for w in range(self._tile.weight_bits) for a in range(self._tile.activation_bits)]
        for weight, activation in rng.permutation(widths).tolist():
            yield self.of_precision(rng, 1, weight + 1, activation + 1, "every precision")
        longest = min(self._tile.max_steps, corner_steps)
        yield self.of_precision(rng, longest, 1, 1, "the longest of one bit each")

    def of_precision(
        self, rng: np.random.Generator, length: int, weight_bits: int, activation_bits: int, label: str
    ) -> StepItem:
        """Random steps of those precisions."""
        item = self.drawn(rng, length, label)
        fields = item.fields(self._tile)
        for name, bits in (("weight_planes", weight_bits), ("activation_planes", activation_bits)):
            if name in fields:
                fields[name][:] = bits - 1
        return item
