"""From a layer's gamma, beta, epsilon and scales to the integers of ``root_norm``, and how far its outputs may be off."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import NormWidths, RootNormRule
from ...system.errors import BitmillError
from ..rows.dispatch import LAYERNORM, ScaledByChannel
from ..rows.operands import as_rows
from .root_norm import NormConstants, root_norm


def norm_constants(
    widths: NormWidths,
    *,
    gamma: ArrayLike,
    beta: ArrayLike,
    output_scale: float,
    input_scale: float = 1.0,
    epsilon: float = 0.0,
) -> NormConstants:
    """Integers such that ``z * output_scale`` is about ``gamma * normalized(x * input_scale) + beta``.

    With the greatest ``e`` that lets all channels fit, and halves to even::

        multiplier = round(gamma / output_scale * 2**(e-n));   bias = round(beta / output_scale * 2**e)
        epsilon = round(epsilon / input_scale**2 * 2**F)

    Widths suffice for every row by ``NormWidths``; the row length is checked here.

    Parameters
    ----------
    widths
        Algorithm and widths.
    gamma, beta
        ``[C]``, finite; a gamma may be negative, and where it is 0 the output is the rounded bias.
    output_scale, input_scale
        What one unit of output and input is worth; the latter matters to the epsilon alone.
    epsilon
        What the model adds to the variance or the mean square, at least 0.

    Raises
    ------
    BitmillError
        If a value is not one of those listed, there are more channels than ``widths.max_length``, or something does not
        fit, with the limit.
    """
    slopes, shifts = _channels("gamma", gamma), _channels("beta", beta)
    if slopes.shape != shifts.shape or not 1 <= slopes.size <= widths.max_length:
        raise BitmillError(
            f"gamma and beta must be of one length from 1 to {widths.max_length}, not {slopes.size} and {shifts.size}"
        )
    for name, scale in (("output_scale", output_scale), ("input_scale", input_scale)):
        if not 0 < scale < math.inf:
            raise BitmillError(f"{name} must be positive and finite, not {scale!r}")
    steps = _epsilon(widths, epsilon, input_scale)
    fraction, greatest_multiplier = widths.rule.normalized_fraction_bits, (1 << (widths.rule.multiplier_bits - 1)) - 1
    greatest_bias = (1 << (widths.bias_bits - 1)) - 1
    with np.errstate(over="ignore"):
        slopes, shifts = slopes / output_scale, shifts / output_scale
        for shift in range(widths.greatest_shift, widths.least_shift - 1, -1):
            multiplier, bias = np.rint(np.ldexp(slopes, shift - fraction)), np.rint(np.ldexp(shifts, shift))
            if np.abs(multiplier).max() <= greatest_multiplier and np.abs(bias).max() <= greatest_bias:
                break
        else:
            least = widths.least_shift
            worst_slope, worst_shift = float(np.abs(slopes).max()), float(np.abs(shifts).max())
            raise BitmillError(
                f"gamma / output_scale must be within {math.ldexp(greatest_multiplier, fraction - least):g} and "
                f"beta / output_scale within {math.ldexp(greatest_bias, -least):g}, not {worst_slope!r} and {worst_shift!r}"
            )
    return NormConstants(
        widths=widths, multiplier=multiplier.astype(np.int64), bias=bias.astype(np.int64), shift=shift, epsilon=steps
    )


def norm_error(
    constants: NormConstants,
    *,
    gamma: ArrayLike,
    beta: ArrayLike,
    output_scale: float,
    input_scale: float = 1.0,
    epsilon: float = 0.0,
) -> NDArray[np.float64]:
    """Bound of the distance, in output steps, from the saturated real result, for each channel and any row.

    With ``d = sqrt(N)`` the greatest normalized element, ``g = gamma / output_scale`` and ``r`` what the integers are off::

        1/2 + d * |g - multiplier * 2**(n-e)| + |beta / output_scale - bias * 2**-e|
            + |g| * (2**-(n+1) + 2**-guard + 2**(1-R) + d * r(epsilon) / 2 / (least variance + epsilon))

    The least variance but 0 is ``(N-1) / N**2``. Most rows come nowhere near: errors of the factors are in proportion to the
    standard deviation, that of the epsilon in inverse proportion to the variance.

    Parameters
    ----------
    constants
        What ``norm_constants`` made of the others.
    gamma, beta, output_scale, input_scale, epsilon
        As for ``norm_constants``.
    """
    rule, length = constants.widths.rule, constants.multiplier.size
    slopes, shifts = _channels("gamma", gamma) / output_scale, _channels("beta", beta) / output_scale
    greatest = math.sqrt(length)
    real = epsilon / input_scale**2
    taken = math.ldexp(constants.epsilon, -rule.epsilon_fraction_bits)
    least_variance = max(length - rule.centred, 1) / length**2 + min(real, taken)
    normalized = (
        math.ldexp(1, -rule.normalized_fraction_bits - 1)
        + math.ldexp(1, -rule.factor_guard_bits)
        + math.ldexp(1, 1 - rule.root_fraction_bits)
        + greatest * abs(real - taken) / 2 / least_variance
    )
    of_slope = slopes - np.ldexp(constants.multiplier.astype(float), rule.normalized_fraction_bits - constants.shift)
    of_shift = shifts - np.ldexp(constants.bias.astype(float), -constants.shift)
    return 0.5 + greatest * np.abs(of_slope) + np.abs(of_shift) + np.abs(slopes) * normalized


def _epsilon(widths: NormWidths, epsilon: float, input_scale: float) -> int:
    limit = math.ldexp(1, widths.epsilon_bits - widths.rule.epsilon_fraction_bits)
    scaled = epsilon / input_scale / input_scale if epsilon == epsilon else -1.0
    steps = round(math.ldexp(scaled, widths.rule.epsilon_fraction_bits)) if 0 <= scaled < limit else -1
    if not 0 <= steps < 1 << widths.epsilon_bits:
        raise BitmillError(
            f"epsilon / input_scale**2 must be from 0 to less than {limit:.6g}, the greatest variance, not {scaled!r}"
        )
    return steps


def _channels(name: str, values: ArrayLike) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1:
        raise BitmillError(f"{name} must be of one axis, not {numbers.shape}")
    if not np.isfinite(numbers).all():
        raise BitmillError(f"{name} must be finite, not {float(numbers[~np.isfinite(numbers)][0])!r}")
    return numbers


@LAYERNORM.register(RootNormRule.KEY)
def _by_rule(
    rule: RootNormRule,
    x: ArrayLike,
    *,
    gamma: ArrayLike = 1.0,
    beta: ArrayLike = 0.0,
    output_scale: float | None = None,
) -> ScaledByChannel:
    """Outputs of 8 bits, by default of a step with which no row saturates; inputs of 8 bits, or 16 where they need them."""
    length = max(np.shape(x)[-1] if np.ndim(x) else 0, 1)
    slopes = np.broadcast_to(np.asarray(gamma, dtype=np.float64), (length,))
    shifts = np.broadcast_to(np.asarray(beta, dtype=np.float64), (length,))
    rows = as_rows(x, bits=16, longest=1 << 20)
    input_bits = 8 if rows.min() >= -128 and rows.max() <= 127 else 16
    greatest = math.sqrt(length) * np.abs(slopes).max() + np.abs(shifts).max()
    step = (float(greatest) or 1.0) / 127 if output_scale is None else output_scale
    widths = NormWidths(rule=rule, input_bits=input_bits, output_bits=8, max_length=length)
    return root_norm(norm_constants(widths, gamma=slopes, beta=shifts, output_scale=step), rows), step
