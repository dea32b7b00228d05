"""Scales: what a real tensor is divided by before it is encoded, stated with their granularity and rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats import Format
from ..system.errors import BitmillError
from .codec import decode, encode
from .grid import STOCHASTIC, Rounding
from .parts import as_format

Granularity = Literal["tensor", "channel", "token", "group"]
"""One scale per tensor, per row (weights are ``[channel, K]``, activations ``[token, K]``), or per group of a row."""
Rule = Literal["maximum", "least-squares"]

SEARCHED_FRACTIONS: NDArray[np.float64] = 2.0 ** (np.concatenate([np.arange(0, -49, -1), np.arange(1, 16)]) / 16)
"""Least squares tries these multiples of the maximum scale: 1 first, then 1/8 to 2 in sixteenths of an octave. Those
above 1 help formats whose values are not evenly spaced."""
_CHUNK = 1 << 18


@dataclass(frozen=True, eq=False)
class Scales:
    """One positive scale per slice of a tensor: ``x`` is about ``scale * decode(codes)``.

    Attributes
    ----------
    values
        float64, one per slice: shape ``[]`` for a tensor, the tensor's shape without its reduction axis for rows, and
        ``[..., K / group]`` (reduction axis last) for groups.
    granularity, group, axis
        How the slices were cut; ``axis`` is the reduction axis and ``group`` the size along it.
    """

    values: NDArray[np.float64]
    granularity: Granularity
    axis: int = -1
    group: int | None = None

    def over(self, shape: tuple[int, ...], *, name: str = "x") -> NDArray[np.float64]:
        """The scales as an array that broadcasts against a tensor of ``shape``.

        Raises
        ------
        BitmillError
            If the shape is not one that these scales were cut for.
        """
        if self.granularity == "tensor":
            return self.values
        axis = _axis_of(shape, self.axis, name)
        rows, length = shape[:axis] + shape[axis + 1 :], shape[axis]
        wanted = rows
        if self.granularity == "group":
            wanted = (*rows, _groups(length, self.group, name))
        if self.values.shape != wanted:
            raise BitmillError(f"scale must have shape {wanted} for {name} of shape {shape}, not {self.values.shape}")
        if self.granularity != "group":
            return np.expand_dims(self.values, axis)
        return np.moveaxis(np.repeat(self.values, int(self.group or 1), axis=-1), -1, axis)


def choose_scale(
    fmt: Format | str,
    x: ArrayLike,
    *,
    granularity: Granularity = "tensor",
    rule: Rule = "maximum",
    group: int | None = None,
    axis: int = -1,
    rounding: Rounding = "nearest-even",
    name: str = "x",
) -> Scales:
    """The scales of a tensor.

    ``maximum``: ``max|x| / max`` of each slice, where ``max`` is the format's greatest value, so that nothing saturates
    but the code below ``-max`` of two's complement stays unused. ``least-squares``: of ``SEARCHED_FRACTIONS`` times
    that scale, the one with the least sum of squared errors of the slice; among equals the first in that list.
    A slice of zeros has scale 1.

    Parameters
    ----------
    fmt
        A format with positive and, where ``x`` has them, negative values.
    x
        Real tensor, any floating dtype.
    granularity
        ``tensor``; ``channel`` or ``token``: all but ``axis`` (the same thing, named for weights and activations);
        ``group``: ``group`` neighbours along ``axis``.
    rule
        ``maximum`` or ``least-squares``.
    group
        Size of a group, for granularity ``group`` alone.
    axis
        The reduction axis.
    rounding
        What ``quantize`` will use; the search tries the same, or nearest-even for stochastic rounding.
    name
        What to call the tensor in errors.

    Raises
    ------
    BitmillError
        If ``x`` holds NaN or Inf, the group does not divide the axis, or an argument is not one of those listed.
    """
    fmt = as_format(fmt)
    if granularity not in get_args(Granularity):
        raise BitmillError(f"granularity must be one of {', '.join(get_args(Granularity))}, not {granularity!r}")
    if rule not in get_args(Rule):
        raise BitmillError(f"rule must be one of {', '.join(get_args(Rule))}, not {rule!r}")
    if (granularity == "group") != (group is not None):
        raise BitmillError(f"group must be a size for granularity 'group' and None for others, not {group!r}")
    if fmt.max_value <= 0:
        raise BitmillError(f"format must have a positive value to be scaled to, not {fmt.name!r}")
    slices, kept_shape = _cut(_finite(x, name), granularity, group, axis, name)
    scales = _slice_maxima(slices) / float(fmt.max_value)
    scales[scales == 0] = 1.0
    # Below the least normal float64 the quotient x / scale would lose the bits that decide.
    scales = np.maximum(scales, np.finfo(np.float64).tiny)
    if rule == "least-squares":
        searched: Rounding = "nearest-even" if rounding == STOCHASTIC else rounding
        per_chunk = max(1, _CHUNK // max(slices.shape[1], 1))
        for start in range(0, slices.shape[0], per_chunk):
            chunk = slice(start, start + per_chunk)
            scales[chunk] = _least_squares(fmt, slices[chunk], scales[chunk], searched)
    return Scales(scales.reshape(kept_shape), granularity, axis, group)


def quantize(
    fmt: Format | str,
    x: ArrayLike,
    scale: Scales,
    *,
    rounding: Rounding = "nearest-even",
    seed: int | None = None,
    name: str = "x",
) -> NDArray[Any]:
    """The codes of ``x / scale``, saturating; the quotient is taken in float64, ``seed`` is that of stochastic rounding.

    Raises
    ------
    BitmillError
        If ``x`` holds NaN or Inf, or its shape is not one that the scales were cut for.
    """
    tensor = _finite(x, name)
    return encode(fmt, tensor / scale.over(tensor.shape, name=name), rounding=rounding, seed=seed)


def dequantize(fmt: Format | str, codes: ArrayLike, scale: Scales) -> NDArray[np.float64]:
    """``scale * decode(codes)`` in float64.

    Raises
    ------
    BitmillError
        If the shape of the codes is not one that the scales were cut for.
    """
    values = decode(fmt, codes)
    return values * scale.over(values.shape, name="codes")


def _finite(x: ArrayLike, name: str) -> NDArray[np.float64]:
    tensor = np.asarray(x).astype(np.float64)
    nans, infs = int(np.count_nonzero(np.isnan(tensor))), int(np.count_nonzero(np.isinf(tensor)))
    if nans or infs:
        raise BitmillError(f"{name} must be finite, not {nans} NaN and {infs} Inf among {tensor.size} values")
    return tensor


def _axis_of(shape: tuple[int, ...], axis: int, name: str) -> int:
    if not -len(shape) <= axis < len(shape):
        raise BitmillError(f"axis must be an axis of {name} of shape {shape}, not {axis!r}")
    return axis % len(shape)


def _groups(length: int, group: int | None, name: str) -> int:
    if not group or group < 1 or length % group:
        raise BitmillError(f"group must divide the {length} values of {name} along its reduction axis, not {group!r}")
    return length // group


def _cut(
    x: NDArray[np.float64], granularity: Granularity, group: int | None, axis: int, name: str
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """The slices as rows of a matrix, and the shape of one scale per slice."""
    if granularity == "tensor":
        return x.reshape(1, -1), ()
    rows = np.moveaxis(x, _axis_of(x.shape, axis, name), -1)
    if granularity != "group":
        return rows.reshape(-1, rows.shape[-1]), rows.shape[:-1]
    shape = (*rows.shape[:-1], _groups(rows.shape[-1], group, name))
    return rows.reshape(-1, int(group or 1)), shape


def _slice_maxima(slices: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(slices).max(axis=1, initial=0.0)


def _least_squares(
    fmt: Format, slices: NDArray[np.float64], largest: NDArray[np.float64], rounding: Rounding
) -> NDArray[np.float64]:
    best, least = largest, np.full(largest.shape, np.inf)
    zero = _slice_maxima(slices) == 0
    for fraction in SEARCHED_FRACTIONS:
        scales = np.where(zero, largest, largest * fraction)
        # Quotients in float32 make encoding many times faster; the error is that of the codes they give.
        with np.errstate(over="ignore"):
            codes = encode(fmt, (slices / scales[:, None]).astype(np.float32), rounding=rounding)
            approximation = decode(fmt, codes) * scales[:, None]
        error = np.square(slices - approximation).sum(axis=1)
        best, least = np.where(error < least, scales, best), np.minimum(error, least)
    return best
