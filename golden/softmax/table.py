"""Softmax by a short table of powers of two that the reciprocal of the row's sum scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import TableSoftmaxRule
from ...config.nonlinear.reciprocals import exponent_slope
from ...config.nonlinear.softmax_rules import DIGIT_BITS, DIGITS, INPUT_BITS
from ..rows.dispatch import SOFTMAX, Scaled
from ..rows.operands import as_mask, as_rows, as_scale

LONGEST_ROW = 1 << 20


def table_softmax_slope(rule: TableSoftmaxRule, *, scale: float) -> int:
    """``round(scale * log2(e) * 2**rule.slope_fraction_bits)``: what one step of the input takes off the exponent.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, or the slope is 0 or of more than ``rule.slope_bits``.
    """
    return exponent_slope(rule, as_scale(scale))


def table_softmax(
    rule: TableSoftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Softmax of each row, in units of ``2**-rule.output_bits``, rounded to the nearest.

    With the slope ``K`` and ``c = 127 - x``, whose base-4 digits are ``c[j]``, ``mb = table_bits``, ``E = ob + mb``::

        A(c) = sum over j of (K * c[j]) >> (6 - 2 * j)                   # c * scale * log2(e), monotone in c
        a = (A(c) - A(min(c)) + 2**(guard_bits - 1)) >> guard_bits       # rounded: exactly 0 at the maximum
        q, f = a >> F, a % 2**F
        S = sum((powers[f] << (E - mb)) >> q)
        R = floor(2**(E + z + rb) / S),  z the integer for which it is from 2**rb to 2**(rb+1) - 1
        entry[f] = min((powers[f] * R + half) >> (mb + rb - pb), 2**(pb+1) - 1)
        y = min((((entry[f] >> (q + z)) >> (pb - ob - 1)) + 1) >> 1, 2**ob - 1)

    All elements of the row share the ``2**F`` entries, so no element needs a multiplication by the reciprocal. Because
    sum and output use the same rounded powers, and the sum holds every element with an output exactly, rows sum to 1
    but for the outputs' own rounding: ``|sum(y) - 2**ob| <= L / 2`` for ``L >= 2`` by the widths of profile
    ``accurate``; much shorter reciprocals or entries lose more. A row of length 1 gives ``2**ob - 1``.

    Masked elements are left out of maximum and sum and give 0; a row that is masked altogether gives zeros. The result
    does not depend on the order of elements.

    Parameters
    ----------
    rule
        Widths.
    x
        ``[..., L]``, any integer dtype, values of 8 bits signed; ``1 <= L <= 2**20``.
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

    Source: ours; normalization in the manner of I-ViT's Shiftmax and of ITA, with the errors of both removed.
    """
    rows = as_rows(x, bits=INPUT_BITS, longest=LONGEST_ROW)
    slope = table_softmax_slope(rule, scale=scale)
    taken = as_mask(mask, rows.shape)
    exponents = _exponents((1 << (INPUT_BITS - 1)) - 1 - rows, slope)
    least = np.where(taken, exponents, np.int64(1) << 40).min(axis=-1, keepdims=True)
    steps = (np.maximum(exponents - least, 0) + (1 << (rule.guard_bits - 1))) >> rule.guard_bits
    whole, index = steps >> rule.fraction_bits, steps & ((1 << rule.fraction_bits) - 1)
    powers = np.array(rule.powers, dtype=np.int64)[index]
    shift = np.minimum(whole, 62)
    terms = np.where(taken, (powers << (rule.sum_fraction_bits - rule.table_bits)) >> shift, 0)
    reciprocal, zeros = _normalized_reciprocal(rule, terms.sum(axis=-1, keepdims=True))
    dropped = rule.table_bits + rule.reciprocal_bits - rule.entry_bits
    product = powers * reciprocal
    entries = (product + (1 << (dropped - 1))) >> dropped if dropped > 0 else product << -dropped
    entries = np.minimum(entries, (2 << rule.entry_bits) - 1)
    halves = (entries >> np.minimum(whole + zeros, 62)) >> (rule.entry_bits - rule.output_bits - 1)
    return np.where(taken, np.minimum((halves + 1) >> 1, (1 << rule.output_bits) - 1), 0)


def table_terms(rule: TableSoftmaxRule, *, scale: float) -> NDArray[np.int64]:
    """What elements add to their row's sum, in units of ``2**-E``: the least and the greatest of all maxima, int64
    ``[2, 256]`` by how far an element is below its maximum.

    Raises
    ------
    BitmillError
        As ``table_softmax_slope``.
    """
    inputs = np.arange(1 << INPUT_BITS, dtype=np.int64)
    exponents = _exponents(inputs, table_softmax_slope(rule, scale=scale))
    below = inputs + inputs[:, np.newaxis]
    there = below < len(inputs)
    drops = exponents[np.where(there, below, 0)] - exponents[:, np.newaxis]
    terms = _terms(rule, *_powers(rule, np.maximum(drops, 0)))
    least = np.where(there, terms, terms.max()).min(axis=0)
    return np.stack([least, np.where(there, terms, 0).max(axis=0)])


def _powers(rule: TableSoftmaxRule, drops: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``powers[f]`` and ``q`` of exponents that are not rounded yet."""
    steps = (drops + (1 << (rule.guard_bits - 1))) >> rule.guard_bits
    index = steps & ((1 << rule.fraction_bits) - 1)
    return np.array(rule.powers, dtype=np.int64)[index], steps >> rule.fraction_bits


def _terms(rule: TableSoftmaxRule, powers: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.int64]:
    return (powers << (rule.sum_fraction_bits - rule.table_bits)) >> np.minimum(whole, 62)


def _exponents(complement: NDArray[np.int64], slope: int) -> NDArray[np.int64]:
    total = np.zeros_like(complement)
    for j in range(DIGITS):
        digit = (complement >> (DIGIT_BITS * j)) & ((1 << DIGIT_BITS) - 1)
        total += (slope * digit) >> (DIGIT_BITS * (DIGITS - 1 - j))
    return total


def _normalized_reciprocal(
    rule: TableSoftmaxRule, total: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Only a row that is masked altogether sums to less than 1.0.
    total = np.maximum(total, 1 << rule.sum_fraction_bits)
    zeros = np.ceil(np.log2(total.astype(np.float64))).astype(np.int64) - rule.sum_fraction_bits
    return (np.int64(1) << (zeros + rule.sum_fraction_bits + rule.reciprocal_bits)) // total, zeros


@SOFTMAX.register(TableSoftmaxRule.KEY)
def _by_rule(rule: TableSoftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> Scaled:
    return table_softmax(rule, x, scale=scale, mask=mask), 2.0**-rule.output_bits
