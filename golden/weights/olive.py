"""OliVe's outlier-victim pairs: an outlier keeps its value at the cost of its neighbour (ISCA 2023).

The paper and its code leave room; this is the interpretation used here. Normal values are flint (ANT) of 4 bits, at most 16
scale steps. Weights 2i and 2i+1 of a row are a pair. A weight beyond 20 steps, halfway from 16 to the least outlier, is an
outlier: its code is that of the nearest of +-24, 32, 48, 64, 96, 128, 192 steps (``abfloat``), and its partner, the victim,
is zero and has the identifier, the code of flint's minus zero. Of two outliers in one pair the lesser magnitude is the
victim, the second of equals. The scale of a group is, of ``max|w| / 16 * 2**(-j/4)`` for j = 0 .. 14, the one with the least
sum of squared errors, the first of equals: from no outlier at all to one at the end of the range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import formats
from ...formats.block import OLIVE_IDENTIFIER, Block
from ..codec import encode
from ..parts import value_table
from . import scales

_STEPS = range(15)


def quantize(
    scheme: Block,
    groups: NDArray[np.float32],
    name: str,
    *,
    channel: NDArray[np.float16] | None = None,
    saturate: bool = False,
) -> dict[str, NDArray[Any]]:
    """Codes, group scales and channel scales of ``[out, groups, group]``."""
    (normal,) = scheme.formats
    maxima = np.abs(groups).max(axis=2, initial=0).astype(np.float64)
    largest = maxima / float(normal.max_value)
    channel = scales.channel_scales(largest, name=name, saturate=saturate) if channel is None else channel
    unit = (channel.astype(np.float32) / np.float32(scales.CHANNEL_STEP))[:, None]
    out, count, size = groups.shape
    codes = np.zeros(groups.shape, np.uint8)
    chosen = np.zeros(groups.shape[:2], np.uint8)
    least = np.full(groups.shape[:2], np.inf)
    for step in _STEPS:
        integers = scales.group_scales(largest * 2.0 ** (-step / 4), channel)
        scale = (unit * integers)[:, :, None]
        found = _pairs(scheme, np.divide(groups, scale, out=np.zeros_like(groups), where=scale > 0))
        error = np.square(groups - values(scheme, found) * scale, dtype=np.float64).sum(axis=2)
        better = error < least
        codes = np.where(better[:, :, None], found, codes)
        chosen = np.where(better, integers, chosen)
        least = np.where(better, error, least)
    return {
        "codes": codes.reshape(out, count * size),
        "group_scales": chosen,
        "channel_scales": channel,
    }


def _pairs(scheme: Block, steps: NDArray[np.float32]) -> NDArray[np.uint8]:
    normal, outlier = scheme.formats[0], formats.get(scheme.outlier or "")
    limit = (float(normal.max_value) + float(outlier.min_positive)) / 2
    magnitude = np.abs(steps)
    first, second = magnitude[..., 0::2], magnitude[..., 1::2]
    keeps_first = (first > limit) & (first >= second)
    keeps_second = (second > limit) & ~keeps_first
    codes = encode(normal, steps)
    codes[codes == OLIVE_IDENTIFIER] = 0
    least = float(outlier.min_positive)
    outliers = encode(outlier, np.copysign(np.maximum(magnitude, np.float32(least)), steps))
    victims = (keeps_second, keeps_first)
    for place, keeps in enumerate((keeps_first, keeps_second)):
        kept = np.where(keeps, outliers[..., place::2], codes[..., place::2])
        codes[..., place::2] = np.where(victims[place], OLIVE_IDENTIFIER, kept)
    return codes


def values(scheme: Block, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What codes stand for, in scale steps; pairs along the last axis."""
    result = value_table(scheme.formats[0])[codes] + 0.0
    outliers = value_table(formats.get(scheme.outlier or ""))[codes]
    identifies = codes == OLIVE_IDENTIFIER
    for place in (0, 1):
        other = identifies[..., 1 - place :: 2]
        result[..., place::2] = np.where(other, outliers[..., place::2], result[..., place::2])
    result[identifies] = 0.0
    return result
