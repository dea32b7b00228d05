"""From gamma, beta and scales to the integers of I-ViT's and I-BERT's LayerNorm, and the row length its widths suffice for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import ExactRootLayerNormRule, LayerNormRule
from ...config.nonlinear.newton_widths import NEWTON_INPUT_BITS, NEWTON_LONGEST_ROW
from ...config.nonlinear.widths import check_integer
from ...system.errors import BitmillError
from ..rows.operands import as_scale
from ..rows.requantize import dyadic
from .newton_norm import integer_bias, layernorm_scale

SQUARE_BITS = 43
"""Of a row's sum of squares, unless a unit is built with others."""


@dataclass(frozen=True)
class LayerNormConstants:
    """The integers of a LayerNorm unit and of the requantization behind it.

    Attributes
    ----------
    bias
        int64, one per channel: see ``integer_bias``.
    unit
        What one unit of the unit's output is worth before gamma.
    multiplier, shift
        int64, one per channel: ``m``, with gamma's sign, and ``e`` of ``requantize``.
    """

    bias: NDArray[np.int64]
    unit: float
    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]


def longest_normalized_row(
    rule: LayerNormRule | ExactRootLayerNormRule, *, input_bits: int, square_bits: int = SQUARE_BITS
) -> int:
    """The greatest ``N`` for which every row's sum of squares is below ``2**square_bits``.

    Inputs are at most ``2**b - 1`` apart, so the squares of their distances from the mean sum to at most
    ``N * (2**b - 1)**2 / 4``. A mean that is rounded adds ``N`` times the square of what it is off: less than 1 where it is
    floored, and at most a half where it is rounded to the nearest.

    Parameters
    ----------
    rule
        How the mean is rounded.
    input_bits
        Of the signed inputs, 2 to 16.
    square_bits
        Of the sum of squares, 8 to 54.

    Raises
    ------
    BitmillError
        If a field is out of range.
    """
    check_integer("input_bits", input_bits, 2, NEWTON_INPUT_BITS)
    check_integer("square_bits", square_bits, 8, 54)
    of_mean = 1 if rule.mean_rounding == "nearest-even" else 4
    quadruple = ((1 << input_bits) - 1) ** 2 + of_mean
    return min(((4 << square_bits) - 1) // quadruple, NEWTON_LONGEST_ROW)


def layernorm_constants(
    rule: LayerNormRule | ExactRootLayerNormRule,
    *,
    gamma: ArrayLike,
    beta: ArrayLike,
    output_scale: float,
    input_bits: int = 8,
    square_bits: int = SQUARE_BITS,
) -> LayerNormConstants:
    """The integers of a LayerNorm whose rows have a gamma and a beta for each element.

    Parameters
    ----------
    rule
        How the mean is rounded and the root is found.
    gamma, beta
        Real ``[N]``, finite; gamma not 0.
    output_scale
        Real value of one step after the requantization.
    input_bits, square_bits
        As for ``longest_normalized_row``.

    Raises
    ------
    BitmillError
        If the row is longer than ``longest_normalized_row``, gamma and beta are not two rows of one length, or a value is
        refused by ``integer_bias`` or ``dyadic``.
    """
    slopes, shifts = np.asarray(gamma, dtype=np.float64), np.asarray(beta, dtype=np.float64)
    if slopes.ndim != 1 or slopes.shape != shifts.shape or not slopes.size:
        raise BitmillError(f"gamma and beta must be of one shape [N], not {slopes.shape} and {shifts.shape}")
    length, limit = slopes.size, longest_normalized_row(rule, input_bits=input_bits, square_bits=square_bits)
    if length > limit:
        widths = f"for {input_bits}-bit inputs and {square_bits} bits of their squares' sum"
        raise BitmillError(f"gamma and beta must be of at most {limit} channels {widths}, not {length!r}")
    unit = layernorm_scale(length=length)
    bias = integer_bias(shifts, slopes, length=length)
    multiplier, shift = dyadic(slopes * (unit / as_scale(output_scale)))
    return LayerNormConstants(bias, unit, multiplier, shift)
