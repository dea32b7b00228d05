"""What a quantizer to fixed point gives: integers of word and fraction lengths told with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.fixed_quantizer import FixedQuantizerConfig
from ...system.errors import BitmillError
from ..codec import decode


def to_fixed(x: ArrayLike, *, word_length: int, fraction_length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers as integers of ``word_length`` bits in steps of ``2**-fraction_length``, and which of them saturated.

    ``round(x * 2**fraction_length)``, ties to even, from ``-2**(word_length - 1)`` to ``2**(word_length - 1) - 1``; infinities
    saturate, NaN is 0.

    Parameters
    ----------
    x
        Numbers of any shape.
    word_length
        2 to 32.
    fraction_length
        -126 to 126.

    Raises
    ------
    BitmillError
        If a length is out of range.

    Source: words of run-time lengths as in AdaPT (arXiv 2107.13490); ties, saturation and NaN are defined here.
    """
    ranges = {"word_length": (word_length, 2, 32), "fraction_length": (fraction_length, -126, 126)}
    for name, (value, least, most) in ranges.items():
        if value not in range(least, most + 1):
            raise BitmillError(f"{name} must be from {least} to {most}, not {value!r}")
    half = 1 << word_length - 1
    numbers = np.nan_to_num(np.asarray(x, dtype=np.float64), posinf=np.inf, neginf=-np.inf)
    scaled = np.rint(np.ldexp(numbers, fraction_length))
    return np.clip(scaled, -half, half - 1).astype(np.int64), (scaled < -half) | (scaled > half - 1)


def fixed_integers(config: FixedQuantizerConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    """``to_fixed`` of a unit's one step: ``numbers [1, lanes]``, ``word_length`` (less one) and ``fraction_length [1]``."""
    x = decode(config.source_format, steps["numbers"][0])
    lengths = {"word_length": int(steps["word_length"][0]) + 1, "fraction_length": int(steps["fraction_length"][0])}
    integers, saturated = to_fixed(x, **lengths)
    return {"integers": integers, "invalid": int(np.isnan(x).any()), "saturated": int(saturated.any())}
