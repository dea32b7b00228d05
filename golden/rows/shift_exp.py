"""ShiftExp: ``exp`` of numbers up to 0 from shifts and adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...config.nonlinear import LARGEST, WIDTH, ReciprocalRounding
from ...config.nonlinear.reciprocals import shift_reciprocal
from ...system.errors import BitmillError


def integer_reciprocal(scale: float, *, fraction_bits: int, rounding: ReciprocalRounding, slope: float = 1.0) -> int:
    """``x0``, the integer that stands for ``-1 / (slope * scale)``: ``shift_exp`` halves once every ``|x0|`` steps.

    Parameters
    ----------
    scale
        Real value of one step of the input, positive.
    fraction_bits
        ``n`` of the ``shift_exp`` that will use it.
    rounding
        ``floor`` or ``nearest`` (ties to even).
    slope
        What multiplies the input before ``exp``.

    Returns
    -------
    A negative integer with ``|x0| << n <= 2**31 - 1``.

    Raises
    ------
    BitmillError
        If the scale is not positive and finite, if 1.0 would not fit, or if the quotient rounds to 0.
    """
    if not isinstance(scale, int | float | np.floating):
        raise BitmillError(f"scale must be a number, not {scale!r}")
    return shift_reciprocal(float(scale), fraction_bits=fraction_bits, rounding=rounding, slope=slope)


def shift_exp(d: NDArray[np.int64], x0: int, *, fraction_bits: int) -> NDArray[np.int64]:
    """``exp(d * scale)`` in units of ``1 / (|x0| << n)``, saturated at ``2**31 - 1``.

    With floor division and floor shifts, ``n = fraction_bits``::

        p = max(d + (d >> 1) - (d >> 4), n * x0)     # d * log2(e), about: * 1.4375
        q = p // x0;  r = p - q * x0                 # 2**(p/|x0|) = 2**-q * 2**(r/|x0|),  x0 < r <= 0
        e = (r - 2 * x0) << (n - q - 1)              # 2**f is about 1 + f/2; a negative count shifts right

    For ``d <= 0`` the result is from ``|x0|`` to ``|x0| << n``, never 0. For ``d > 0``, which ShiftGELU asks for when
    a row's maximum is negative, the count passes ``n``: the result is the least of the formula in unbounded integers
    and ``2**31 - 1``.

    Parameters
    ----------
    d
        int64, any shape, ``|d| <= 2**33``.
    x0
        Of ``integer_reciprocal`` with the same ``fraction_bits``.
    fraction_bits
        ``n``.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax", procedure ShiftExp of algorithm 1;
    the rounding is that of the authors' PyTorch code.
    """
    if not -(LARGEST >> fraction_bits) <= x0 <= -1:
        raise BitmillError(f"x0 must be from {-(LARGEST >> fraction_bits)} to -1, not {x0!r}")
    p = np.maximum(d + (d >> 1) - (d >> 4), fraction_bits * x0)
    q = p // x0
    significand = p - q * x0 - 2 * x0
    count = fraction_bits - 1 - q
    # The significand is from |x0|+1 to 2|x0| < 2**32: shifted by up to 31 it fits int64, by 31 and more it saturates.
    shifted = np.where(count < 0, significand >> np.clip(-count, 0, 63), significand << np.clip(count, 0, WIDTH))
    return np.minimum(shifted, LARGEST)
