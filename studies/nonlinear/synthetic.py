"""Made-up rows: heavy-tailed ones for softmax and GELU, normal ones for LayerNorm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...models.captured.rows import Rows, Unit, scale_of

SEED = 0
ROWS = 512
SCALES = (1 / 16, 0.045, 1 / 32, 1 / 64)
"""Powers of two, of which -1/scale is an integer, and one that is none."""
LENGTHS = (64, 197, 384)
_DRAWN_FIRST = (197, 384)
"""The lengths whose figures were recorded before there were rows of 64: drawing those later leaves them as they were."""

SIGMAS = (3, 32)
"""Standard deviations of LayerNorm's inputs in steps: real ones with outliers, and ones that use all of int8."""


@lru_cache
def heavy_tailed() -> Mapping[tuple[float, int], NDArray[np.int8]]:
    """int8 ``[ROWS, length]`` by scale and length, all of one generator: Student's t(3), 8 deviations of 1 to the end of int8.

    Drawn by scale, then by length, those of ``_DRAWN_FIRST`` before the others.
    """
    rng = np.random.default_rng(SEED)
    later = [length for length in LENGTHS if length not in _DRAWN_FIRST]
    keys = [(scale, length) for lengths in (_DRAWN_FIRST, later) for scale in SCALES for length in lengths]
    drawn = {key: rng.standard_t(3, (ROWS, key[1])) for key in keys}
    return {key: np.clip(np.rint(t * 127 / 8), -128, 127).astype(np.int8) for key, t in drawn.items()}


def heavy_tailed_rows(unit: Unit, scale: float, length: int) -> Rows:
    """Rows for softmax or GELU."""
    return Rows(function=unit, place="Student's t(3)", scale=scale, codes=heavy_tailed()[scale, length])


@lru_cache
def normal_rows(sigma: int, length: int) -> Rows:
    """Rows for LayerNorm: normal of ``sigma`` steps, gamma 1 and beta 0. The output's scale is that of their own maximum."""
    drawn = np.random.default_rng(SEED).normal(0, sigma, (ROWS, length))
    codes = np.clip(np.rint(drawn), -128, 127).astype(np.int8)
    centred = codes - codes.mean(axis=1, keepdims=True)
    largest = float(np.abs(centred / codes.std(axis=1, keepdims=True)).max())
    return Rows(
        function="layernorm", place=f"normal, sigma {sigma}", scale=1.0, codes=codes, output_scale=scale_of(largest)
    )
