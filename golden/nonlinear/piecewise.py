"""A function of an int8 by straight lines: GELU, or any other, from a table that is written at run time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import BitmillError
from ...nonlinear import PiecewiseGeluRule
from ...nonlinear.softmax_rules import INPUT_BITS
from .dispatch import Scaled
from .dispatch import gelu as gelu_by_rule
from .operands import as_integers, as_scale

LEAST, GREATEST = -(1 << (INPUT_BITS - 1)), (1 << (INPUT_BITS - 1)) - 1
_INPUTS = np.arange(LEAST, GREATEST + 1)


@dataclass(frozen=True, kw_only=True)
class PiecewiseTable:
    """What the unit is written with.

    Attributes
    ----------
    values
        int64, one per segment, in units of ``2**-fv``: the line at the segment's least input, plus a half.
    slopes
        int64, one per segment, in units of ``2**-fs``: the line's rise from one input to the next.
    """

    values: NDArray[np.int64]
    slopes: NDArray[np.int64]


def fit_piecewise(rule: PiecewiseGeluRule, targets: ArrayLike) -> PiecewiseTable:
    """The lines whose greatest error at the inputs is the least that the widths allow.

    Parameters
    ----------
    rule
        Segments and widths.
    targets
        float64 ``[256]``: the function at -128 to 127, in output steps, not rounded. What an int8 cannot hold is taken for
        the nearest that it can.

    Raises
    ------
    BitmillError
        If there are not 256 finite targets, or a segment is too steep for ``rule.slope_bits``.
    """
    wanted = np.asarray(targets, dtype=np.float64)
    if wanted.shape != _INPUTS.shape or not np.isfinite(wanted).all():
        raise BitmillError(f"targets must be {len(_INPUTS)} finite numbers, not {wanted.shape}")
    segments = np.clip(wanted, LEAST, GREATEST).reshape(rule.segments, -1)
    rest = np.arange(segments.shape[1])
    limit = 1 << (rule.slope_bits - 1)
    most_value = 1 << (rule.value_bits - 1)
    values, slopes = [], []
    for segment in segments:
        rise = (segment[-1] - segment[0]) / max(rest[-1], 1) * 2**rule.slope_fraction_bits
        # The best line's slope is that of a chord, and a segment's chords differ little.
        candidates = np.arange(math.floor(rise) - 8, math.ceil(rise) + 9)
        if abs(rise) >= limit - 1:
            steepest = (limit - 1) / 2**rule.slope_fraction_bits
            raise BitmillError(
                f"targets must rise by less than {steepest:.6g} a step for slopes of {rule.slope_bits} bits, "
                f"not {rise / 2**rule.slope_fraction_bits:.6g}"
            )
        candidates = candidates[(candidates >= -limit) & (candidates < limit)]
        left = segment - candidates[:, None] * rest / 2**rule.slope_fraction_bits
        middle = (left.max(axis=1) + left.min(axis=1)) / 2
        value = np.rint(middle * 2**rule.value_fraction_bits)
        error = np.abs(left - value[:, None] / 2**rule.value_fraction_bits).max(axis=1)
        best = int(np.argmin(error))
        values.append(min(int(value[best]) + (1 << (rule.value_fraction_bits - 1)), most_value - 1))
        slopes.append(int(candidates[best]))
    return PiecewiseTable(values=np.array(values, dtype=np.int64), slopes=np.array(slopes, dtype=np.int64))


def piecewise(rule: PiecewiseGeluRule, table: PiecewiseTable, x: ArrayLike) -> NDArray[np.int64]:
    """The line of each element's segment at the element, rounded to an int8.

    With ``i`` and ``r`` the upper and the lower ``segment_bits`` bits of ``x + 128``::

        y = clip(((values[i] << (fs - fv)) + slopes[i] * r) >> fs, -128, 127)

    Parameters
    ----------
    rule, table
        Widths and lines.
    x
        Any shape and integer dtype, values of 8 bits signed.

    Returns
    -------
    int64 of the shape of ``x``, -128 to 127.

    Raises
    ------
    BitmillError
        If an element is not an int8.

    Source: ours.
    """
    codes = as_integers(x, bits=INPUT_BITS) - LEAST
    segment, rest = codes >> rule.segment_bits, codes & ((1 << rule.segment_bits) - 1)
    lifted = table.values[segment] << (rule.slope_fraction_bits - rule.value_fraction_bits)
    return np.clip((lifted + table.slopes[segment] * rest) >> rule.slope_fraction_bits, LEAST, GREATEST)


def real_gelu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """``x * Phi(x)``."""
    return 0.5 * x * (1 + np.array([math.erf(value / math.sqrt(2)) for value in x.ravel()]).reshape(x.shape))


def gelu_output_scale(*, scale: float) -> float:
    """The step that takes the greatest GELU of an int8 of that scale to 127."""
    return float(np.abs(real_gelu(_INPUTS * as_scale(scale))).max()) / GREATEST


def gelu_table(rule: PiecewiseGeluRule, *, scale: float, output_scale: float | None = None) -> PiecewiseTable:
    """``fit_piecewise`` of ``x * Phi(x)`` for inputs of step ``scale`` and outputs of step ``output_scale``.

    Raises
    ------
    BitmillError
        If a scale is not positive and finite, or as ``fit_piecewise``.
    """
    step = gelu_output_scale(scale=scale) if output_scale is None else as_scale(output_scale, name="output_scale")
    return fit_piecewise(rule, real_gelu(_INPUTS * as_scale(scale)) / step)


@gelu_by_rule.register
def _by_rule(rule: PiecewiseGeluRule, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> Scaled:
    step = gelu_output_scale(scale=scale) if output_scale is None else output_scale
    return piecewise(rule, gelu_table(rule, scale=scale, output_scale=step), x), step
