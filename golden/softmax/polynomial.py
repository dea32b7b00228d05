"""I-BERT's softmax: exponentials by a polynomial of the second order and shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import PolynomialSoftmaxRule
from ...system.errors import BitmillError
from ..rows.dispatch import SOFTMAX, Scaled
from ..rows.operands import as_mask, as_rows, as_scale
from ..rows.requantize import dyadic, requantize

INPUT_BITS = 32
LONGEST_ROW = 1 << 17
"""The reciprocal ``2**32 // S`` of a sum of that many exponentials of 16 bits is at least 1."""
RECIPROCAL_BITS = 32
POLYNOMIAL_BITS = 32


@dataclass(frozen=True)
class ExpPolynomial:
    """The integers of ``polynomial_exp`` for one scale: ``x0 < 0``, and ``(r + linear) * r + constant``."""

    x0: int
    linear: int
    constant: int


def exp_polynomial(rule: PolynomialSoftmaxRule, *, scale: float) -> ExpPolynomial:
    """``floor(-LN2/s)``, ``floor(LINEAR/SQUARE/s)`` and ``floor(1/SQUARE/s**2)`` for the scale ``s``.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, or the last passes 32 bits or is 0.
    """
    real = as_scale(scale)
    least = 1 / math.sqrt(rule.SQUARE * (1 << POLYNOMIAL_BITS))
    greatest = 1 / math.sqrt(rule.SQUARE)
    if not least < real < greatest:
        ends = f"above {least:.6g} and below {greatest:.6g}"
        raise BitmillError(f"scale must be {ends} for exp(0) of 1 to {POLYNOMIAL_BITS} bits, not {real!r}")
    return ExpPolynomial(
        x0=math.floor(-rule.LN2 / real),
        linear=math.floor(rule.LINEAR / rule.SQUARE / real),
        constant=math.floor(1 / rule.SQUARE / real**2),
    )


def polynomial_exp(rule: PolynomialSoftmaxRule, d: NDArray[np.int64], *, scale: float) -> NDArray[np.int64]:
    """``exp(d * scale)`` for ``d <= 0``, of ``rule.exponential_bits``: 1.0 is ``rule.one``.

    With the integers of ``exp_polynomial`` and ``n = rule.halvings``::

        p = max(d, n * x0);  q = p // x0;  r = p - q * x0                   # x0 < r <= 0,  0 <= q <= n
        e = max((r + linear) * r + constant, 0) << (n - q)
        exp = min(round(e * m / 2**k), one),  m / 2**k = dyadic(one / (constant << n)), halves to even

    ``m`` and ``k`` are those of a requantization whose scale was calibrated on rows as they are: each has a maximum, whose
    ``e`` is ``constant << n``. ``e`` may have 62 bits; the shift by ``n - q`` and that by ``k`` are one here.

    Parameters
    ----------
    rule
        Widths and coefficients.
    d
        int64, any shape, ``-2**32 <= d <= 0``.
    scale
        Real value of one step of ``d``.

    Source: I-BERT (Kim et al., ICML 2021), section "Integer-only Softmax", algorithm 2; coefficients, floors and the
    requantization are those of the authors' code.
    """
    integers = exp_polynomial(rule, scale=scale)
    p = np.maximum(d, rule.halvings * integers.x0)
    q = p // integers.x0
    r = p - q * integers.x0
    # A coarse scale's floors may take the polynomial below 0.
    value = np.maximum((r + integers.linear) * r + integers.constant, 0)
    # The ratio one / constant is normalized by the powers of two that the shift takes back.
    multiplier, shift = dyadic(rule.one / integers.constant)
    return np.minimum(requantize(value, multiplier=multiplier, shift=shift + q, bits=32, ties="even"), rule.one)


def polynomial_softmax_scale(rule: PolynomialSoftmaxRule) -> float:
    """What one unit of ``polynomial_softmax``'s output is worth: ``2**-ob``."""
    return 2.0**-rule.output_bits


def polynomial_softmax(
    rule: PolynomialSoftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Softmax of each row, in units of ``polynomial_softmax_scale(rule)``.

    With ``e = polynomial_exp(x - max(x))`` and ``ob = rule.output_bits``::

        S = sum(e);  y = (e * (2**32 // S)) >> (32 - ob)

    Masked elements are left out of maximum and sum and give 0; a row that is masked altogether gives zeros. A row of
    length 1 gives ``2**ob - 1``; rows sum to 1 at the most.

    Parameters
    ----------
    rule
        Widths and coefficients.
    x
        ``[..., L]``, any integer dtype, values of 32 bits signed; ``1 <= L <= 2**17``.
    scale
        Real value of one step of ``x``.
    mask
        bool, broadcast to the shape of ``x``: True where an element takes part. All of them if None.

    Returns
    -------
    int64 of the shape of ``x``, 0 to ``2**ob - 1``.

    Raises
    ------
    BitmillError
        If the scale or a row's length is refused, a value does not fit, or the mask is not bool or of another shape.

    Source: I-BERT (Kim et al., ICML 2021), section "Integer-only Softmax"; the division is that of the authors' code;
    masks are ours.
    """
    exponentials = polynomial_exponentials(rule, x, scale=scale, mask=mask)
    # Only a row that is masked altogether sums to 0: its maximum's exponential is rule.one.
    total = np.maximum(exponentials.sum(axis=-1, keepdims=True), 1)
    return (exponentials * ((1 << RECIPROCAL_BITS) // total)) >> (RECIPROCAL_BITS - rule.output_bits)


def polynomial_exponentials(
    rule: PolynomialSoftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None
) -> NDArray[np.int64]:
    """``e`` of ``polynomial_softmax``, of the shape of ``x``: 0 where masked."""
    rows = as_rows(x, bits=INPUT_BITS, longest=LONGEST_ROW)
    taken = as_mask(mask, rows.shape)
    greatest = np.where(taken, rows, -(1 << (INPUT_BITS - 1))).max(axis=-1, keepdims=True)
    return np.where(taken, polynomial_exp(rule, np.minimum(rows - greatest, 0), scale=scale), 0)


@SOFTMAX.register(PolynomialSoftmaxRule.KEY)
def _by_rule(rule: PolynomialSoftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> Scaled:
    return polynomial_softmax(rule, x, scale=scale, mask=mask), polynomial_softmax_scale(rule)
