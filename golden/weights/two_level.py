"""Two levels of integers: groups of INT4 with an integer scale and zero point become INT8, and channels of INT8 an FP16 scale.

``w = s0 * (q4 - z) * s1`` as in QServe (arXiv 2405.04532, section 4.1) and DGQ (arXiv 2310.04836), so that products with INT8
activations are products of INT8. First ``q8 = round(w / s0)`` with ``s0`` the least FP16 number that is no less than
``max|w| / 119``; then for each group, its range ``lo .. hi`` taken with zero in it, ``s1 = max(round((hi - lo) / 15), 1)``,
``z = round(-lo / s1)`` and ``q4 = round(q8 / s1) + z``, clipped to 0 .. 15. Within the protective range -119 .. 119 no
``(q4 - z) * s1`` is beyond INT8: with ``s1`` at most 16 it is at most 8 from ``q8``, or is clipped towards zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from ...system.errors import BitmillError
from . import scales
from .job import Job, by_rows
from .plain import divide, flat, grouped, maxima
from .quantized import QuantizedWeights

PROTECTED = 119
"""Greatest magnitude of the first level."""
_TOP = 15


def wanted(_scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """What brings a group's numbers into the protective range."""
    return maxima(groups) / PROTECTED


def quantize(job: Job) -> QuantizedWeights:
    """Codes, integer scales, zero points and channels' scales of a matrix."""
    return by_rows(job, _rows)


def _rows(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    if channel is None:
        channel = scales.channel_scales(
            wanted(job.scheme, groups), name=job.name, saturate=job.saturate, of_groups=False
        )
    first = np.rint(divide(groups, channel.astype(np.float32)[:, None, None]))
    codes, steps, zeros = second_level(np.clip(first, -PROTECTED, PROTECTED).astype(np.int64))
    return {"codes": flat(codes), "group_scales": steps, "zero_points": zeros, "channel_scales": channel}


def second_level(first: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Codes ``[..., group]``, scales ``[...]`` and zero points ``[...]`` of integers within the protective range."""
    low, high = first.min(axis=-1, initial=0), first.max(axis=-1, initial=0)
    steps = np.maximum(np.rint((high - low) / _TOP), 1).astype(np.int64)
    zeros = np.clip(np.rint(-low / steps), 0, _TOP).astype(np.int64)
    codes = np.clip(np.rint(first / steps[..., None]).astype(np.int64) + zeros[..., None], 0, _TOP)
    return codes.astype(np.uint8), steps.astype(np.uint8), zeros.astype(np.uint8)


def values(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """``q4 - z`` as ``[out, groups, group]``."""
    zeros = quantized.zero_points
    assert zeros is not None
    return grouped(quantized).astype(np.float64) - zeros[:, :, None]


def int8_weights(quantized: QuantizedWeights) -> NDArray[np.int8]:
    """What INT8 hardware multiplies: ``(q4 - z) * s1`` as ``[out, K]``.

    Raises
    ------
    BitmillError
        If a number is beyond INT8, as may be of codes that were not quantized here.
    """
    steps = quantized.group_scales
    if steps is None or quantized.zero_points is None:
        raise BitmillError(f"scheme must be one of two levels, such as two-level4, not {quantized.scheme.name!r}")
    found = values(quantized).astype(np.int64) * steps.astype(np.int64)[:, :, None]
    if found.size and not (found.min() >= -128 and found.max() <= 127):
        raise BitmillError(f"weights of the first level must be within -128 .. 127, not {found.min()} .. {found.max()}")
    return found.astype(np.int8).reshape(quantized.shape)
