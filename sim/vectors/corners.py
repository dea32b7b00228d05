"""Codes and real numbers at which formats and their hardware go wrong: where rounding passes from one value to the next."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...formats import Format
from ...golden import decode

ALL_CODES_BITS = 16
"""Widest format of which every code is listed."""
_ENDS, _BETWEEN = 200, 200
"""Neighbours at each end of a long list of values, and among the others, that numbers are taken around."""
_RANDOM = 500


@lru_cache(maxsize=16)
def some_codes(fmt: Format, seed: int) -> tuple[int, ...]:
    """Every code; of wide formats those at both ends of every run of ones, and random ones."""
    if fmt.bits <= ALL_CODES_BITS:
        return tuple(range(1 << fmt.bits))
    powers = [1 << place for place in range(fmt.bits + 1)]
    runs = {high - low + step for high in powers for low in powers if high >= low for step in (-1, 0, 1)}
    drawn = np.random.default_rng(seed).integers(0, 1 << fmt.bits, 4 * _RANDOM, dtype=np.uint64)
    return tuple(sorted({code for code in runs if 0 <= code < 1 << fmt.bits} | {int(code) for code in drawn}))


def few_codes(fmt: Format, most: int) -> tuple[int, ...]:
    """Codes of a format for pairs: all, or specials, both ends of the values, those next to zero, and some between."""
    if fmt.bits <= 8:
        return tuple(range(1 << fmt.bits))
    codes = np.array(some_codes(fmt, 0))
    values = decode(fmt, codes)
    specials = codes[~np.isfinite(values)]
    finite = codes[np.isfinite(values)]
    ordered = finite[np.argsort(values[np.isfinite(values)], kind="stable")]
    near_zero = finite[np.argsort(np.abs(values[np.isfinite(values)]), kind="stable")][: most // 4]
    chosen = [specials[:4], specials[-4:], ordered[: most // 8], ordered[-(most // 8) :], near_zero]
    chosen.append(ordered[np.linspace(0, len(ordered) - 1, most // 3).astype(int)])
    return tuple(sorted({int(code) for code in np.concatenate(chosen)}))


def numbers_around(fmt: Format, seed: int) -> NDArray[np.float64]:
    """Numbers to encode: values, midpoints, the float64 on either side of each; beyond both ends; specials; random ones."""
    values = np.unique(decode(fmt, np.array(some_codes(fmt, seed))))
    values = values[np.isfinite(values)]
    lows, highs = _neighbours(values, seed)
    last = [values[0] - (values[1] - values[0]), values[-1] + (values[-1] - values[-2])] if len(values) > 1 else []
    points = np.concatenate([lows, highs, (lows + highs) / 2, last, [2 * v for v in (values[0], values[-1])]])
    near = np.concatenate([points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)])
    rng = np.random.default_rng(seed)
    scale = float(max(abs(values[0]), abs(values[-1])))
    drawn = np.concatenate([
        rng.uniform(-1.1, 1.1, _RANDOM) * scale,
        rng.choice([-1.0, 1.0], _RANDOM) * scale * 2.0 ** rng.uniform(-40, 1, _RANDOM),
    ])  # fmt: skip
    fixed = [0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1e308, -1e308]
    return np.concatenate([fixed, near, drawn])


def _neighbours(values: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of neighbouring values: all, or those at both ends and next to zero, and random ones."""
    places = np.arange(len(values) - 1)
    if len(places) > 4 * _ENDS:
        zero = int(np.searchsorted(values, 0.0))
        near = np.clip(np.arange(zero - _ENDS // 2, zero + _ENDS // 2), 0, len(places) - 1)
        drawn = np.random.default_rng(seed).choice(places, _BETWEEN, replace=False)
        places = np.unique(np.concatenate([places[:_ENDS], places[-_ENDS:], near, drawn]))
    if not len(places):
        return values, values
    return values[places], values[places + 1]
