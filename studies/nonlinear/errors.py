"""How far outputs are from real ones: greatest and mean magnitude of the difference, and the cosine between them."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Errors:
    """Sums over elements, so that errors of several layers add up to those of all.

    Attributes
    ----------
    count
        Elements.
    greatest, total
        Greatest magnitude of a difference, and the sum of all.
    product, found, wanted
        Sums of the products of both outputs and of the squares of each.
    """

    count: int
    greatest: float
    total: float
    product: float
    found: float
    wanted: float

    @classmethod
    def between(cls, found: NDArray[np.float64], wanted: NDArray[np.float64], mask: NDArray[np.bool_]) -> Errors:
        """Errors where ``mask`` is True."""
        first, second = found[mask], wanted[mask]
        off = np.abs(first - second)
        return cls(
            off.size,
            float(off.max(initial=0.0)),
            float(off.sum()),
            float(first @ second),
            float(first @ first),
            float(second @ second),
        )

    def __add__(self, other: Errors) -> Errors:
        sums = [first + second for first, second in zip(astuple(self), astuple(other), strict=True)]
        return Errors(sums[0], max(self.greatest, other.greatest), *sums[2:])

    @property
    def mean(self) -> float:
        """Mean magnitude of a difference."""
        return self.total / self.count

    @property
    def cosine(self) -> float:
        """Of all elements as one vector; 0 where one of both is zero."""
        norm = math.sqrt(self.found * self.wanted)
        return self.product / norm if norm else 0.0
