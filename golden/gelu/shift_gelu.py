"""ShiftGELU: ``x * sigmoid(1.702 x)`` in integers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import LARGEST, WIDTH, ShiftGeluRule
from ...config.nonlinear.reciprocals import SIGMOID_SLOPE
from ..rows.operands import as_rows
from ..rows.shift_exp import integer_reciprocal, shift_exp

INPUT_BITS = 32
LONGEST_ROW = 1 << 31
__all__ = ["SIGMOID_SLOPE", "gelu_scale", "shift_gelu"]


def gelu_scale(rule: ShiftGeluRule, *, scale: float) -> float:
    """What one unit of ``shift_gelu``'s output is worth for a step ``scale`` of its input: ``scale * 2**(1 - ob)``."""
    return scale * 2.0 ** (1 - rule.output_bits)


def shift_gelu(rule: ShiftGeluRule, x: ArrayLike, *, scale: float) -> NDArray[np.int64]:
    """GELU of each element, in units of ``gelu_scale(rule, scale=scale)``.

    With ``m`` the maximum of the row, or ``max(x, 0)`` if ``rule.maximum`` is ``element``, ``x0`` for the scale
    ``1.702 * scale`` and ``ob = rule.output_bits``::

        e = shift_exp(x - m);  e2 = shift_exp(-m);  S = min(e + e2, 2**31 - 1)
        y = x * ((e * ((2**31 - 1) // S)) >> (32 - ob))

    A row whose maximum is negative has ``-m > 0``: ``e2`` saturates at ``2**31 - 1`` and the result is that of
    unbounded integers, because ``S`` saturates there too. With ``row`` an element's result depends on its neighbours.
    ``S`` is never 0, because ``shift_exp`` never is.

    Parameters
    ----------
    rule
        Widths and roundings.
    x
        ``[..., L]``, any integer dtype, values of 32 bits signed; ``L >= 1``.
    scale
        Real value of one step of ``x``.

    Returns
    -------
    int64 of the shape of ``x``: ``x`` times a sigmoid of 0 to ``2**(ob-1) - 1``.

    Raises
    ------
    BitmillError
        If the scale or a row's length is refused, or a value does not fit.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only GELU: ShiftGELU", algorithm 2; ``element`` is ours.
    """
    fraction_bits = rule.fraction_bits
    rows = as_rows(x, bits=INPUT_BITS, longest=LONGEST_ROW)
    x0 = integer_reciprocal(scale, slope=SIGMOID_SLOPE, fraction_bits=fraction_bits, rounding=rule.reciprocal_rounding)
    by_row = rule.maximum == "row"
    greatest = rows.max(axis=-1, keepdims=True) if by_row else np.maximum(rows, 0)
    own = shift_exp(rows - greatest, x0, fraction_bits=fraction_bits)
    other = shift_exp(-greatest, x0, fraction_bits=fraction_bits)
    total = np.minimum(own + other, LARGEST)
    sigmoid = (own * (LARGEST // total)) >> (WIDTH + 1 - rule.output_bits)
    return rows * sigmoid
