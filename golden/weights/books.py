"""Non-uniform numbers of each channel's own: 2**bits FP16 numbers per channel, by one-dimensional k-means.

KVQuant (arXiv 2401.18079) has such per-channel tables, weighted by sensitivity and with outliers apart; here every weight counts
the same and none is apart. Numbers are in units of the channel's FP16 scale, the least that is no less than ``max|w|``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from . import scales
from .job import Job, by_rows
from .plain import divide, flat, grouped, maxima
from .quantized import QuantizedWeights

ROUNDS = 24
"""Of k-means (Lloyd), from the middles between quantiles and numbers as far from each other."""


def wanted(_scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """Greatest magnitudes: numbers of books are within 1."""
    return maxima(groups)


def quantize(job: Job) -> QuantizedWeights:
    """Codes, books and scales of a matrix."""
    return by_rows(job, _rows)


def unit_rows(
    job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None
) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """``w / s`` as ``[out, K]``, and the scales ``s`` of channels."""
    if channel is None:
        channel = scales.channel_scales(maxima(groups), name=job.name, saturate=job.saturate, of_groups=False)
    unit = divide(groups, channel.astype(np.float32)[:, None, None])
    return unit.reshape(unit.shape[0], unit.shape[1] * unit.shape[2]), channel


def _rows(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    unit, channel = unit_rows(job, groups, channel)
    books = channel_books(unit, job.scheme.books)
    codes = nearest_entries(unit, books.astype(np.float32))
    return {"codes": codes, "books": books, "channel_scales": channel}


def channel_books(unit: NDArray[np.float32], entries: int) -> NDArray[np.float16]:
    """Rising FP16 numbers ``[out, entries]`` of least squared error for each row ``[out, K]``, as k-means finds them."""
    places = (np.arange(entries) + 0.5) / entries
    if not len(unit):
        return np.zeros((0, entries), np.float16)
    low, high = unit.min(axis=1).astype(np.float64), unit.max(axis=1).astype(np.float64)
    even = low[:, None] + places * (high - low)[:, None]
    books = (np.quantile(unit.astype(np.float64), places, axis=1).T + even) / 2
    for _ in range(ROUNDS):
        codes = nearest_entries(unit, books)
        for entry in range(entries):
            chosen = codes == entry
            count = chosen.sum(axis=1)
            mean = np.where(chosen, unit, 0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
            books[:, entry] = np.where(count > 0, mean, books[:, entry])
    return books.astype(np.float16)


def nearest_entries(unit: NDArray[np.float32], books: NDArray[Any]) -> NDArray[np.uint8]:
    """Places in rising books ``[out, entries]`` of the nearest numbers, the lower one of two as near."""
    codes = np.zeros(unit.shape, np.uint8)
    for low, high in zip(books.T[:-1].astype(np.float64), books.T[1:].astype(np.float64), strict=True):
        codes += unit > ((low + high) / 2)[:, None]
    return codes


def values(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """Numbers of the channels' books ``[out, 1, K]``."""
    codes = grouped(quantized)
    books = quantized.extras["books"].astype(np.float64)
    found = np.take_along_axis(books, flat(codes).astype(np.intp), axis=1)
    return found.reshape(codes.shape)
