"""Integers to a power of each channel's own: ``scale * sign(q) * (|q| / top)**p``, codes nearest to that.

NUPES (arXiv 2308.05600) searches the exponent of such a power for every layer; here each channel has one of sixteen,
``p = 1 + i / 8``, the one with the least sum of squared errors, the first of equals. The magnitudes ``(|q| / top)**p`` are
rounded to multiples of ``2**-15``, ties to even, which is what hardware would hold.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .books import nearest_entries, unit_rows
from .job import Job, by_rows
from .plain import grouped
from .quantized import QuantizedWeights

POWERS = 16
STEP = 2.0**-15


@cache
def magnitudes(top: int) -> NDArray[np.float64]:
    """``[16, top + 1]``: of each power the magnitudes of 0 to ``top``."""
    powers = 1 + np.arange(POWERS)[:, None] / 8
    return np.rint((np.arange(top + 1) / top) ** powers / STEP) * STEP


def _levels(bits: int) -> NDArray[np.float64]:
    """``[16, 2**bits - 1]``, rising, of the integers from ``-top`` on."""
    positive = magnitudes((1 << (bits - 1)) - 1)
    return np.concatenate([-positive[:, :0:-1], positive], axis=1)


def quantize(job: Job) -> QuantizedWeights:
    """Codes, powers and scales of a matrix."""
    return by_rows(job, _rows)


def _rows(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    unit, channel = unit_rows(job, groups, channel)
    top = (1 << (job.scheme.bits - 1)) - 1
    best, powers = np.zeros(unit.shape, np.uint8), np.zeros((len(unit), 1), np.uint8)
    least = np.full(len(unit), np.inf)
    for power, levels in enumerate(_levels(job.scheme.bits)):
        places = nearest_entries(np.abs(unit), levels[None, top:])
        signed = np.where(unit < 0, -places.astype(np.int16), places.astype(np.int16))
        error = np.square(unit - levels[signed + top]).sum(axis=1)
        better = error < least
        best = np.where(better[:, None], signed & ((1 << job.scheme.bits) - 1), best).astype(np.uint8)
        powers[better] = power
        least = np.where(better, error, least)
    return {"codes": best, "powers": powers, "channel_scales": channel}


def values(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """``sign(q) * (|q| / top)**p`` as ``[out, 1, K]``."""
    bits, codes = quantized.scheme.bits, grouped(quantized)
    integers = codes.astype(np.int16) - ((codes >> (bits - 1)).astype(np.int16) << bits)
    levels = _levels(bits)[quantized.extras["powers"][:, 0]]
    top = (1 << (bits - 1)) - 1
    places = np.clip(integers + top, 0, 2 * top).reshape(quantized.shape)
    return np.take_along_axis(levels, places.astype(np.intp), axis=1).reshape(codes.shape)
