"""Real weights to codes and scales, scheme by scheme, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats import Format
from ...formats.block import Block, get_block
from ...system.errors import BitmillError
from ..blocks import nearest, quantize_blocks, tensor_scale_of
from ..codec import decode
from ..parts import value_table
from . import olive, scales
from .quantized import QuantizedWeights

_Channel = NDArray[np.float16] | None

_CHUNK = 1 << 20
"""Weights at a time: the arrays in between stay in cache."""


def quantize_weights(
    scheme: Block | str,
    weights: ArrayLike,
    *,
    group: int | None = None,
    name: str = "weights",
    saturate: bool = False,
    channel: NDArray[np.float16] | None = None,
    tensor: float | None = None,
) -> QuantizedWeights:
    """Quantize a weight matrix in groups along its last axis.

    Every element format of the scheme is tried on every group, with the scale ``s = max|w| / max|values|`` as the 8-bit
    integer and the channel's FP16 number give it; codes are those nearest to ``float32(w) / float32(s)``; the format with the
    least sum of squared errors is kept, the first of equals. (BitMoD, HPCA 2025, section III.) Otherwise:

    - zero point: ``s = (max(w, 0) - min(w, 0)) / (2**bits - 1)``, ``z = round(-min(w, 0) / s)``,
      codes ``round(w / s) + z``, all clipped to ``0 .. 2**bits - 1``;
    - scales of groups alone, powers of two and E4M3 under a tensor's scale: see ``golden.blocks.quantize_blocks``;
    - no scales of groups: the channel's is the least FP16 number that is no less than ``max|w| / max|values|``;
    - outliers: see ``olive``.

    A group of zeros has codes 0 and, where they are integers, scale 0; a channel of zeros has scale 0. Both are exact.

    Parameters
    ----------
    scheme
        A scheme or its name.
    weights
        ``[out, K]``, any floating dtype; taken as float32.
    group
        Weights per group, the scheme's own if left out; any divisor of K; a whole row where the scheme has no scales of groups.
    name
        What to call the weights in errors.
    saturate
        Clip weights whose scale would overflow FP16, instead of refusing them; ``losses`` counts them.
    channel
        float16 ``[out]``: scales of the output channels, where ``weights`` are a piece of longer rows.
    tensor
        The scale of the whole tensor, where ``weights`` are a piece of it.

    Raises
    ------
    BitmillError
        If the weights are not a matrix, hold NaN or Inf, the group does not divide K, or scales overflow and must not.
    """
    scheme = get_block(scheme) if isinstance(scheme, str) else scheme
    matrix = checked_weights(weights, name)
    length = matrix.shape[1]
    check_row_scales(scheme, group if group != length else None)
    size = scheme.group_of(length) if group is None else group
    if size < 1 or length % size or (scheme.outlier and size % 2):
        even = "even and " if scheme.outlier else ""
        raise BitmillError(f"group must be {even}a divisor of the {length} weights of a row of {name}, not {size!r}")
    if scheme.channel is None:
        return _blocks(scheme, matrix, size, tensor)
    rows = max(1, _CHUNK // max(length, 1))
    parts = []
    for start in range(0, len(matrix) or 1, rows):
        block = slice(start, start + rows)
        parts.append(_rows(scheme, matrix[block], size, name, saturate, None if channel is None else channel[block]))
    joined = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    return QuantizedWeights(scheme=scheme, group=size, **joined)


def check_row_scales(scheme: Block, group: int | None) -> None:
    """Refuse a size of groups for a scheme that has no scales of groups.

    Raises
    ------
    BitmillError
        If it is given.
    """
    if group is not None and scheme.group is None:
        raise BitmillError(f"group must be left out for scheme {scheme.name}, which has a scale per row, not {group!r}")


def checked_weights(weights: ArrayLike, name: str) -> NDArray[np.float32]:
    """A finite matrix as float32.

    Raises
    ------
    BitmillError
        If it is no matrix of floating-point numbers, holds NaN or Inf, or has rows that vanish in float32.
    """
    array = np.asarray(weights)
    if array.dtype.kind != "f" and array.dtype.name != "bfloat16":
        raise BitmillError(f"{name} must be floating-point numbers, not {array.dtype}")
    if array.ndim != 2:
        raise BitmillError(f"{name} must be a matrix [out, K], not of shape {list(array.shape)}")
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    if not np.isfinite(narrow).all():
        nans = int(np.count_nonzero(np.isnan(narrow)))
        infs = int(np.count_nonzero(np.isinf(narrow)))
        raise BitmillError(f"{name} must be finite in float32, not {nans} NaN and {infs} Inf among {array.size} values")
    refuse_vanished(name, vanished(array, narrow), len(array))
    return narrow


def vanished(wide: NDArray[Any], narrow: NDArray[np.float32]) -> int:
    """Rows that are not of zeros, and are in float32."""
    if wide.dtype.itemsize <= narrow.dtype.itemsize:
        return 0
    return int(np.count_nonzero(np.any(wide != 0, axis=1) & ~np.any(narrow != 0, axis=1)))


def refuse_vanished(name: str, rows: int, among: int) -> None:
    """Refuse weights of which float32 keeps nothing in some rows.

    Raises
    ------
    BitmillError
        If there are such rows.
    """
    if rows:
        raise BitmillError(f"{name} must not vanish in float32, not {rows} of {among} rows that are too small for it")


def _rows(
    scheme: Block, matrix: NDArray[np.float32], group: int, name: str, saturate: bool, channel: _Channel
) -> dict[str, NDArray[Any]]:
    groups = matrix.reshape(matrix.shape[0], matrix.shape[1] // group, group)
    if scheme.scale is None:
        return _by_channel(scheme, groups, name, saturate, channel)
    if scheme.zero_point:
        return _zero_point(scheme, groups, name, saturate, channel)
    if scheme.outlier:
        return olive.quantize(scheme, groups, name, channel=channel, saturate=saturate)
    return _least_squares(scheme, groups, name, saturate, channel)


def _maxima(groups: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.maximum(groups.max(axis=2, initial=0), -groups.min(axis=2, initial=0)).astype(np.float64)


def greatest_scales(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale ``[out, groups]`` that each group of ``[out, groups, group]`` wants, the greatest of its candidates.

    For schemes with scales of channels.
    """
    if scheme.zero_point:
        low = groups.min(axis=2, initial=0).astype(np.float64)
        return (groups.max(axis=2, initial=0).astype(np.float64) - low) / ((1 << scheme.bits) - 1)
    if scheme.outlier:
        return _maxima(groups) / float(scheme.formats[0].max_value)
    if scheme.scale is None:
        return _scales_of_both_sides(scheme.formats[0], groups)
    return _maxima(groups) / min(_greatest(fmt) for fmt in scheme.formats)


