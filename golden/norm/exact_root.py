"""I-BERT's LayerNorm: that of I-ViT with a square root that has converged."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import ExactRootLayerNormRule
from ...config.nonlinear.newton_widths import NEWTON_BIAS_BITS, NEWTON_INPUT_BITS, NEWTON_LONGEST_ROW
from ...system.errors import BitmillError
from ..rows.dispatch import LAYERNORM, ScaledByChannel
from ..rows.operands import as_integers, as_rows
from .newton_norm import integer_bias, layernorm_scale, rounded_mean

DIVIDEND = 1 << 31


def exact_root(v: NDArray[np.int64]) -> NDArray[np.int64]:
    """``floor(sqrt(v))`` by Newton's steps ``k = (k + v // k) >> 1`` from ``2**ceil(bits / 2)`` until they rise no more.

    Parameters
    ----------
    v
        int64, any shape, 0 to ``2**62``.

    Source: I-BERT (Kim et al., ICML 2021), section "Integer-only LayerNorm", algorithm 4.
    """
    # frexp rounds v to 53 bits; where that carries into the next power of two, the start is that much greater.
    bits = np.frexp(v.astype(np.float64))[1].astype(np.int64)
    root = np.where(v == 0, 0, np.int64(1) << ((bits + 1) >> 1))
    while True:
        following = (root + v // np.maximum(root, 1)) >> 1
        if not (following < root).any():
            return root
        root = np.minimum(root, following)


def exact_root_layernorm(
    rule: ExactRootLayerNormRule, x: ArrayLike, *, bias: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Each row less its mean, over its standard deviation, in units of ``layernorm_scale(length=N)``.

    With floor divisions and shifts but for the mean, which ``rule.mean_rounding`` rounds::

        mu = round(sum(x) / N);  y = x - mu;  k = floor(sqrt(sum(y**2)))
        z = ((y * (2**31 // k)) >> 1) + bias

    A row of equal elements, a row of length 1 among them, has ``y = 0`` and ``k = 0``, and returns the bias; the authors
    divide by ``k + .0001``. ``|y| <= k``, so the first summand is within ``+-2**30``.

    Parameters
    ----------
    rule
        How the mean is rounded.
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

    Source: I-BERT (Kim et al., ICML 2021), section "Integer-only LayerNorm"; constants and rounding are those of the
    authors' code, without its shift for sums of squares of more than 32 bits.
    """
    rows = as_rows(x, bits=NEWTON_INPUT_BITS, longest=NEWTON_LONGEST_ROW)
    centred = rows - rounded_mean(rows, rule.mean_rounding)
    root = exact_root(np.square(centred).sum(axis=-1, keepdims=True))
    normalized = (centred * (DIVIDEND // np.maximum(root, 1))) >> 1
    addends = as_integers(0 if bias is None else bias, bits=NEWTON_BIAS_BITS, name="bias")
    try:
        return normalized + np.broadcast_to(addends, rows.shape)
    except ValueError:
        raise BitmillError(f"bias must broadcast to x of shape {rows.shape}, not {addends.shape}") from None


@LAYERNORM.register(ExactRootLayerNormRule.KEY)
def _by_rule(
    rule: ExactRootLayerNormRule,
    x: ArrayLike,
    *,
    gamma: ArrayLike = 1.0,
    beta: ArrayLike = 0.0,
    output_scale: float | None = None,
) -> ScaledByChannel:
    length = max(np.shape(x)[-1] if np.ndim(x) else 0, 1)
    slopes, shifts = np.broadcast_arrays(np.asarray(gamma, dtype=np.float64), np.asarray(beta, dtype=np.float64))
    bias = integer_bias(shifts, slopes, length=length)
    return exact_root_layernorm(rule, x, bias=bias), slopes * layernorm_scale(length=length)
