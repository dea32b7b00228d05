"""Softmax, GELU and LayerNorm by any rule: the rule's key chooses the algorithm.

Each function gives integers and what one of them is worth, so that profiles can be compared without knowing how they compute.
An algorithm joins by registering under its rule's key.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import LayerNormRule, ShiftGeluRule, ShiftmaxRule
from ..gelu.shift_gelu import gelu_scale, shift_gelu
from ..norm.newton_norm import integer_bias, layernorm_scale
from ..norm.newton_norm import layernorm as newton_layernorm
from ..softmax.shiftmax import shiftmax, shiftmax_scale
from .by_rule import ByRule

Scaled = tuple[NDArray[np.int64], float]
"""Integers, and the real value of one."""
ScaledByChannel = tuple[NDArray[np.int64], float | NDArray[np.float64]]
"""Integers, and the real value of one: of each channel where channels differ."""

_KNOWN = "that golden.nonlinear computes by"
SOFTMAX, GELU, LAYERNORM = (ByRule(unit, _KNOWN) for unit in ("softmax", "gelu", "layernorm"))
"""The algorithms that ``softmax``, ``gelu`` and ``layernorm`` find."""


def softmax(rule: Any, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> Scaled:
    """Softmax of each row ``[..., L]`` of integers whose step is worth ``scale``.

    Parameters
    ----------
    rule
        A softmax rule of ``nonlinear``.
    x
        Integers.
    scale
        Real value of one step of ``x``.
    mask
        bool, broadcast to the shape of ``x``: True where an element takes part. All of them if None.

    Raises
    ------
    BitmillError
        If no algorithm computes by this rule, or as the algorithm does.
    """
    return SOFTMAX.of(rule)(rule, x, scale=scale, mask=mask)


def gelu(rule: Any, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> Scaled:
    """GELU of each element of rows ``[..., L]`` of integers whose step is worth ``scale``; rules may look at the whole row.

    Parameters
    ----------
    rule
        A GELU rule of ``nonlinear``.
    x
        Integers.
    scale
        Real value of one step of ``x``.
    output_scale
        What one step of the output is to be worth, where the rule rounds to few bits itself; others have a step of their own.

    Raises
    ------
    BitmillError
        If no algorithm computes by this rule, or as the algorithm does.
    """
    return GELU.of(rule)(rule, x, scale=scale, output_scale=output_scale)


def layernorm(
    rule: Any, x: ArrayLike, *, gamma: ArrayLike = 1.0, beta: ArrayLike = 0.0, output_scale: float | None = None
) -> ScaledByChannel:
    """``gamma * (x - mean) / deviation + beta`` of each row ``[..., N]`` of integers, whose scale cancels out.

    Parameters
    ----------
    rule
        A LayerNorm rule of ``nonlinear``.
    x
        Integers.
    gamma, beta
        Real, one per channel or one for all.
    output_scale
        What one step of the output is to be worth, where the rule rounds to few bits itself; others have a step of their own.

    Raises
    ------
    BitmillError
        If no algorithm computes by this rule, or as the algorithm does.
    """
    return LAYERNORM.of(rule)(rule, x, gamma=gamma, beta=beta, output_scale=output_scale)


@SOFTMAX.register(ShiftmaxRule.KEY)
def _shiftmax(rule: ShiftmaxRule, x: ArrayLike, *, scale: float, mask: ArrayLike | None = None) -> Scaled:
    return shiftmax(rule, x, scale=scale, mask=mask), shiftmax_scale(rule)


@GELU.register(ShiftGeluRule.KEY)
def _shift_gelu(rule: ShiftGeluRule, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> Scaled:
    return shift_gelu(rule, x, scale=scale), gelu_scale(rule, scale=scale)


@LAYERNORM.register(LayerNormRule.KEY)
def _newton_layernorm(
    rule: LayerNormRule,
    x: ArrayLike,
    *,
    gamma: ArrayLike = 1.0,
    beta: ArrayLike = 0.0,
    output_scale: float | None = None,
) -> ScaledByChannel:
    length = np.shape(x)[-1] if np.ndim(x) else 0
    slopes, shifts = np.broadcast_arrays(np.asarray(gamma, dtype=np.float64), np.asarray(beta, dtype=np.float64))
    # A row of length 0 is for the algorithm to refuse.
    bias = integer_bias(shifts, slopes, length=max(length, 1))
    return newton_layernorm(rule, x, bias=bias), slopes * layernorm_scale(length=length)
