"""Weights in the best of several lists for each block, under a power of two of the block: DialectFP4's offline choice.

The shared exponent is ``floor(log2(max|w|)) - floor(log2(max))``, in which all dialects agree; the dialect is the one with the
least sum of squared errors, the first of equals (BlockDialect, arXiv 2501.01144, section 3.2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from ...system.errors import BitmillError
from ..blocks import nearest, scale_exponents, scale_format
from ..parts import value_table
from .job import Job, by_rows
from .plain import flat
from .quantized import QuantizedWeights


def limit(scheme: Block) -> float:
    """The greatest magnitude that the greatest shared exponent reaches."""
    return float(max(fmt.max_value for fmt in scheme.formats) * scale_format(scheme).max_value)


def quantize(job: Job) -> QuantizedWeights:
    """Codes, exponents and dialects of a matrix."""
    greatest = float(np.abs(job.matrix).max(initial=0))
    if greatest > limit(job.scheme) and not job.saturate:
        raise BitmillError(
            f"{job.name} must be within {limit(job.scheme):g} for scheme {job.scheme.name}, not {greatest:.6g}"
        )
    return by_rows(job, _groups)


def _groups(job: Job, groups: NDArray[np.float32], _channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    scheme = job.scheme
    exponents = scale_exponents(scheme, np.abs(groups).max(axis=2, initial=0).astype(np.float64))
    steps = np.ldexp(groups, -exponents[:, :, None])
    codes, selectors = np.zeros(groups.shape, np.uint8), np.zeros(groups.shape[:2], np.uint8)
    least = np.full(groups.shape[:2], np.inf)
    for index, fmt in enumerate(scheme.formats):
        found = nearest(fmt, steps)
        error = np.square(steps - value_table(fmt)[found], dtype=np.float64).sum(axis=2)
        better = error < least
        codes = np.where(better[:, :, None], found, codes)
        selectors[better] = index
        least = np.where(better, error, least)
    return {
        "codes": flat(codes),
        "group_scales": (exponents - int(scale_format(scheme).min_exponent)).astype(np.uint8),
        "selectors": selectors,
    }
