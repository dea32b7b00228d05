"""The FP16 x FP16 PE that bit-serial PEs are measured against: one product a cycle, the same kind of accumulator."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ... import formats
from ...errors import BitmillError
from ...formats import Minifloat
from ..parts import checked_codes, split
from .align import round_half_up


def float_pe_sum(
    fmt: str, weights: ArrayLike, activations: ArrayLike, *, bits: int, headroom: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``sum of weight * activation`` under the running largest exponent of the products, as ``hdl.FloatPE`` rounds it.

    The product of two significands of p bits, exact, stands at the top of an accumulator of ``bits`` bits below its sign and
    ``headroom`` more. With ``e`` the sum of the biased exponents and ``r`` the greatest so far, the one of accumulator and
    product with the lesser exponent moves down:
    ``acc = round_half_up(acc / 2**(r' - r)) + round_half_up(product / 2**(r' - e))``.

    Parameters
    ----------
    fmt
        FP16 or BF16.
    weights, activations
        Codes ``[n, K]`` of numbers.
    bits, headroom
        Width of the accumulator, and its bits above a product.

    Returns
    -------
    Accumulators int64 ``[n]`` and exponents int64 ``[n]``: the sum is
    ``acc * 2**(exponent - 2 * bias - 2 * (p - 1) - guard)`` with ``guard = bits - 1 - headroom - 2 * p``.

    Raises
    ------
    BitmillError
        If an operand is not as described or the accumulator has no room for a product.
    """
    row = formats.get(fmt)
    assert isinstance(row, Minifloat)
    guard = bits - 1 - headroom - 2 * row.significand_bits
    if guard < 0 or headroom < 0 or bits > 63:
        raise BitmillError(f"bits must be {1 + headroom + 2 * row.significand_bits} to 63 for {fmt}, not {bits!r}")
    factors = []
    for name, codes in (("weights", weights), ("activations", activations)):
        parts = split(row, checked_codes(row, codes, name=name))
        if parts.special.any():
            raise BitmillError(f"{name} must be numbers, not NaN or infinite")
        factors.append(
            (np.where(parts.negative, -parts.magnitude, parts.magnitude), parts.exponent - row.min_exponent + 1)
        )
    products = factors[0][0] * factors[1][0] << guard
    exponents = factors[0][1] + factors[1][1]
    total, reference = products[:, 0].copy(), exponents[:, 0].copy()
    for step in range(1, products.shape[1]):
        following = np.maximum(reference, exponents[:, step])
        total = round_half_up(total, following - reference) + round_half_up(
            products[:, step], following - exponents[:, step]
        )
        reference = following
    return total, reference
