"""Probabilities times values in few bits: FP8 with a narrow accumulator, or powers of two that shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...config.nonlinear import Log2SoftmaxRule
from ...formats import Format, get
from ...system.errors import BitmillError
from ..blocks import nearest
from ..codec import decode

NARROW_MANTISSA = 13
"""Bits of the mantissa that FP8 tensor cores of Ada and Hopper keep of an FP32 sum (SageAttention2, section 3.3)."""
STEP = 32
"""Products of one tensor-core instruction along the keys, FP8."""
BLOCK = 64
"""Keys whose narrow sum is added to the FP32 total (SageAttention2, section 3.3)."""


def fp8(x: NDArray[np.floating], fmt: Format | str = "E4M3", *, axis: int | None = None) -> NDArray[np.float64]:
    """The numbers of FP8 times a scale that are nearest to ``x``.

    The scale is ``max|x|`` along ``axis`` over the format's greatest number; if left out, 1 over that number, for values to 1.
    """
    row = get(fmt) if isinstance(fmt, str) else fmt
    largest = np.ones(()) if axis is None else np.abs(x.astype(np.float64)).max(axis=axis, keepdims=True)
    scale = np.asarray(largest / float(row.max_value))
    steps = np.divide(x, scale, out=np.zeros(np.broadcast_shapes(x.shape, scale.shape)), where=scale > 0)
    return decode(row, nearest(row, steps)) * scale


def narrowed(x: NDArray[np.float64], mantissa: int = NARROW_MANTISSA) -> NDArray[np.float64]:
    """``x`` rounded to a significand of ``mantissa + 1`` bits, ties to even; exponents are not limited."""
    fraction, exponent = np.frexp(x)
    return np.ldexp(np.rint(np.ldexp(fraction, mantissa + 1)), exponent - mantissa - 1)


def fp8_values(
    weights: NDArray[np.float64], value: NDArray[np.floating], *, accumulator: str = "two-level"
) -> NDArray[np.float64]:
    """``P V`` of E4M3 probabilities and E4M3 values with a scale per channel, over the probabilities' sum.

    Parameters
    ----------
    weights
        float64 ``[heads, tokens, keys]``, 0 to 1: ``exp(s - max)``.
    value
        ``[heads, keys, d]``.
    accumulator
        ``exact``; ``narrow``: after each 32 keys rounded to 14 bits of significand; ``two-level``: so within 64 keys, and these
        sums added to an FP32 total.

    Returns
    -------
    float64 ``[heads, tokens, d]``.

    Raises
    ------
    BitmillError
        If there is no such accumulator.

    Source: SageAttention2, arXiv 2411.10958, section 3.3. What the tensor core does inside 32 products is not published; here
    they are added exactly and rounded to nearest.
    """
    spans = {"exact": 0, "narrow": value.shape[1], "two-level": BLOCK}
    if accumulator not in spans:
        raise BitmillError(f"accumulator must be one of {', '.join(spans)}, not {accumulator!r}")
    p, v = fp8(weights), fp8(value, axis=1)
    sums = weights.sum(axis=2, keepdims=True)
    if accumulator == "exact":
        return p @ v / sums
    total = np.zeros((*p.shape[:2], v.shape[2]))
    for start in range(0, value.shape[1], spans[accumulator]):
        partial = np.zeros_like(total)
        end = min(start + spans[accumulator], value.shape[1])
        for step in range(start, end, STEP):
            part = slice(step, min(step + STEP, end))
            partial = narrowed(partial + p[:, :, part] @ v[:, part])
        total = (total + partial).astype(np.float32).astype(np.float64)
    return total / sums


def shifted_values(weights: NDArray[np.float64], value: NDArray[np.floating], *, bits: int = 4) -> NDArray[np.float64]:
    """``sum of v * 2**-code``: probabilities as powers of two, so that products are shifts (RepQuant, arXiv 2402.05628).

    ``code = clip(round(-log2(p / sum)), 0, 2**bits - 1)``; a masked key has no code and takes no part. As in FQ-ViT and
    RepQuant, what the codes sum to is not divided out.

    Parameters
    ----------
    weights
        float64 ``[heads, tokens, keys]``, at least 0; 0 is masked.
    value
        ``[heads, keys, d]``.
    bits
        Of a code, see ``Log2SoftmaxRule``, whose integer hardware computes the same codes.
    """
    greatest = (1 << Log2SoftmaxRule(bits=bits).bits) - 1
    with np.errstate(divide="ignore"):
        logarithm = -np.log2(weights / weights.sum(axis=2, keepdims=True))
    powers = np.exp2(-np.clip(np.rint(logarithm), 0, greatest))
    return np.where(weights > 0, powers, 0) @ value.astype(np.float64)
