"""Dual-binary weights: two planes of 0 and 1 with a scale each, ``w = s * (p[0] * bit[0] + p[1] * bit[1])``.

DB-LLM (arXiv 2402.11960, flexible dual binarization) begins with ``p[0] = -2 * p[1]`` and trains both scales. Here they are found
for each channel by least squares, in turns with the planes, from ``2 * mean`` and ``-mean`` of the magnitudes on; in units of the
channel's FP16 scale ``s``, the least that is no less than ``max |w|``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .books import unit_rows
from .job import Job, by_rows
from .plain import grouped
from .quantized import QuantizedWeights

ROUNDS = 12
_PLANES = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
"""Bits of a code, those of the first plane lowest."""


def quantize(job: Job) -> QuantizedWeights:
    """Codes of both planes, their scales and those of channels."""
    return by_rows(job, _rows)


def values(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """Sums of the planes ``[out, 1, K]`` in units of the channels' scales."""
    codes = grouped(quantized)
    planes = quantized.extras["plane_scales"].astype(np.float64)[:, :, None, None]
    return planes[:, 0] * (codes & 1) + planes[:, 1] * (codes >> 1)


def _rows(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    unit, channel = unit_rows(job, groups, channel)
    wide = unit.astype(np.float64)
    mean = np.abs(wide).mean(axis=1) if wide.shape[1] else np.zeros(len(wide))
    scales = np.stack([2 * mean, -mean], axis=1)
    for _ in range(ROUNDS):
        scales = _scales_of(wide, _nearest(wide, scales), scales)
    stored = scales.astype(np.float16)
    return {"codes": _nearest(wide, stored.astype(np.float64)), "plane_scales": stored, "channel_scales": channel}


def _nearest(unit: NDArray[np.float64], scales: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Codes ``[out, K]`` of the nearest of the four sums of ``scales [out, 2]``, the first of equals."""
    sums = scales @ _PLANES.T
    return np.abs(unit[:, :, None] - sums[:, None, :]).argmin(axis=2).astype(np.uint8)


def _scales_of(unit: NDArray[np.float64], codes: NDArray[np.uint8], before: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scales ``[out, 2]`` of least squared error for codes, by the normal equations; as before where there are none."""
    first, second = (codes & 1).astype(np.float64), (codes >> 1).astype(np.float64)
    a, b, both = first.sum(axis=1), second.sum(axis=1), (first * second).sum(axis=1)
    x, y = (unit * first).sum(axis=1), (unit * second).sum(axis=1)
    determinant = a * b - both * both
    safe = np.where(determinant > 0, determinant, 1)
    found = np.stack([(b * x - both * y) / safe, (a * y - both * x) / safe], axis=1)
    return np.where((determinant > 0)[:, None], found, before)
