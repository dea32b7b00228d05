"""Exact sums of products in float64 arithmetic: fixed-point operands split into limbs whose sums fit 53 bits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .parts import Parts

FLOAT64_BITS = 53
"""Integers up to ``2**53`` and their sums are exact in float64, in any order of summation."""


class FixedFacts(Protocol):
    """What limbs are made by: of a format, or of products that a rule gave.

    Attributes
    ----------
    min_exponent
        Numbers are integers in units of ``2**min_exponent``.
    fixed_min, fixed_max
        Bounds of these integers.
    """

    @property
    def min_exponent(self) -> int:
        """Exponent of the unit."""
        ...

    @property
    def fixed_min(self) -> int:
        """Least integer."""
        ...

    @property
    def fixed_max(self) -> int:
        """Greatest integer."""
        ...


class Pairing(ABC):
    """Which rows of two matrices meet: all with all (a matrix product), or each with its own (dot products)."""

    @abstractmethod
    def contract(self, weight: NDArray[Any], activation: NDArray[Any]) -> NDArray[Any]:
        """Sums of products along the last axis."""

    @abstractmethod
    def combine(self, weight: NDArray[Any], activation: NDArray[Any], operation: np.ufunc) -> NDArray[Any]:
        """``operation`` of one value per weight row and one per activation row, for every pair that meets."""


class AllPairs(Pairing):
    """``[M, K]`` and ``[N, K]`` give ``[M, N]``."""

    def contract(self, weight: NDArray[Any], activation: NDArray[Any]) -> NDArray[Any]:
        """Matrix product with the transposed activations."""
        return weight @ activation.T

    def combine(self, weight: NDArray[Any], activation: NDArray[Any], operation: np.ufunc) -> NDArray[Any]:
        """``[M]`` and ``[N]`` give ``[M, N]``: ``operation(weight[m], activation[n])``."""
        return operation(weight[:, None], activation[None, :])


class RowByRow(Pairing):
    """``[n, K]`` and ``[n, K]`` give ``[n]``."""

    def contract(self, weight: NDArray[Any], activation: NDArray[Any]) -> NDArray[Any]:
        """One dot product per row."""
        return np.einsum("nk,nk->n", weight, activation)

    def combine(self, weight: NDArray[Any], activation: NDArray[Any], operation: np.ufunc) -> NDArray[Any]:
        """``[n]`` twice gives ``[n]``: ``operation(weight[i], activation[i])``."""
        return operation(weight, activation)


@dataclass(frozen=True)
class LimbPlan:
    """How wide the limbs of both operands are, for exact sums of a number of products."""

    weight_bits: int
    weight_limbs: int
    activation_bits: int
    activation_limbs: int


@lru_cache(maxsize=256)
def plan(weight_width: int, activation_width: int, terms: int) -> LimbPlan:
    """The plan with the fewest limb products for magnitudes of the given widths.

    All limb products of equal weight, at most ``min`` of the two limb counts, are added to one another as well, so
    ``2**(weight_bits + activation_bits) * terms * min`` stays within ``2**53``.
    """
    best: LimbPlan | None = None
    for weight_bits in range(1, FLOAT64_BITS):
        for activation_bits in range(1, FLOAT64_BITS - weight_bits):
            counts = -(-weight_width // weight_bits), -(-activation_width // activation_bits)
            if weight_bits + activation_bits + math.log2(terms * min(counts)) > FLOAT64_BITS:
                continue
            if best is None or math.prod(counts) < best.weight_limbs * best.activation_limbs:
                best = LimbPlan(weight_bits, counts[0], activation_bits, counts[1])
    if best is None:
        raise ValueError(f"Terms of an exact sum must be fewer than 2**{FLOAT64_BITS - 2}, not {terms!r}")
    return best


def magnitude_bits(facts: FixedFacts) -> int:
    """Width of the greatest magnitude in units of ``2**min_exponent``."""
    return max(abs(facts.fixed_min), abs(facts.fixed_max), 1).bit_length()


def limb(facts: FixedFacts, parts: Parts, index: int, bits: int) -> NDArray[np.float64]:
    """Bits ``index*bits`` and up, ``bits`` of them, of the fixed-point magnitudes, with the numbers' signs."""
    left = parts.exponent - facts.min_exponent - index * bits
    mask = (1 << bits) - 1
    # A left shift loses only bits above the mask; shifts by the width of int64 and more are not defined.
    moved_up = np.where(left < bits, parts.magnitude << np.clip(left, 0, bits), 0)
    moved = np.where(left >= 0, moved_up, parts.magnitude >> np.clip(-left, 0, 63)) & mask
    return np.where(parts.negative, -moved, moved).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Limbs:
    """The nonzero limbs of one operand: pairs of a shift (bits) and an array of integers in float64."""

    pieces: list[tuple[int, NDArray[np.float64]]]

    @classmethod
    def of(cls, facts: FixedFacts, parts: Parts, bits: int, count: int) -> Limbs:
        """``count`` limbs of ``bits`` each, those that are zero everywhere left out."""
        pieces = [(index * bits, limb(facts, parts, index, bits)) for index in range(count)]
        return cls([(shift, piece) for shift, piece in pieces if piece.any()])


def limb_operands(facts: tuple[FixedFacts, FixedFacts], parts: tuple[Parts, Parts], terms: int) -> tuple[Limbs, Limbs]:
    """Weight and activation limbs for exact sums of ``terms`` products."""
    weight, activation = facts
    chosen = plan(magnitude_bits(weight), magnitude_bits(activation), terms)
    return (
        Limbs.of(weight, parts[0], chosen.weight_bits, chosen.weight_limbs),
        Limbs.of(activation, parts[1], chosen.activation_bits, chosen.activation_limbs),
    )


def sums_by_shift(pairing: Pairing, weight: Limbs, activation: Limbs) -> dict[int, NDArray[np.float64]]:
    """Integers ``S`` by shift: the exact sums of products are ``sum(S[shift] * 2**shift)``, every ``|S| <= 2**53``."""
    sums: dict[int, NDArray[np.float64]] = {}
    for weight_shift, weight_limb in weight.pieces:
        for activation_shift, activation_limb in activation.pieces:
            shift = weight_shift + activation_shift
            product = pairing.contract(weight_limb, activation_limb)
            sums[shift] = sums[shift] + product if shift in sums else product
    return dict(sorted(sums.items()))
