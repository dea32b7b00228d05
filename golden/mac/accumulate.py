"""Dot products of codes through an accumulator, bit for bit what the generated hardware computes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config import MacConfig
from ...formats import Format
from ...system.errors import BitmillError
from ..codec import decode
from ..exact import AllPairs, Pairing, RowByRow
from ..parts import Parts, checked_codes, split
from .accumulate_exact import accumulate_exact
from .accumulate_fixed import accumulate_fixed
from .accumulate_float import accumulate_float
from .accumulate_window import accumulate_window
from .accumulated import Accumulated
from .by_pairs import Operands, Scales, accumulated
from .step_scales import step_scales

Accumulate = Callable[[MacConfig, Pairing, Parts, Parts, tuple[int, ...]], Accumulated]
"""From configuration, pairing of rows, weight and activation parts ``[rows, K]`` and result shape to sums."""

ACCUMULATORS: dict[str, Accumulate] = {
    "exact": accumulate_exact,
    "fixed": accumulate_fixed,
    "window": accumulate_window,
    "float": accumulate_float,
}
"""One implementation per ``kind`` of ``config.accumulator``."""


@dataclass(frozen=True, eq=False)
class Result:
    """Results of dot products, arrays of one shape.

    Attributes
    ----------
    value
        Exact and fixed accumulators: the signed sum in units of ``2**config.unit_exponent``, modulo
        ``2**accumulator_bits`` or saturated, and 0 where ``invalid``; int64 when ``accumulator_bits <= 63``, else Python
        integers. Float and window accumulators: codes of ``config.accumulator_format``, uint32, or uint64 when
        ``accumulator_bits > 32``.
    invalid
        Whether an operand was NaN or Inf, or a scale no number.
    too_long
        Whether the dot product took more than ``config.max_steps`` steps.
    saturated
        Whether in some step the sum was clamped, wrapped, or overflowed to infinity or the greatest number, and False where
        ``invalid``; None for a unit without ``config.saturated``.
    """

    value: NDArray[Any]
    invalid: NDArray[np.bool_]
    too_long: NDArray[np.bool_]
    saturated: NDArray[np.bool_] | None = None


def matmul(
    config: MacConfig,
    weight_codes: ArrayLike,
    activation_codes: ArrayLike,
    *,
    weight_scales: ArrayLike | None = None,
    activation_scales: ArrayLike | None = None,
) -> Result:
    """The dot product of every weight row with every activation row.

    Parameters
    ----------
    config
        Formats, lanes and accumulator.
    weight_codes, activation_codes
        Integer codes ``[M, K]`` and ``[N, K]``. A ``K`` that is no multiple of ``lanes`` is padded with zero codes.
    weight_scales, activation_scales
        Codes of ``config.scale_format``, ``[M, ceil(K / block)]`` and ``[N, ceil(K / block)]``: one for each block of
        ``config.block_size`` codes of a row. Given exactly where ``config.scale`` is not ``none``.

    Returns
    -------
    Arrays ``[M, N]``.

    Raises
    ------
    BitmillError
        If a code is out of range, a shape is not two-dimensional, the lengths differ or are 0, or scales are missing, too many
        or of another shape.
    """
    return _run(config, AllPairs(), (weight_codes, activation_codes), (weight_scales, activation_scales))


def dot(
    config: MacConfig,
    weight_codes: ArrayLike,
    activation_codes: ArrayLike,
    *,
    weight_scales: ArrayLike | None = None,
    activation_scales: ArrayLike | None = None,
) -> Result:
    """The dot product of each weight row with the activation row of the same index: ``[n, K]`` twice gives ``[n]``.

    Parameters and errors are those of ``matmul``; the numbers of rows must be equal too.
    """
    return _run(config, RowByRow(), (weight_codes, activation_codes), (weight_scales, activation_scales))


def to_float(config: MacConfig, result: Result) -> NDArray[np.float64]:
    """The results as real numbers, same shape.

    Fixed-point values are ``value * 2**config.unit_exponent`` rounded to float64 once, to nearest even, and NaN where
    ``invalid``; float values are exact.
    """
    if config.accumulator_format is not None:
        return decode(config.accumulator_format, result.value)
    real = np.ldexp(result.value.astype(np.float64), config.unit_exponent)
    return np.where(result.invalid, np.nan, real)


def _run(
    config: MacConfig,
    pairing: Pairing,
    codes: tuple[ArrayLike, ArrayLike],
    scale_codes: tuple[ArrayLike | None, ArrayLike | None],
) -> Result:
    weight = _operand(config.weight_format, codes[0], "weight_codes")
    activation = _operand(config.activation_format, codes[1], "activation_codes")
    (weight_rows, length), (activation_rows, activation_length) = weight.shape, activation.shape
    if activation_length != length:
        raise BitmillError(
            f"activation_codes must have rows of {length} codes as weight_codes has, not {activation_length}"
        )
    if isinstance(pairing, RowByRow) and weight_rows != activation_rows:
        raise BitmillError(f"activation_codes must have {weight_rows} rows as weight_codes has, not {activation_rows}")
    parts = _padded(config, weight, activation)
    scales = step_scales(config, parts, scale_codes)
    if scales is not None:
        parts = scales[0].parts, scales[1].parts
    invalid = pairing.combine(parts[0].any_special(), parts[1].any_special(), np.logical_or)
    value, saturated = accumulated(config, pairing, parts, invalid.shape, scales, partial(_accumulate, config))
    if config.accumulator.zero_when_invalid:
        value[invalid] = 0
    too_long = np.full(invalid.shape, length > config.padded_k_max)
    if saturated is not None:
        saturated &= ~invalid
    return Result(value=value, invalid=invalid, too_long=too_long, saturated=saturated)


def _accumulate(
    config: MacConfig, pairing: Pairing, operands: Operands, shape: tuple[int, ...], scales: Scales
) -> Accumulated:
    if scales is not None:
        return accumulate_float(config, pairing, *operands, shape, scales=scales)
    return ACCUMULATORS[config.accumulator.kind](config, pairing, *operands, shape)


def _operand(fmt: Format, codes: ArrayLike, name: str) -> NDArray[Any]:
    array = checked_codes(fmt, codes, name=name)
    if array.ndim != 2 or array.shape[1] == 0:
        raise BitmillError(f"{name} must have shape [rows, K] with K of at least 1, not {array.shape}")
    return array


def _padded(config: MacConfig, weight: NDArray[Any], activation: NDArray[Any]) -> tuple[Parts, Parts]:
    """Both operands filled up to whole steps with codes whose products are 0."""
    missing, idle = -weight.shape[1] % config.lanes, config.idle_codes
    if missing and idle is None:
        raise BitmillError(
            f"K must be a multiple of lanes = {config.lanes} for {config.weight} x {config.activation}, none of whose products "
            f"is 0, not {weight.shape[1]}"
        )
    first, second = (
        split(fmt, np.pad(codes, ((0, 0), (0, missing)), constant_values=code))
        for fmt, codes, code in zip(
            (config.weight_format, config.activation_format), (weight, activation), idle or (0, 0), strict=True
        )
    )
    return first, second
