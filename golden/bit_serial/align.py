"""Activations as integers under a running largest exponent, which all PEs of a row share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...bit_serial import BitSerialConfig
from ...errors import BitmillError
from ..parts import Parts, checked_codes, split


@dataclass(frozen=True, eq=False)
class Aligned:
    """Activations of rows ``[N, K]`` cut into steps of ``lanes``.

    Attributes
    ----------
    values
        int64 ``[N, steps, lanes]``: the activation in units of ``2**unit`` of its step, rounded to nearest even.
    shifts
        int64 ``[N, steps]``: by how many bits the unit of a step is above that of the step before it, 0 where a group begins.
    exponents
        int64 ``[N, groups]``: biased exponent that the last step of each group is aligned to.
    cut
        bool ``[N, steps, lanes]``: where rounding changed the value.
    invalid
        bool ``[N]``: where a row holds a NaN or an infinity, which count as zero.
    """

    values: NDArray[np.int64]
    shifts: NDArray[np.int64]
    exponents: NDArray[np.int64]
    cut: NDArray[np.bool_]
    invalid: NDArray[np.bool_]


def align(config: BitSerialConfig, activations: ArrayLike, groups: ArrayLike) -> Aligned:
    """``round(x / 2**unit)`` with the unit of the largest exponent since the group began.

    A float of ``p`` significand bits and biased exponent ``e = max(E, 1)`` is ``m * 2**(e - bias - p + 1)``. A step's
    reference ``r`` is the greatest ``e`` of its group's activations so far, 1 where all are zero; then
    ``value = round_half_even(m * 2**(window - p) / 2**(r - e))``, and the unit is ``2**(r - bias - window + 1)``.
    Integers are themselves, in units of 1, with exponent 0.

    Parameters
    ----------
    config
        The tile.
    activations
        Codes ``[N, K]`` of the tile's activation format. Steps that K does not fill are filled with zeros.
    groups
        Lengths of the groups in products, in order; each a multiple of ``lanes`` but for the last, and their sum K.

    Raises
    ------
    BitmillError
        If codes or groups are not as described.
    """
    fmt = config.activation_format
    codes = checked_codes(fmt, activations, name="activations")
    if codes.ndim != 2:
        raise BitmillError(f"activations must be a matrix [N, K], not of shape {list(codes.shape)}")
    starts = group_starts(config, groups, codes.shape[1])
    rows, length = codes.shape
    steps = -(-length // config.lanes)
    padded = np.zeros((rows, steps * config.lanes), codes.dtype)
    padded[:, :length] = codes
    parts = split(fmt, padded.reshape(rows, steps, config.lanes))
    invalid = np.any(parts.special, axis=(1, 2))
    signed = np.where(parts.negative, -parts.magnitude, parts.magnitude)
    if config.is_integer:
        nothing = np.zeros((rows, steps), np.int64)
        return Aligned(signed, nothing, np.zeros((rows, len(starts)), np.int64), np.zeros(signed.shape, bool), invalid)
    return _align_floats(config, parts, signed, starts, invalid)


def group_starts(config: BitSerialConfig, groups: ArrayLike, length: int) -> NDArray[np.int64]:
    """The step in which each group begins.

    Raises
    ------
    BitmillError
        If a group is empty, longer than the tile's, or ends within a step though it is not the last, or if the groups do
        not add up to ``length``.
    """
    sizes = np.asarray(groups)
    whole = sizes.ndim == 1 and sizes.size > 0 and sizes.dtype.kind in "ui"
    if not whole or (sizes < 1).any() or (sizes > config.group).any() or (sizes[:-1] % config.lanes).any():
        raise BitmillError(
            f"groups must be lengths of 1 to {config.group}, all but the last multiples of lanes = {config.lanes}, "
            f"not {sizes.tolist()}"
        )
    if int(sizes.sum()) != length:
        raise BitmillError(f"groups must add up to K = {length}, not {int(sizes.sum())}")
    return np.concatenate([[0], np.cumsum(sizes[:-1]) // config.lanes]).astype(np.int64)


def _align_floats(
    config: BitSerialConfig,
    parts: Parts,
    signed: NDArray[np.int64],
    starts: NDArray[np.int64],
    invalid: NDArray[np.bool_],
) -> Aligned:
    fmt = config.activation_float
    exponent = np.where(parts.special, 1, parts.exponent - fmt.min_exponent + 1)
    highest = exponent.max(axis=2)
    reference = np.empty_like(highest)
    ends = [*starts[1:], highest.shape[1]]
    for start, end in zip(starts, ends, strict=True):
        reference[:, start:end] = np.maximum.accumulate(highest[:, start:end], axis=1)
    shifts = np.diff(reference, axis=1, prepend=0)
    shifts[:, starts] = 0
    distance = reference[:, :, None] - exponent
    # Beyond window + 1 places nothing is left but less than half a unit.
    distance = np.minimum(distance, config.window + 2)
    wide = signed << (config.window - fmt.significand_bits)
    values = round_half_even(wide, distance)
    last = np.asarray(ends) - 1
    return Aligned(values, shifts, reference[:, last], values << distance != wide, invalid)


def round_half_even(values: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """``values / 2**places`` to the nearest integer, halves to the even one."""
    floor = values >> places
    rest = values - (floor << places)
    half = (np.int64(1) << places) >> 1
    up = (rest > half) | ((rest == half) & (places > 0) & (floor & 1 == 1))
    return floor + up


def round_half_up(values: NDArray[np.int64], places: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """``floor(values / 2**places + 1/2)``, which hardware has for the price of a carry; ``places`` of 62 give 0 like more."""
    places = np.minimum(places, 62)
    return (values >> places) + np.where(places > 0, values >> np.maximum(places - 1, 0) & 1, 0)