def _scales_of_both_sides(fmt: Format, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The least scale with which neither the greatest nor the least number of a group is beyond the format's.

    Of formats without negative numbers, what the greatest magnitude asks for.
    """
    if fmt.min_value >= 0:
        return _maxima(groups) / float(fmt.max_value)
    up = groups.max(axis=2, initial=0).astype(np.float64) / float(fmt.max_value)
    return np.maximum(up, groups.min(axis=2, initial=0).astype(np.float64) / float(fmt.min_value))


def _greatest(fmt: Format) -> float:
    return float(max(abs(fmt.max_value), abs(fmt.min_value)))


def _flat(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return codes.reshape(codes.shape[0], codes.shape[1] * codes.shape[2])


def _least_squares(
    scheme: Block, groups: NDArray[np.float32], name: str, saturate: bool, channel: _Channel
) -> dict[str, NDArray[Any]]:
    wanted = _maxima(groups)[:, :, None] / np.array([_greatest(fmt) for fmt in scheme.formats])
    if channel is None:
        channel = scales.channel_scales(wanted.max(axis=2), name=name, saturate=saturate)
    integers = scales.group_scales(wanted, channel)
    unit = (channel.astype(np.float32) / np.float32(scales.CHANNEL_STEP))[:, None]
    codes = np.zeros(groups.shape, np.uint8)
    selectors = np.zeros(groups.shape[:2], np.uint8)
    least = np.full(groups.shape[:2], np.inf)
    for index, fmt in enumerate(scheme.formats):
        scale = (unit * integers[:, :, index])[:, :, None]
        found = nearest(fmt, divide(groups, scale))
        error = np.square(groups - value_table(fmt).astype(np.float32)[found] * scale, dtype=np.float64).sum(axis=2)
        better = error < least
        codes = np.where(better[:, :, None], found, codes)
        selectors[better] = index
        least = np.where(better, error, least)
    chosen = np.take_along_axis(integers, selectors[:, :, None].astype(np.intp), axis=2)[:, :, 0]
    parts = {"codes": _flat(codes), "group_scales": chosen, "channel_scales": channel}
    return parts | ({"selectors": selectors} if scheme.selector_bits else {})


def divide(groups: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """``groups / scale``, 0 where the scale is."""
    return np.divide(groups, scale, out=np.zeros_like(groups), where=scale > 0)


def _zero_point(
    scheme: Block, groups: NDArray[np.float32], name: str, saturate: bool, channel: _Channel
) -> dict[str, NDArray[Any]]:
    top = (1 << scheme.bits) - 1
    low = groups.min(axis=2, initial=0).astype(np.float64)
    wanted = greatest_scales(scheme, groups)
    if channel is None:
        channel = scales.channel_scales(wanted, name=name, saturate=saturate)
    integers = scales.group_scales(wanted, channel)
    scale = (channel.astype(np.float32) / np.float32(scales.CHANNEL_STEP))[:, None] * integers
    zeros = np.clip(np.rint(divide(-low.astype(np.float32), scale)), 0, top)
    codes = np.clip(np.rint(divide(groups, scale[:, :, None])) + zeros[:, :, None], 0, top).astype(np.uint8)
    return {
        "codes": _flat(codes), "group_scales": integers, "channel_scales": channel, "zero_points": zeros.astype(np.uint8)
    }  # fmt: skip


def _by_channel(
    scheme: Block, groups: NDArray[np.float32], name: str, saturate: bool, channel: _Channel
) -> dict[str, NDArray[Any]]:
    """Codes of ``w / s`` with the channel's scale alone."""
    (fmt,) = scheme.formats
    wanted = _scales_of_both_sides(fmt, groups)
    if channel is None:
        channel = scales.channel_scales(wanted, name=name, saturate=saturate, of_groups=False)
    return {
        "codes": _flat(nearest(fmt, divide(groups, channel.astype(np.float32)[:, None, None]))),
        "channel_scales": channel,
    }


def _blocks(scheme: Block, matrix: NDArray[np.float32], group: int, tensor: float | None) -> QuantizedWeights:
    """Of scales of groups alone, and of the tensor."""
    if tensor is None:
        tensor = tensor_scale_of(scheme, float(np.abs(matrix).max(initial=0)))
    rows = max(1, _CHUNK // max(matrix.shape[1], 1))
    parts = [
        quantize_blocks(scheme, matrix[start : start + rows], group=group, tensor_scale=tensor)
        for start in range(0, len(matrix) or 1, rows)
    ]
    return QuantizedWeights(
        scheme=scheme,
        group=group,
        codes=np.concatenate([part.codes for part in parts]),
        group_scales=np.concatenate([part.scales for part in parts]),
        tensor_scale=None if scheme.tensor is None else np.array([tensor], np.float32),
    )


def integer_steps(quantized: QuantizedWeights) -> NDArray[np.int64]:
    """The weights ``[out, K]`` in steps of their types, whole numbers, before any scale; for types on a grid of integers.

    Codes that integers reserve, which do not occur, are 0.
    """
    scheme, (out, length) = quantized.scheme, quantized.shape
    shape = (out, length // quantized.group)
    selectors = np.zeros(shape, np.uint8) if quantized.selectors is None else quantized.selectors
    tables = np.nan_to_num(np.stack([value_table(fmt) for fmt in scheme.formats])).astype(np.int64)
    return tables[selectors[:, :, None], quantized.codes.reshape(*shape, quantized.group)].reshape(out, length)


def dequantize(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """The weights that the codes stand for: ``scale * (value of the code)`` or ``scale * (code - zero point)``.

    Returns
    -------
    float64 ``[out, K]``, exact for integer scales.
    """
    scheme = quantized.scheme
    out, length = quantized.shape
    groups = quantized.codes.reshape(out, length // quantized.group, quantized.group)
    if scheme.zero_point and quantized.zero_points is not None:
        values = groups.astype(np.float64) - quantized.zero_points[:, :, None]
    elif scheme.outlier:
        values = olive.values(scheme, groups)
    elif quantized.selectors is not None:
        tables = np.stack([value_table(fmt) for fmt in scheme.formats])
        values = tables[quantized.selectors[:, :, None], groups]
    else:
        values = np.ldexp(decode(scheme.formats[0], groups), scheme.step_exponent)
    return (values * quantized.scales[:, :, None]).reshape(quantized.shape)
