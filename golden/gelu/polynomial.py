"""I-BERT's GELU: ``x * (1 + erf(x / sqrt(2))) / 2`` by a polynomial of the second order."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import PolynomialGeluRule
from ...system.errors import BitmillError
from ..rows.dispatch import GELU, Scaled
from ..rows.operands import as_integers, as_scale

INPUT_BITS = 32
ONE_BITS = 30
"""Of the integer that stands for erf's 1; twice that times an input fits int64, and its square root is far below."""


@dataclass(frozen=True)
class ErfPolynomial:
    """The integers of ``polynomial_gelu`` for one scale, all negative, and what one unit of erf is worth, positive."""

    centre: int
    constant: int
    one: int
    unit: float


def erf_polynomial(rule: PolynomialGeluRule, *, scale: float) -> ErfPolynomial:
    """For ``t = s / ROOT2``: ``floor(CENTRE/t)``, ``floor(1/SQUARE/t**2)``, ``floor(1/u)`` and ``-u``, ``u = t**2*SQUARE*2**n``.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, or erf's 1 is 0 or of more than 30 bits.
    """
    real = as_scale(scale)
    greatest = rule.ROOT2 / math.sqrt(-rule.SQUARE * 2.0**rule.dropped_bits)
    least = greatest / 2.0 ** (ONE_BITS / 2)
    if not least < real < greatest:
        ends = f"above {least:.6g} and below {greatest:.6g}"
        raise BitmillError(f"scale must be {ends} for erf's 1 of 1 to {ONE_BITS} bits, not {real!r}")
    step = real / rule.ROOT2
    unit = step**2 * rule.SQUARE * 2.0**rule.dropped_bits
    return ErfPolynomial(
        centre=math.floor(rule.CENTRE / step),
        constant=math.floor(1 / rule.SQUARE / step**2),
        one=math.floor(1 / unit),
        unit=-unit,
    )


def polynomial_gelu_scale(rule: PolynomialGeluRule, *, scale: float) -> float:
    """What one unit of ``polynomial_gelu``'s output is worth: half of erf's unit times ``scale``."""
    return scale * erf_polynomial(rule, scale=scale).unit / 2


def polynomial_gelu(rule: PolynomialGeluRule, x: ArrayLike, *, scale: float) -> NDArray[np.int64]:
    """GELU of each element, in units of ``polynomial_gelu_scale(rule, scale=scale)``.

    With the integers of ``erf_polynomial`` and ``n = rule.dropped_bits``::

        v = sign(x) * ((min(|x|, -centre) + centre)**2 + constant)
        y = -x * ((v >> n) + one)

    The authors' result is ``-y``, in units that are negative because the polynomial's leading coefficient is.

    Parameters
    ----------
    rule
        Widths and coefficients.
    x
        Any shape and integer dtype, values of 32 bits signed.
    scale
        Real value of one step of ``x``.

    Returns
    -------
    int64 of the shape of ``x``, within ``+-2**62``.

    Raises
    ------
    BitmillError
        If the scale is refused, or a value does not fit.

    Source: I-BERT (Kim et al., ICML 2021), section "Integer-only GELU", algorithm 1; floors and ``1.4142`` are those of
    the authors' code.
    """
    integers = erf_polynomial(rule, scale=scale)
    values = as_integers(x, bits=INPUT_BITS)
    bowl = np.square(np.minimum(np.abs(values), -integers.centre) + integers.centre) + integers.constant
    erf = (np.sign(values) * bowl) >> rule.dropped_bits
    return -values * (erf + integers.one)


@GELU.register(PolynomialGeluRule.KEY)
def _by_rule(rule: PolynomialGeluRule, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> Scaled:
    return polynomial_gelu(rule, x, scale=scale), polynomial_gelu_scale(rule, scale=scale)
