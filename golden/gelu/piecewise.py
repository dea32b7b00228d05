"""A function of an int8 by straight lines: GELU, or any other, from a table that is written at run time."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear import PiecewiseGeluRule
from ...config.nonlinear.softmax_rules import INPUT_BITS
from ...system.errors import BitmillError
from ..rows.dispatch import GELU, Scaled
from ..rows.operands import as_integers, as_scale

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
    """Lines whose rounded outputs are near the function: of those whose greatest error in a segment is within a tenth of a
    step of the least that the widths allow, the one with the least mean error.

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
    if wanted.shape != _INPUTS.shape:
        raise BitmillError(f"targets must be {len(_INPUTS)} numbers, not of shape {wanted.shape}")
    if not np.isfinite(wanted).all():
        raise BitmillError(f"targets must be finite, not {float(wanted[~np.isfinite(wanted)][0])!r}")
    lines = [_fit_segment(rule, part) for part in np.clip(wanted, LEAST, GREATEST).reshape(rule.segments, -1)]
    return PiecewiseTable(values=np.array([v for v, _ in lines]), slopes=np.array([s for _, s in lines]))


def _fit_segment(rule: PiecewiseGeluRule, targets: NDArray[np.float64]) -> tuple[int, int]:
    rest = np.arange(len(targets))
    rise = float(targets[-1] - targets[0]) / rest[-1]
    limit = 1 << (rule.slope_bits - 1)
    steepest = (limit - 1) / 2**rule.slope_fraction_bits
    if abs(rise) > steepest:
        raise BitmillError(
            f"targets must rise by at most {steepest:.6g} a step for slopes of {rule.slope_bits} bits, not {rise:.6g}"
        )
    # The best line's slope is that of a chord, and its value one that some target has.
    middle = rise * 2**rule.slope_fraction_bits
    slopes = np.arange(math.floor(middle) - 8, math.ceil(middle) + 9)
    slopes = slopes[(slopes >= -limit) & (slopes < limit)]
    most = 1 << (rule.value_bits - 1)
    lines = targets - slopes[:, None] * rest / 2**rule.slope_fraction_bits
    centres = np.floor((lines.max(axis=1) + lines.min(axis=1)) / 2 * 2**rule.value_fraction_bits)
    half = 1 << (rule.value_fraction_bits - 1)
    values = np.clip(centres[:, None].astype(np.int64) + half + np.arange(-3, 5), -most, most - 1)
    outputs = _rounded(rule, values[..., None], slopes[:, None, None] * rest)
    errors = np.abs(outputs - targets)
    greatest, mean = errors.max(axis=2), errors.mean(axis=2)
    best = np.unravel_index(np.argmin(np.where(greatest <= greatest.min() + 0.1, mean, np.inf)), mean.shape)
    return int(values[best]), int(slopes[best[0]])


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
    return _rounded(rule, table.values[segment], table.slopes[segment] * rest)


def _rounded(rule: PiecewiseGeluRule, values: NDArray[np.int64], rises: NDArray[np.int64]) -> NDArray[np.int64]:
    lifted = values << (rule.slope_fraction_bits - rule.value_fraction_bits)
    return np.clip((lifted + rises) >> rule.slope_fraction_bits, LEAST, GREATEST)


def real_gelu(x: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """``x * Phi(x)``."""
    return 0.5 * x * (1 + np.array([math.erf(value / math.sqrt(2)) for value in x.ravel()]).reshape(x.shape))


def gelu_output_scale(*, scale: float) -> float:
    """The step that takes the greatest GELU of an int8 of that scale to 127."""
    return float(np.abs(_real_outputs(scale)).max()) / GREATEST


def gelu_table(rule: PiecewiseGeluRule, *, scale: float, output_scale: float | None = None) -> PiecewiseTable:
    """``fit_piecewise`` of ``x * Phi(x)`` for inputs of step ``scale`` and outputs of step ``output_scale``.

    Raises
    ------
    BitmillError
        If a scale is not positive and finite, or as ``fit_piecewise``.
    """
    step = gelu_output_scale(scale=scale) if output_scale is None else as_scale(output_scale, name="output_scale")
    with np.errstate(over="ignore"):
        targets = _real_outputs(scale) / step
    return fit_piecewise(rule, targets)


def _real_outputs(scale: float) -> NDArray[np.floating[Any]]:
    greatest = sys.float_info.max / -LEAST
    if as_scale(scale) > greatest:
        raise BitmillError(f"scale must be at most {greatest:.6g}, not {scale!r}")
    return real_gelu(_INPUTS * as_scale(scale))


@GELU.register(PiecewiseGeluRule.KEY)
def _by_rule(rule: PiecewiseGeluRule, x: ArrayLike, *, scale: float, output_scale: float | None = None) -> Scaled:
    step = gelu_output_scale(scale=scale) if output_scale is None else output_scale
    return piecewise(rule, gelu_table(rule, scale=scale, output_scale=step), x), step
