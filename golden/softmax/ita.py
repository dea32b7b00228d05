"""ITA's softmax as a model to compare with: powers of two by shifts alone, summed while the maximum is still sought."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear.widths import check_integer
from ..rows.operands import as_mask, as_rows, as_scale

INPUT_BITS = 8
LONGEST_ROW = 1 << 20
ONE = 1 << 8
"""The exponential of a row's maximum."""
DIVIDEND = 255 * ONE
SUM_BITS = 19
"""Of the published unit's sum."""
ITA_SHIFT = 5
"""Of the published unit: ``2**-((max - x) / 32)`` is the exponential of inputs of scale ``ln(2) / 32``."""
MULTIPLIER_BITS = 8
BLOCK = 16
"""Elements that the published unit takes at once."""


def ita_softmax_slope(*, scale: float, multiplier_bits: int = MULTIPLIER_BITS) -> tuple[int, int]:
    """``m`` of ``multiplier_bits`` and ``e`` such that ``m / 2**e`` is about ``scale * log2(e)``, for inputs of another scale.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, or a field is out of range.
    """
    check_integer("multiplier_bits", multiplier_bits, 1, 16)
    fraction, exponent = math.frexp(as_scale(scale) * math.log2(math.e))
    multiplier, shift = round(fraction * (1 << multiplier_bits)), multiplier_bits - exponent
    if multiplier >> multiplier_bits:
        multiplier, shift = multiplier >> 1, shift - 1
    check_integer("shift", shift, 1, 40)
    return multiplier, shift


def ita_softmax_scale() -> float:
    """What one unit of ``ita_softmax``'s output is worth: 1/255."""
    return 1 / (DIVIDEND // ONE)


def ita_softmax(
    x: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    multiplier: int = 1,
    shift: int = ITA_SHIFT,
    block: int = BLOCK,
    wrap: bool = False,
) -> NDArray[np.int64]:
    """Softmax of each row, in units of ``ita_softmax_scale()``, to compare ours with.

    Row by row, a block of elements after the other, ``M`` the greatest so far::

        s(d) = (multiplier * d + 2**(shift-1)) >> shift                 # ITA: (d + 16) >> 5, halves up
        S = (S >> s(new M - old M)) + sum over the block of (256 >> s(M - x))
        y = (65280 // S) >> s(M - x)

    The sum depends on the order of elements, because each rise of the maximum is rounded on its own, and a rise by less
    than half a halving leaves the sum as it was. A ``block`` of the row's length and more has no such rise.

    Parameters
    ----------
    x
        ``[..., L]``, any integer dtype, values of 8 bits signed; ``1 <= L <= 2**20``.
    mask
        bool, broadcast to the shape of ``x``: True where an element takes part, others give 0. All of them if None.
    multiplier, shift
        As of ``ita_softmax_slope``; the published unit has 1 and 5 and takes inputs of the scale ``ln(2) / 32``.
    block
        Elements that are compared and summed at once.
    wrap
        True: the sum keeps its lowest 19 bits, as in the published unit, where 2048 equal elements make it 0. Quotients that
        pass 255, that by 0 among them, are then 255.

    Returns
    -------
    int64 of the shape of ``x``, 0 to 255.

    Raises
    ------
    BitmillError
        If a value or a row's length is refused.

    Source: ITA (Islamoglu et al., ISLPED 2023) and its RTL and Python model; integers unbounded unless ``wrap``.
    """
    check_integer("multiplier", multiplier, 1, 1 << 16)
    check_integer("shift", shift, 1, 40)
    check_integer("block", block, 1, LONGEST_ROW)
    rows = as_rows(x, bits=INPUT_BITS, longest=LONGEST_ROW)
    taken = as_mask(mask, rows.shape)
    least = -(1 << (INPUT_BITS - 1))
    hidden = np.where(taken, rows, least)
    greatest = np.full((*rows.shape[:-1], 1), least, dtype=np.int64)
    total = np.zeros_like(greatest)

    def halvings(differences: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum((multiplier * differences + (1 << (shift - 1))) >> shift, 62)

    for start in range(0, rows.shape[-1], block):
        part = slice(start, start + block)
        risen = np.maximum(greatest, hidden[..., part].max(axis=-1, keepdims=True))
        powers = np.where(taken[..., part], ONE >> halvings(risen - hidden[..., part]), 0)
        total = (total >> halvings(risen - greatest)) + powers.sum(axis=-1, keepdims=True)
        if wrap:
            total &= (1 << SUM_BITS) - 1
        greatest = risen
    # Only a sum that wrapped, or that of a row which is masked altogether, is below that of a maximum alone.
    reciprocal = DIVIDEND // np.maximum(total, ONE)
    return np.where(taken, reciprocal >> halvings(greatest - hidden), 0)
