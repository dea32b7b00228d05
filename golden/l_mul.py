"""L-Mul, both of its definitions: mantissas added, or the whole fields exponent|mantissa."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..formats.l_mul import LMulAddProduct, LMulProduct
from .parts import Parts


def l_mul(product: LMulProduct, weight: Parts, activation: Parts) -> tuple[NDArray[Any], NDArray[Any]]:
    """``(1 + x + y + 2**-l) * 2**(xe + ye)`` of normal numbers, as magnitudes and exponents.

    Parameters
    ----------
    product
        Facts: mantissa bits and what is added to their sum.
    weight, activation
        Parts of normal numbers, significands of ``mantissa_bits + 1`` bits; what is given for zeros means nothing.

    Source: arXiv 2410.00907, equation 1.
    """
    magnitude = weight.magnitude + activation.magnitude + (product.added - (1 << product.mantissa_bits))
    return magnitude, weight.exponent + activation.exponent + product.mantissa_bits


def l_mul_add(product: LMulAddProduct, weight: Parts, activation: Parts) -> tuple[NDArray[Any], NDArray[Any]]:
    """The sum of the fields exponent|mantissa and ``2**(m - l)``: carries of the mantissas' sum go on into the exponent.

    Parameters and results are those of ``l_mul``.

    Source: arXiv 2410.00907, section 2.3, one integer addition in place of the multiplication.
    """
    one = 1 << product.mantissa_bits
    fraction = weight.magnitude + activation.magnitude + (product.added - 2 * one)
    carried = fraction >> product.mantissa_bits
    magnitude = (fraction & (one - 1)) + one
    return magnitude, weight.exponent + activation.exponent + carried + product.mantissa_bits
