"""What a parallel PE computes: products summed under a running largest exponent, exact to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.parallel import ParallelConfig
from ...formats import Format
from ...system.errors import BitmillError
from ..bit_serial.align import round_half_up
from ..parts import checked_codes, split


@dataclass(frozen=True, eq=False)
class ParallelSum:
    """Sums ``[n]``: ``total * 2**(exponent + config.unit_offset)``.

    Attributes
    ----------
    total, exponent
        int64 ``[n]``.
    bound
        float64 ``[n]``: how far the sum may be from the exact one, 0 for integers.
    """

    config: ParallelConfig
    total: NDArray[np.int64]
    exponent: NDArray[np.int64]
    bound: NDArray[np.float64]

    def exact(self, index: int) -> Fraction:
        """One sum as a fraction."""
        return int(self.total[index]) * Fraction(2) ** (int(self.exponent[index]) + self.config.unit_offset)


def parallel_pe_sum(config: ParallelConfig, weights: ArrayLike, activations: ArrayLike) -> ParallelSum:
    """``sum of weight * activation`` as ``hdl.parallel_pe`` rounds it.

    A product of significands, exact, has ``guard`` bits below it. With ``e`` the sum of the exponents and ``r`` the greatest so
    far, the one of accumulator and product with the lesser exponent moves down:
    ``acc = round_half_up(acc / 2**(r' - r)) + round_half_up(product / 2**(r' - e))``.

    In units of the result the error is at most 1/2 for every product after the first, which either moves or moves
    the accumulator, and nothing for integers: an earlier unit is no greater.

    Parameters
    ----------
    config
        The PE.
    weights
        Codes ``[n, K]`` of the PE's carrier, numbers.
    activations
        Codes ``[n, K]`` of the activation format, numbers.

    Raises
    ------
    BitmillError
        If an operand is not as described, or K is not 1 to ``k_max``.
    """
    weight, weight_exponent = _numbers(config.carrier, weights, "weights")
    activation, activation_exponent = _numbers(config.activation_format, activations, "activations")
    if weight.shape != activation.shape:
        raise BitmillError(f"weights and activations must have one shape, not {weight.shape} and {activation.shape}")
    length = weight.shape[1]
    if not 1 <= length <= config.k_max:
        raise BitmillError(f"K must be 1 to 2**headroom = {config.k_max}, not {length!r}")
    products = weight * activation << config.guard
    exponents = weight_exponent + activation_exponent
    total, reference = products[:, 0].copy(), exponents[:, 0].copy()
    for step in range(1, length):
        following = np.maximum(reference, exponents[:, step])
        total = round_half_up(total, following - reference) + round_half_up(
            products[:, step], following - exponents[:, step]
        )
        reference = following
    halves = np.full(total.shape, 0.0 if config.is_integer else (length - 1) / 2)
    return ParallelSum(config, total, reference, np.ldexp(halves, (reference + config.unit_offset).astype(np.int32)))


def _numbers(fmt: Format, codes: ArrayLike, name: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Signed significands, and exponents counted from the least."""
    array = checked_codes(fmt, codes, name=name)
    if array.ndim != 2:
        raise BitmillError(f"{name} must be a matrix [n, K], not of shape {list(array.shape)}")
    parts = split(fmt, array)
    if parts.special.any():
        raise BitmillError(f"{name} must be numbers, not NaN or infinite")
    return np.where(parts.negative, -parts.magnitude, parts.magnitude), parts.exponent - fmt.min_exponent
