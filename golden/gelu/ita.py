"""ITA's GELU as a model to compare with: I-BERT's polynomial in 16-bit constants and an 8-bit requantization."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import PolynomialGeluRule
from ...system.errors import BitmillError
from ..rows.operands import as_integers, as_scale
from ..rows.requantize import requantize

INPUT_BITS = 8
CONSTANT_BITS = 16
MULTIPLIER_BITS = 8


@dataclass(frozen=True)
class ItaGelu:
    """The integers of ``ita_gelu`` for one pair of scales; ``one`` is ``constant``."""

    centre: int
    constant: int
    multiplier: int
    shift: int


def ita_gelu_constants(*, scale: float, output_scale: float) -> ItaGelu:
    """For ``t = scale / sqrt(2)``: ``round(CENTRE/t)``, ``round(1/SQUARE/t**2)``, and 8 bits of ``scale * unit / output_scale``.

    ``unit`` is ``-SQUARE * t**2 / 2``; the multiplier has the greatest of its 8 bits set. The published flow has one
    scale for input and output.

    Raises
    ------
    BitmillError
        If a scale is not positive and finite, or an integer does not fit.

    Source: ITA's Python model.
    """
    step = as_scale(scale) / math.sqrt(2)
    square, centre = PolynomialGeluRule.SQUARE, PolynomialGeluRule.CENTRE
    least = math.sqrt(-2 / square / (1 << (CONSTANT_BITS - 1)))
    if scale < least:
        raise BitmillError(f"scale must be at least {least:.6g} for constants of {CONSTANT_BITS} bits, not {scale!r}")
    ratio = scale * -square * step**2 / 2 / as_scale(output_scale)
    fraction, exponent = math.frexp(ratio)
    multiplier, shift = round(fraction * (1 << MULTIPLIER_BITS)), MULTIPLIER_BITS - exponent
    if multiplier >> MULTIPLIER_BITS:
        multiplier, shift = multiplier >> 1, shift - 1
    if shift < 0:
        raise BitmillError(f"output_scale must be greater for a shift to the right, not {output_scale!r}")
    return ItaGelu(round(centre / step), round(1 / square / step**2), multiplier, shift)


def ita_gelu(x: ArrayLike, *, scale: float, output_scale: float) -> NDArray[np.int64]:
    """GELU of each element, in units of ``output_scale``, to compare ours with.

    With the integers of ``ita_gelu_constants``::

        v = sign(x) * ((min(|x|, -centre) + centre)**2 + constant),   -128 as -127
        y = saturate(round(-x * (v + constant) * multiplier / 2**shift)),   halves up

    Parameters
    ----------
    x
        Any shape and integer dtype, values of 8 bits signed.
    scale, output_scale
        Real values of one step of ``x`` and of the result.

    Returns
    -------
    int64 of the shape of ``x``, 8 bits signed.

    Raises
    ------
    BitmillError
        If a scale is refused, or a value does not fit.

    Source: ITA's RTL and Python model, after I-BERT (Kim et al., ICML 2021).
    """
    integers = ita_gelu_constants(scale=scale, output_scale=output_scale)
    values = np.maximum(as_integers(x, bits=INPUT_BITS), 1 - (1 << (INPUT_BITS - 1)))
    bowl = np.square(np.minimum(np.abs(values), -integers.centre) + integers.centre) + integers.constant
    product = -values * (np.sign(values) * bowl + integers.constant)
    return requantize(product, multiplier=integers.multiplier, shift=integers.shift, bits=INPUT_BITS, ties="up")
