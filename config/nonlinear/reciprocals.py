"""From scales to the integers that units are told: pure arithmetic of a rule's widths, which golden and configurations share."""

from __future__ import annotations

import math

from ...system.errors import BitmillError
from .softmax_rules import ReciprocalRounding, TableSoftmaxRule
from .widths import LARGEST, MULTIPLIER_BITS, WIDTH

SIGMOID_SLOPE = 1.702
"""``x * sigmoid(1.702 x)`` is the usual approximation of ``x * Phi(x)``."""


def shift_reciprocal(scale: float, *, fraction_bits: int, rounding: ReciprocalRounding, slope: float = 1.0) -> int:
    """``x0``, the integer that stands for ``-1 / (slope * scale)``: ``|x0| << fraction_bits`` is within ``2**31 - 1``.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, if 1.0 would not fit, or if the quotient rounds to 0.
    """
    greatest = LARGEST >> fraction_bits
    if not (math.isfinite(slope * scale) and scale > 0):
        raise BitmillError(f"scale must be positive and finite, not {scale!r}")
    # The reciprocal of the least float64 values is infinite, which no integer stands for.
    exact = max(-1 / (slope * scale), -2.0 * greatest - 2)
    x0 = math.floor(exact) if rounding == "floor" else round(exact)
    if x0 < -greatest:
        fits = f"for 1.0 with {fraction_bits} fraction bits to fit {WIDTH} bits"
        raise BitmillError(f"scale must be at least {1 / (slope * greatest):.6g}, {fits}, not {scale!r}")
    if x0 == 0:
        raise BitmillError(f"scale must be below {2 / slope:.6g} where -1/scale is rounded to nearest, not {scale!r}")
    return x0


def exponent_slope(rule: TableSoftmaxRule, scale: float) -> int:
    """``round(scale * log2(e) * 2**rule.slope_fraction_bits)``: what one step of the input takes off the exponent.

    Raises
    ------
    BitmillError
        If the slope is 0 or of more than ``rule.slope_bits``.
    """
    unit = math.log(2) / (1 << rule.slope_fraction_bits)
    greatest = (1 << rule.slope_bits) - 1
    slope = round(min(scale / unit, 2.0 * greatest + 2))
    if not 1 <= slope <= greatest:
        ends = f"from {0.5 * unit:.3g} to {greatest * unit:.6g}"
        raise BitmillError(f"scale must be {ends} for a slope of {rule.slope_bits} bits, not {scale!r}")
    return slope


def dyadic_ratio(ratio: float, *, bits: int = MULTIPLIER_BITS) -> tuple[int, int]:
    """``m`` of so many bits and ``e`` such that ``ratio`` is about ``m / 2**e``, halves away from zero; ``e`` may be negative.

    As ``golden.nonlinear.dyadic`` with ``bits`` 31.
    """
    fraction, exponent = math.frexp(abs(ratio))
    magnitude = math.floor(math.ldexp(fraction, bits) + 0.5)
    carried = magnitude >> bits
    return (-1 if ratio < 0 else 1) * (magnitude >> carried), bits - exponent - carried
