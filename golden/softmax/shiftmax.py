"""Shiftmax: softmax of a row in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import LARGEST, WIDTH, ShiftmaxRule
from ..rows.operands import as_mask, as_rows
from ..rows.shift_exp import integer_reciprocal, shift_exp

INPUT_BITS = 32
LONGEST_ROW = 1 << 31
"""A sum of that many exponentials of 31 bits fits int64."""


def shiftmax_scale(rule: ShiftmaxRule) -> float:
    """What one unit of ``shiftmax``'s output is worth: ``2**(1 - ob)``."""
    return 2.0 ** (1 - rule.output_bits)


def shiftmax(rule: ShiftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> NDArray[np.int64]:
    """Softmax of each row, in units of ``shiftmax_scale(rule)``.

    With ``e = shift_exp(x - max(x))`` and ``ob = rule.output_bits``::

        S = min(sum(e), 2**31 - 1)
        y = (e * ((2**31 - 1) // S)) >> (32 - ob)

    Masked elements are left out of maximum and sum and give 0; a row that is masked altogether gives zeros. The
    reciprocal has only the bits that ``S`` leaves, and everything is cut, never rounded. So a row of length 1 gives
    ``2**(ob-1) - 1`` or somewhat less (127 of 8 bits; 32760 of 16 at ``x0 = -16``), and equal elements all give 0 from
    length ``2**(ob-1)`` on. Where the sum passes 31 bits, which takes ``L * |x0| << n`` of that size, ``S`` saturates:
    outputs are then too great and their sum may pass 1, but none passes ``2**(ob-1) - 1``.

    Parameters
    ----------
    rule
        Widths and roundings.
    x
        ``[..., L]``, any integer dtype, values of 32 bits signed; ``L >= 1``.
    scale
        Real value of one step of ``x``.
    mask
        bool, broadcast to the shape of ``x``: True where an element takes part. All of them if None.

    Returns
    -------
    int64 of the shape of ``x``, 0 to ``2**(ob-1) - 1``.

    Raises
    ------
    BitmillError
        If the scale or a row's length is refused, a value does not fit, or the mask is not bool or of another shape.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax", algorithm 1; masks are ours.
    """
    exponentials = shiftmax_exponentials(rule, x, scale=scale, mask=mask)
    total = np.minimum(exponentials.sum(axis=-1, keepdims=True), LARGEST)
    # Only a row that is masked altogether sums to 0: its maximum's exponential is |x0| << n.
    reciprocal = LARGEST // np.maximum(total, 1)
    return (exponentials * reciprocal) >> (WIDTH + 1 - rule.output_bits)


def shiftmax_exponentials(
    rule: ShiftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None
) -> NDArray[np.int64]:
    """``e`` of ``shiftmax``, of the shape of ``x``: 0 where masked."""
    fraction_bits = rule.fraction_bits
    rows = as_rows(x, bits=INPUT_BITS, longest=LONGEST_ROW)
    x0 = integer_reciprocal(scale, fraction_bits=fraction_bits, rounding=rule.reciprocal_rounding)
    taken = as_mask(mask, rows.shape)
    greatest = np.where(taken, rows, -(1 << (INPUT_BITS - 1))).max(axis=-1, keepdims=True)
    return np.where(taken, shift_exp(rows - greatest, x0, fraction_bits=fraction_bits), 0)
