"""Requantization: integers of one scale into those of another by a multiplication and a rounded shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import MULTIPLIER_BITS, TieRule
from ...system.errors import BitmillError
from .operands import as_integers

INPUT_BITS = 33
"""What LayerNorm hands over. The product with a multiplier of 31 bits and a sign fits int64."""
LARGEST_SHIFT = 63
"""A shift by more leaves less than a half of any product."""


def dyadic(ratio: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``m`` and ``e`` such that ``ratio`` is about ``m / 2**e``, with ``2**30 <= |m| < 2**31``.

    ``ratio = f * 2**t`` with ``0.5 <= |f| < 1`` (frexp), ``m = round(f * 2**31)`` with halves away from zero,
    ``e = 31 - t``. Where that rounds up to ``2**31``, ``m = 2**30`` and ``e`` is one less. The relative error is at
    most ``2**-31``.

    Parameters
    ----------
    ratio
        ``S_in / S_out``, real, any shape: one per channel or one for all. Negative where LayerNorm's gamma is.

    Returns
    -------
    int64 ``m`` and ``e`` of the shape of ``ratio``, ``e >= 0``.

    Raises
    ------
    BitmillError
        If a ratio is 0, not finite, or too great for a shift to the right.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Dyadic arithmetic", after HAWQ-V3 (ICML 2021).
    """
    ratios = np.asarray(ratio, dtype=np.float64)
    refused = ~np.isfinite(ratios) | (ratios == 0)
    if refused.any():
        raise BitmillError(f"ratio must be finite and not 0, not {float(ratios[refused].ravel()[0])!r}")
    fraction, exponent = np.frexp(ratios)
    # A fraction has 53 bits, so adding a half at bit -31 is exact.
    magnitude = np.floor(np.abs(fraction) * (1 << MULTIPLIER_BITS) + 0.5).astype(np.int64)
    carried = magnitude >> MULTIPLIER_BITS
    shift = MULTIPLIER_BITS - exponent.astype(np.int64) - carried
    if (shift < 0).any():
        worst = float(ratios[shift < 0].ravel()[0])
        raise BitmillError(f"ratio must round to less than 2**{MULTIPLIER_BITS} in magnitude, not {worst!r}")
    return np.where(ratios < 0, -1, 1) * (magnitude >> carried), shift


def requantize(z: ArrayLike, *, multiplier: ArrayLike, shift: ArrayLike, bits: int, ties: TieRule) -> NDArray[np.int64]:
    """``round(z * m / 2**e)``, saturated at signed integers of ``bits``.

    The product is exact and rounded once, halves to ``even`` or ``up``, toward plus infinity.

    Parameters
    ----------
    z
        Any integer dtype and shape, values of 33 bits signed.
    multiplier, shift
        ``m`` of 31 bits and a sign and ``e >= 0``, as of ``dyadic``; both broadcast to ``z``.
    bits
        Width of the result, 2 to 32.
    ties
        ``even`` or ``up``.

    Returns
    -------
    int64 of the shape of ``z``, ``-2**(bits-1)`` to ``2**(bits-1) - 1``.

    Raises
    ------
    BitmillError
        If a value does not fit, ``bits`` or ``shift`` is out of range, or a shape does not broadcast.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Dyadic arithmetic"; the tie rules are those of the authors' PyTorch
    (even) and TVM (up) code.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 2 <= bits <= 32:
        raise BitmillError(f"bits must be an integer from 2 to 32, not {bits!r}")
    values = as_integers(z, bits=INPUT_BITS, name="z")
    factors = as_integers(multiplier, bits=MULTIPLIER_BITS + 1, name="multiplier")
    if factors.size and int(factors.min()) == -(1 << MULTIPLIER_BITS):
        raise BitmillError(f"multiplier must be of {MULTIPLIER_BITS} bits and a sign, not {int(factors.min())!r}")
    shifts = as_integers(shift, bits=32, name="shift")
    if shifts.size and int(shifts.min()) < 0:
        raise BitmillError(f"shift must be at least 0, not {int(shifts.min())!r}")
    for name, operand in (("multiplier", factors), ("shift", shifts)):
        try:
            np.broadcast_to(operand, values.shape)
        except ValueError:
            raise BitmillError(f"{name} must broadcast to z of shape {values.shape}, not {operand.shape}") from None
    rounded = shift_rounded(values * factors, shifts, up=ties == "up")
    return np.clip(rounded, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def shift_rounded(product: NDArray[np.int64], shifts: NDArray[np.int64], *, up: bool) -> NDArray[np.int64]:
    """``product / 2**shifts``, rounded once; halves toward plus infinity if ``up``, else to even."""
    count = np.minimum(shifts, LARGEST_SHIFT)
    below = product >> count
    rest = product - (below << count)
    # Without a shift there is no rest, and a half of 1 is never reached.
    half = np.int64(1) << np.maximum(count - 1, 0)
    passed = (rest > half) | ((rest == half) & (up | (below % 2 == 1)))
    return np.where(shifts > LARGEST_SHIFT, 0, below + passed)
