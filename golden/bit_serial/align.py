"""Activations as integers under a running largest exponent, which all PEs of a row share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.bit_serial import BitSerialConfig
from ...system.errors import BitmillError
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
        bool ``[N]``: where a row holds a NaN, an infinity or an exponent above the given one; these count as zero.
    """

    values: NDArray[np.int64]
    shifts: NDArray[np.int64]
    exponents: NDArray[np.int64]
    cut: NDArray[np.bool_]
    invalid: NDArray[np.bool_]


def align(
    config: BitSerialConfig, activations: ArrayLike, groups: ArrayLike, exponents: ArrayLike | None = None
) -> Aligned:
    """``round(x / 2**unit)`` with the unit of the largest exponent since the group began.

    A float of ``p`` significand bits and biased exponent ``e = max(E, 1)`` is ``m * 2**(e - bias - p + 1)``. A step's
    reference ``r`` is the greatest ``e`` of its group's activations so far, 1 where all are zero; then
    ``value = round_half_even(m * 2**(window - p) / 2**(r - e))``, and the unit is ``2**(r - bias - window + 1)``.
    Where exponents are given, ``r`` is the group's, and an activation of a greater exponent counts as zero and is invalid;
    zeros and subnormals have exponent 1, so that a given 0 makes any group invalid.
    Integers are themselves, in units of 1, with exponent 0.

    Parameters
    ----------
    config
        The tile.
    activations
        Codes ``[N, K]`` of the tile's activation format. Steps that K does not fill are filled with zeros.
    groups
        Lengths of the groups in products, in order; each a multiple of ``lanes`` but for the last, and their sum K.
    exponents
        Biased exponents ``[N, groups]`` for a tile that they are given to; ``group_exponents`` if left out.

    Raises
    ------
    BitmillError
        If codes, groups or exponents are not as described.
    """
    fmt = config.activation_format
    codes = _checked_matrix(config, activations)
    starts = group_starts(config, groups, codes.shape[1])
    given = _given(config, codes, groups, exponents)
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
    return _align_floats(config, parts, signed, starts, invalid, given)


def group_exponents(config: BitSerialConfig, activations: ArrayLike, groups: ArrayLike) -> NDArray[np.int64]:
    """The greatest biased exponent ``[N, groups]`` of every group of floats, at least 1; NaN and infinities do not count.

    Raises
    ------
    BitmillError
        As ``align``, and for integers, which have none.
    """
    if config.is_integer:
        raise BitmillError(f"activations must be floats to have exponents, not {config.activation}")
    codes = _checked_matrix(config, activations)
    starts = group_starts(config, groups, codes.shape[1]) * config.lanes
    return np.maximum.reduceat(_biased(config, split(config.activation_format, codes)), starts, axis=1)


def _checked_matrix(config: BitSerialConfig, activations: ArrayLike) -> NDArray[np.integer]:
    codes = checked_codes(config.activation_format, activations, name="activations")
    if codes.ndim != 2:
        raise BitmillError(f"activations must be a matrix [N, K], not of shape {list(codes.shape)}")
    return codes


def _given(
    config: BitSerialConfig, codes: NDArray[np.integer], groups: ArrayLike, exponents: ArrayLike | None
) -> NDArray[np.int64] | None:
    if exponents is None:
        return group_exponents(config, codes, groups) if config.exponents_given else None
    found, shape = np.asarray(exponents), (codes.shape[0], np.asarray(groups).size)
    if not config.exponents_given:
        raise BitmillError("exponents must be left out for a tile with group_exponent = 'running'")
    top = (1 << config.activation_float.exponent_bits) - 1
    if found.shape != shape or found.dtype.kind not in "ui" or (found < 0).any() or (found > top).any():
        raise BitmillError(
            f"exponents must be integers of 0 to {top} and shape {list(shape)}, not {found.dtype} of {list(found.shape)}"
        )
    return found.astype(np.int64)


def _biased(config: BitSerialConfig, parts: Parts) -> NDArray[np.int64]:
    return np.where(parts.special, 1, parts.exponent - config.activation_float.min_exponent + 1)


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
    given: NDArray[np.int64] | None,
) -> Aligned:
    fmt = config.activation_float
    exponent = _biased(config, parts)
    highest = exponent.max(axis=2)
    reference = np.empty_like(highest)
    ends = [*starts[1:], highest.shape[1]]
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if given is None:
            reference[:, start:end] = np.maximum.accumulate(highest[:, start:end], axis=1)
        else:
            reference[:, start:end] = given[:, index, None]
    shifts = np.diff(reference, axis=1, prepend=0)
    shifts[:, starts] = 0
    distance = reference[:, :, None] - exponent
    if given is not None:
        above = distance < 0
        invalid |= above.any(axis=(1, 2))
        signed = np.where(above, 0, signed)
        distance = np.maximum(distance, 0)
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
    """``floor(values / 2**places + 1/2)``, which hardware has for the price of a carry.

    Of values below ``2**62``, the widest that a tile or PE has, 63 places leave 0 as more do.
    """
    places = np.minimum(places, 63)
    return (values >> places) + np.where(places > 0, values >> np.maximum(places - 1, 0) & 1, 0)
