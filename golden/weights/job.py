"""A matrix that is to be quantized, and what every method of quantizing shares: rows a chunk at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from .quantized import QuantizedWeights

_CHUNK = 1 << 20
"""Weights at a time: the arrays in between stay in cache."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Job:
    """What ``quantize_weights`` was given, checked.

    Attributes
    ----------
    scheme
        How.
    matrix
        float32 ``[out, K]``, finite.
    group
        Weights per group; divides K.
    name
        What to call the weights in errors.
    saturate
        Clip what the scales cannot say, instead of refusing it.
    channel
        float16 ``[out]``, scales that were found of longer rows; None: they follow from the matrix.
    tensor
        What was found of the whole tensor that the matrix is a piece of; None: it follows from the matrix.
    """

    scheme: Block
    matrix: NDArray[np.float32]
    group: int
    name: str
    saturate: bool
    channel: NDArray[np.float16] | None
    tensor: Any


def pieces(job: Job) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float16] | None]]:
    """Rows of about ``_CHUNK`` weights, and their given scales of channels; one piece without rows if there are none."""
    rows = max(1, _CHUNK // max(job.matrix.shape[1], 1))
    for start in range(0, len(job.matrix) or 1, rows):
        block = slice(start, start + rows)
        yield job.matrix[block], None if job.channel is None else job.channel[block]


def by_rows(
    job: Job, rule: Callable[[Job, NDArray[np.float32], NDArray[np.float16] | None], dict[str, NDArray[Any]]]
) -> QuantizedWeights:
    """Quantize rows by a rule that takes groups ``[out, groups, group]`` and returns the parts."""
    size = job.group
    found = [
        rule(job, rows.reshape(rows.shape[0], rows.shape[1] // size, size), channel) for rows, channel in pieces(job)
    ]
    joined: dict[str, Any] = {key: np.concatenate([part[key] for part in found]) for key in found[0]}
    extras = {part.name: joined.pop(part.name) for part in job.scheme.extras}
    return QuantizedWeights(scheme=job.scheme, group=size, extras=extras, **joined)
