"""LayerNorm of a row in integers, with Newton's square root cut after a given number of steps."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import LARGEST, LayerNormRule, MeanRounding
from ...config.nonlinear.newton_widths import NEWTON_BIAS_BITS, NEWTON_INPUT_BITS, NEWTON_LONGEST_ROW, NEWTON_START
from ...system.errors import BitmillError
from ..rows.operands import as_integers, as_rows


def layernorm_scale(*, length: int) -> float:
    """What one unit of ``layernorm``'s output is worth before the factor gamma: ``sqrt(N) / 2**30``."""
    return math.sqrt(length) / (1 << 30)


def integer_bias(beta: ArrayLike, gamma: ArrayLike, *, length: int) -> NDArray[np.int64]:
    """``floor(beta / gamma / layernorm_scale(N))``: the bias in units of the normalized row, one per channel.

    Parameters
    ----------
    beta, gamma
        Real, finite, of one shape. A negative gamma is the sign of the requantization's multiplier; 0 has no bias in
        these units and is refused.
    length
        ``N``.

    Raises
    ------
    BitmillError
        If a gamma is 0, a value is not finite, or a bias does not fit 32 bits signed.

    Source: I-ViT's PyTorch code.
    """
    shifts, slopes = np.asarray(beta, dtype=np.float64), np.asarray(gamma, dtype=np.float64)
    for name, values in (("beta", shifts), ("gamma", slopes)):
        if not np.isfinite(values).all():
            raise BitmillError(f"{name} must be finite, not {float(values[~np.isfinite(values)][0])!r}")
    if (slopes == 0).any():
        raise BitmillError("gamma must not be 0: the bias is in units of gamma, not 0.0")
    with np.errstate(over="ignore"):
        bias = np.floor(shifts / slopes / layernorm_scale(length=length))
    limit = 1 << (NEWTON_BIAS_BITS - 1)
    outside = (bias < -limit) | (bias >= limit)
    if outside.any():
        greatest = limit * layernorm_scale(length=length)
        worst = float((shifts / slopes)[outside].ravel()[0])
        raise BitmillError(
            f"beta / gamma must be within {greatest:.6g} for {NEWTON_BIAS_BITS} bits of bias, not {worst!r}"
        )
    return bias.astype(np.int64)


def newton_root(v: NDArray[np.int64], *, iterations: int) -> NDArray[np.int64]:
    """``k = 2**16``, then ``iterations`` times ``k = (k + v // k) >> 1``: at least ``floor(sqrt(v))``, from above.

    Ten steps from there have not converged for small ``v``: they may end 2 and more above the root up to 34595,
    and do so again from about ``2**46`` on, which takes 16-bit rows of about ``2**16``. And
    ``v = m**2 - 1`` goes to and fro between ``m - 1`` and ``m``. So the count is part of the result. ``v = 0`` halves
    ``k`` each time: 64 after ten steps, 0 from the 17th on, where it stays.

    Parameters
    ----------
    v
        int64, any shape, 0 to ``2**54``.
    iterations
        How many steps.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only LayerNorm: I-LayerNorm".
    """
    k = np.full(v.shape, NEWTON_START, dtype=np.int64)
    for _ in range(iterations):
        # k is 0 only where v is, and there the quotient is 0 whatever the divisor.
        k = (k + v // np.maximum(k, 1)) >> 1
    return k


def layernorm(rule: LayerNormRule, x: ArrayLike, *, bias: ArrayLike | None = None) -> NDArray[np.int64]:
    """Each row less its mean, over its standard deviation, in units of ``layernorm_scale(length=N)``.

    With floor divisions and shifts but for the mean, which ``rule.mean_rounding`` rounds::

        mu = round(sum(x) / N);  y = x - mu;  V = sum(y**2);  k = newton_root(V, iterations=rule.root_iterations)
        z = ((y * ((2**31 - 1) // k)) >> 1) + bias

    A row of equal elements, a row of length 1 among them, has ``y = 0`` and returns the bias whatever ``k`` is.
    ``k >= floor(sqrt(V))``, so the first summand fits 32 bits signed, and the result 33.

    Parameters
    ----------
    rule
        How the mean is rounded and the root is found.
    x
        ``[..., N]``, any integer dtype, values of 16 bits signed; ``1 <= N <= 2**20``.
    bias
        Integers of 32 bits signed that broadcast to ``x``: see ``integer_bias``. 0 if None.

    Returns
    -------
    int64 of the shape of ``x``.

    Raises
    ------
    BitmillError
        If a row's length is refused, a value does not fit, or the bias has another shape.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only LayerNorm: I-LayerNorm"; constants and rounding are
    those of the authors' PyTorch code.
    """
    rows = as_rows(x, bits=NEWTON_INPUT_BITS, longest=NEWTON_LONGEST_ROW)
    centred = rows - rounded_mean(rows, rule.mean_rounding)
    root = newton_root(np.square(centred).sum(axis=-1, keepdims=True), iterations=rule.root_iterations)
    # A root of 0 belongs to a row of zeros, which any divisor leaves zeros.
    normalized = (centred * (LARGEST // np.maximum(root, 1))) >> 1
    if bias is None:
        return normalized
    addends = as_integers(bias, bits=NEWTON_BIAS_BITS, name="bias")
    try:
        return normalized + np.broadcast_to(addends, rows.shape)
    except ValueError:
        raise BitmillError(f"bias must broadcast to x of shape {rows.shape}, not {addends.shape}") from None


def rounded_mean(rows: NDArray[np.int64], rounding: MeanRounding) -> NDArray[np.int64]:
    """The mean of each row as an integer, last axis kept."""
    length = rows.shape[-1]
    total = rows.sum(axis=-1, keepdims=True)
    mean = total // length
    if rounding == "floor":
        return mean
    twice = 2 * (total - mean * length)
    return mean + ((twice > length) | ((twice == length) & (mean % 2 == 1)))
