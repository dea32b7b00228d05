"""How rows of the first catalog of blocks are quantized: by least squares, with a zero point, by channel, in blocks, in pairs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats import Format
from ...formats.block import Block
from ..blocks import nearest, quantize_blocks, tensor_scale_of
from ..codec import decode
from ..parts import value_table
from . import olive, scales
from .job import Job, by_rows, pieces
from .quantized import QuantizedWeights


def maxima(groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """Greatest magnitudes ``[out, groups]``."""
    return np.maximum(groups.max(axis=2, initial=0), -groups.min(axis=2, initial=0)).astype(np.float64)


def _scales_of_both_sides(fmt: Format, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The least scale with which neither the greatest nor the least number of a group is beyond the format's.

    Of formats without negative numbers, what the greatest magnitude asks for.
    """
    if fmt.min_value >= 0:
        return maxima(groups) / float(fmt.max_value)
    up = groups.max(axis=2, initial=0).astype(np.float64) / float(fmt.max_value)
    return np.maximum(up, groups.min(axis=2, initial=0).astype(np.float64) / float(fmt.min_value))


def _greatest(fmt: Format) -> float:
    return float(max(abs(fmt.max_value), abs(fmt.min_value)))


def flat(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of ``[out, groups, group]``, rows."""
    return codes.reshape(codes.shape[0], codes.shape[1] * codes.shape[2])


def least_squares_wanted(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale ``[out, groups]`` of each group, the greatest of its candidates."""
    return maxima(groups) / min(_greatest(fmt) for fmt in scheme.formats)


def least_squares(job: Job) -> QuantizedWeights:
    """Of every group's candidates the one with the least sum of squared errors (BitMoD, HPCA 2025, section III)."""
    return by_rows(job, _least_squares)


def _least_squares(
    job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None
) -> dict[str, NDArray[Any]]:
    scheme = job.scheme
    wanted = maxima(groups)[:, :, None] / np.array([_greatest(fmt) for fmt in scheme.formats])
    if channel is None:
        channel = scales.channel_scales(wanted.max(axis=2), name=job.name, saturate=job.saturate)
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
    parts = {"codes": flat(codes), "group_scales": chosen, "channel_scales": channel}
    return parts | ({"selectors": selectors} if scheme.selector_bits else {})


def divide(groups: NDArray[np.float32], scale: NDArray[np.float32]) -> NDArray[np.float32]:
    """``groups / scale``, 0 where the scale is."""
    return np.divide(groups, scale, out=np.zeros_like(groups), where=scale > 0)


def zero_point_wanted(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale ``[out, groups]`` with which a group's range, zero in it, is that of the codes."""
    low = groups.min(axis=2, initial=0).astype(np.float64)
    return (groups.max(axis=2, initial=0).astype(np.float64) - low) / ((1 << scheme.bits) - 1)


def zero_point(job: Job) -> QuantizedWeights:
    """Codes ``round(w / s) + z`` with a zero point of each group."""
    return by_rows(job, _zero_point)


def _zero_point(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    scheme = job.scheme
    top = (1 << scheme.bits) - 1
    low = groups.min(axis=2, initial=0).astype(np.float64)
    wanted = zero_point_wanted(scheme, groups)
    if channel is None:
        channel = scales.channel_scales(wanted, name=job.name, saturate=job.saturate)
    integers = scales.group_scales(wanted, channel)
    scale = (channel.astype(np.float32) / np.float32(scales.CHANNEL_STEP))[:, None] * integers
    zeros = np.clip(np.rint(divide(-low.astype(np.float32), scale)), 0, top)
    codes = np.clip(np.rint(divide(groups, scale[:, :, None])) + zeros[:, :, None], 0, top).astype(np.uint8)
    return {
        "codes": flat(codes), "group_scales": integers, "channel_scales": channel, "zero_points": zeros.astype(np.uint8)
    }  # fmt: skip


def channel_wanted(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale of the channel's numbers, of both signs."""
    return _scales_of_both_sides(scheme.formats[0], groups)


def by_channel(job: Job) -> QuantizedWeights:
    """Codes of ``w / s`` with the channel's scale alone."""
    return by_rows(job, _by_channel)


def _by_channel(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    (fmt,) = job.scheme.formats
    wanted = _scales_of_both_sides(fmt, groups)
    if channel is None:
        channel = scales.channel_scales(wanted, name=job.name, saturate=job.saturate, of_groups=False)
    return {
        "codes": flat(nearest(fmt, divide(groups, channel.astype(np.float32)[:, None, None]))),
        "channel_scales": channel,
    }


def blocks(job: Job) -> QuantizedWeights:
    """Of scales of groups alone, and of the tensor."""
    scheme = job.scheme
    tensor = tensor_scale_of(scheme, float(np.abs(job.matrix).max(initial=0))) if job.tensor is None else job.tensor
    parts = [quantize_blocks(scheme, rows, group=job.group, tensor_scale=tensor) for rows, _ in pieces(job)]
    return QuantizedWeights(
        scheme=scheme,
        group=job.group,
        codes=np.concatenate([part.codes for part in parts]),
        group_scales=np.concatenate([part.scales for part in parts]),
        tensor_scale=None if scheme.tensor is None else np.array([tensor], np.float32),
    )


def tensor_scale(scheme: Block, _shape: tuple[int, int], rows: Iterable[NDArray[np.float32]]) -> float | None:
    """The scale of a whole tensor, of which ``rows`` are all pieces; None where there is none."""
    if scheme.tensor is None:
        return None
    return tensor_scale_of(scheme, max((float(np.abs(block).max(initial=0)) for block in rows), default=0.0))


def pairs(job: Job) -> QuantizedWeights:
    """OliVe's outlier-victim pairs."""
    return by_rows(job, _pairs)


def _pairs(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    return olive.quantize(job.scheme, groups, job.name, channel=channel, saturate=job.saturate)


def pairs_wanted(scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """The scale with which a group has no outlier."""
    return maxima(groups) / float(scheme.formats[0].max_value)


def grouped(quantized: QuantizedWeights) -> NDArray[np.uint8]:
    """Codes ``[out, groups, group]``."""
    out, length = quantized.shape
    return quantized.codes.reshape(out, length // quantized.group, quantized.group)


def values_of_elements(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """Numbers of codes in scale steps ``[out, groups, group]``: of each group's own format."""
    scheme, codes = quantized.scheme, grouped(quantized)
    if quantized.selectors is None:
        return np.ldexp(decode(scheme.formats[0], codes), scheme.step_exponent)
    tables = np.stack([value_table(fmt) for fmt in scheme.formats])
    return tables[quantized.selectors[:, :, None], codes]


def values_from_zero_point(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """``code - zero point``."""
    assert quantized.zero_points is not None
    return grouped(quantized).astype(np.float64) - quantized.zero_points[:, :, None]


def values_of_pairs(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """Normal values and outliers."""
    return olive.values(quantized.scheme, grouped(quantized))
