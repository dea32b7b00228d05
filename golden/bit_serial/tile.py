"""Sums of a bit-serial tile: within groups in integers, across groups with their 8-bit scales."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.bit_serial import BitSerialConfig
from ...system.errors import BitmillError
from .align import Aligned, align, group_starts, round_half_up


@dataclass(frozen=True, eq=False)
class SerialResult:
    """Results ``[M, N]`` of M weight rows and N activation rows: ``value * 2**exponent``, to be scaled by channel.

    Attributes
    ----------
    value
        int64 ``[M, N]``.
    exponent
        int64 ``[N]``: of the unit, all that a row's PEs share. Integers: 0 less what ``drop`` adds.
    bound
        float64 ``[M, N]``: how far the result may be from the exact sum, 0 where it is exact.
    invalid
        bool ``[N]``: an activation was NaN, infinite or of an exponent above the given one.
    too_long
        Whether K had more steps of ``lanes`` than ``k_max`` has.
    """

    value: NDArray[np.int64]
    exponent: NDArray[np.int64]
    bound: NDArray[np.float64]
    invalid: NDArray[np.bool_]
    too_long: bool

    def to_float(self) -> NDArray[np.float64]:
        """The numbers, NaN where invalid; exact up to 53 bits."""
        numbers = np.ldexp(self.value.astype(np.float64), self.exponent.astype(np.int32))
        return np.where(self.invalid, np.nan, numbers)

    def exact(self, row: int, column: int) -> Fraction:
        """One number as a fraction."""
        return Fraction(int(self.value[row, column])) * Fraction(2) ** int(self.exponent[column])


def matmul(
    config: BitSerialConfig,
    weights: ArrayLike,
    activations: ArrayLike,
    *,
    scales: ArrayLike,
    groups: ArrayLike,
    exponents: ArrayLike | None = None,
) -> SerialResult:
    """``sum over groups of scale * (sum over the group of weight * activation)``, as the tile rounds it.

    Within a group, step by step, with ``a`` and ``shift`` of ``align``:
    ``acc = round_half_up(acc / 2**shift) + sum over lanes of weight * a``; exact but for the shifts. At its end
    ``p = round_half_up(acc / 2**drop)`` and ``q = p * scale``. Across groups, with ``r`` the greatest exponent of the
    groups so far, ``total = round_half_up(total / 2**(r - r_before)) + round_half_up(q / 2**(r - exponent))``.

    The error is at most, in units of each group, half of ``sum |w|`` over the activations that were cut, 1 where the sum was
    ever shifted with something to lose, and ``2**(drop - 1)`` where ``drop`` is not 0, times the scale; plus, in the last unit,
    1/2 for every group that was shifted to join and 1 if the total was.

    Parameters
    ----------
    config
        The tile; its rows and columns do not matter here.
    weights
        Integers ``[M, K]``, the weights' values in steps of their types, within ``weight_magnitude``.
    activations
        Codes ``[N, K]``.
    scales
        Integers ``[M, groups]`` of 0 to 255.
    groups, exponents
        As for ``align``.

    Raises
    ------
    BitmillError
        If an operand is not as described.
    """
    rows, factors = _checked(config, weights, scales, groups, np.asarray(activations))
    aligned = align(config, activations, groups, exponents)
    starts = group_starts(config, groups, rows.shape[1])
    steps = aligned.shifts.shape[1]
    padded = np.zeros((rows.shape[0], steps * config.lanes), np.int64)
    padded[:, : rows.shape[1]] = rows
    padded = padded.reshape(rows.shape[0], steps, config.lanes)
    total = np.zeros((rows.shape[0], aligned.shifts.shape[0]), np.int64)
    bound = np.zeros(total.shape)
    highest = np.zeros(aligned.shifts.shape[0], np.int64)
    for index, (start, end) in enumerate(zip(starts, [*starts[1:], steps], strict=True)):
        sums, error = _group(padded[:, start:end], aligned, start, end)
        if config.drop:
            lost = sums & ((1 << config.drop) - 1) != 0
            error = error + np.where(lost, 0.5, 0.0) * 2.0**config.drop
        scaled = round_half_up(sums, config.drop) * factors[:, index, None]
        error = error / 2.0**config.drop * factors[:, index, None]
        exponent = aligned.exponents[:, index]
        above = np.maximum(highest, exponent) if index else exponent
        joins, grows = above - exponent, (above - highest if index else np.zeros_like(exponent))
        bound = _halved(bound, grows, total) + _halved(error, joins, scaled)
        total = round_half_up(total, grows) + round_half_up(scaled, joins)
        highest = above
    exponents = highest + config.unit_offset
    too_long = steps > config.max_steps
    return SerialResult(total, exponents, np.ldexp(bound, exponents.astype(np.int32)), aligned.invalid, too_long)


def _halved(bound: NDArray[np.float64], places: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.float64]:
    """A bound in units ``2**places`` greater, with the error of rounding ``values`` to them."""
    kept = np.minimum(places, 62)
    lost = values & ((np.int64(1) << kept) - 1) != 0
    return np.ldexp(bound, -places.astype(np.int32)) + np.where(lost, 0.5, 0.0)


def _group(
    weights: NDArray[np.int64], aligned: Aligned, start: int, end: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sums ``[M, N]`` of one group in units of its last step, and the bound of their error."""
    values, shifts = aligned.values[:, start:end], aligned.shifts[:, start:end]
    shape = weights.shape[0], values.shape[0]
    sums, bound = np.zeros(shape, np.int64), np.zeros(shape)
    for step in range(end - start):
        shift = shifts[:, step]
        if shift.any():
            bound = _halved(bound, shift, sums)
            sums = round_half_up(sums, shift)
        sums = sums + exact_product(weights[:, step], values[:, step])
        cut = aligned.cut[:, start + step]
        if cut.any():
            bound = bound + exact_product(np.abs(weights[:, step]), cut.astype(np.int64)) / 2
    return sums, bound


def exact_product(weights: NDArray[np.int64], values: NDArray[np.int64]) -> NDArray[np.int64]:
    """``weights @ values.T`` in float64, which holds a step's sums exactly: below ``2**(7 + 32 + 5)``."""
    return (weights.astype(np.float64) @ values.T.astype(np.float64)).astype(np.int64)


def _checked(
    config: BitSerialConfig, weights: ArrayLike, scales: ArrayLike, groups: ArrayLike, activations: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rows, factors, count = np.asarray(weights), np.asarray(scales), np.asarray(groups).size
    if rows.ndim != 2 or rows.dtype.kind not in "ui":
        raise BitmillError(f"weights must be integers [M, K], not {rows.dtype} of shape {list(rows.shape)}")
    if activations.ndim == 2 and activations.shape[1] != rows.shape[1]:
        raise BitmillError(f"activations must have K = {rows.shape[1]} as the weights have, not {activations.shape[1]}")
    if rows.size and int(np.abs(rows).max()) > config.weight_magnitude:
        raise BitmillError(f"weights must be within +-{config.weight_magnitude}, not {int(np.abs(rows).max())}")
    if factors.shape != (rows.shape[0], count) or factors.dtype.kind not in "ui":
        raise BitmillError(
            f"scales must be integers of shape {[rows.shape[0], count]}, not {factors.dtype} of {list(factors.shape)}"
        )
    if factors.size and not 0 <= int(factors.min()) <= int(factors.max()) <= 255:
        raise BitmillError(f"scales must be 0 to 255, not {int(factors.min())} to {int(factors.max())}")
    return rows.astype(np.int64), factors.astype(np.int64)
