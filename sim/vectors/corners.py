"""Codes and real numbers at which formats and their hardware go wrong: where rounding passes from one value to the next."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...formats import Format
from ...golden import decode, encode
from ...golden.grid import beyond

ALL_CODES_BITS = 16
"""Widest format of which every code is listed."""
ALL_NEIGHBOURS_BITS = 9
"""Widest format of which all neighbouring values are taken."""
_ENDS, _BETWEEN = 200, 200
"""Neighbours at each end of a long list of values, and among the others, that numbers are taken around."""
_RANDOM = 500
_BINARY32 = np.finfo(np.float32)


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
    """Numbers to encode, those first that are exact in binary32 (a NaN counts as one).

    Values, ties between neighbours, the ends; what would follow each end if there were more range, and the tie before it, where
    overflow begins. Of each the binary64 and the binary32 on either side. Zeros, infinities and NaN of either sign, extremes of
    binary64 and of binary32, random ones.
    """
    values = np.unique(decode(fmt, np.array(some_codes(fmt, seed))))
    values = values[np.isfinite(values)]
    lows, highs = _neighbours(fmt, values, seed)
    # Wide formats reach to the ends of binary64, beyond which there are infinities alone.
    with np.errstate(over="ignore"):
        ends = np.array([values[0], values[-1]])
        # Codebooks have no next value: a last step on, too.
        on = np.array([2 * values[0] - values[1], 2 * values[-1] - values[-2]]) if len(values) > 1 else ends
        followers = np.array([beyond(fmt, values), on])
        ties = np.concatenate([(lows + highs) / 2, ((ends + followers) / 2).ravel()])
        points = np.concatenate([lows, highs, ends, ties, followers.ravel(), 2 * ends])
        near = [points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf), *_binary32_around(points)]
        drawn = _random(float(np.abs(ends).max()), seed)
    fixed = [0.0, np.inf, np.nan, 5e-324, 1e308, float(_BINARY32.smallest_subnormal), float(_BINARY32.max)]
    signed = np.concatenate([fixed, np.copysign(fixed, -1.0)])
    numbers = np.concatenate([signed, *near, _to_binary32(drawn), drawn])
    # By patterns: zeros of either sign and NaNs differ.
    numbers = numbers[np.sort(np.unique(numbers.view(np.uint64), return_index=True)[1])]
    narrow = exact_in_binary32(numbers)
    return np.concatenate([numbers[narrow], numbers[~narrow]])


def _random(scale: float, seed: int) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    return np.concatenate([
        rng.uniform(-1.1, 1.1, _RANDOM) * scale,
        rng.choice([-1.0, 1.0], _RANDOM) * scale * 2.0 ** rng.uniform(-40, 1, _RANDOM),
    ])  # fmt: skip


def exact_in_binary32(numbers: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers a binary32 is equal to; NaN is one of them."""
    return np.isnan(numbers) | (_to_binary32(numbers) == numbers)


def _to_binary32(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest binary32, as float64."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).astype(np.float64)


def _binary32_around(points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """The greatest binary32 less than each point and the least one greater, with the infinities."""
    nearest = points.astype(np.float32)
    up, down = np.nextafter(nearest, np.float32(np.inf)), np.nextafter(nearest, np.float32(-np.inf))
    wide = nearest.astype(np.float64)
    below, above = np.where(wide < points, nearest, down), np.where(wide > points, nearest, up)
    return [below.astype(np.float64), above.astype(np.float64)]


def _neighbours(fmt: Format, values: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of neighbouring values of the format: all, or those at both ends and next to zero, and random ones."""
    places = np.arange(len(values) - 1)
    if len(places) > 4 * _ENDS:
        zero = int(np.searchsorted(values, 0.0))
        near = np.clip(np.arange(zero - _ENDS // 2, zero + _ENDS // 2), 0, len(places) - 1)
        drawn = np.random.default_rng(seed).choice(places, _BETWEEN, replace=False)
        places = np.unique(np.concatenate([places[:_ENDS], places[-_ENDS:], near, drawn]))
    if not len(places):
        return values, values
    lows, highs = values[places], values[places + 1]
    if fmt.bits <= ALL_CODES_BITS:
        return lows, highs
    # Of wide formats not every value is listed: each one's own neighbours.
    above = decode(fmt, encode(fmt, np.nextafter(lows, np.inf), rounding="ceil"))
    below = decode(fmt, encode(fmt, np.nextafter(highs, -np.inf), rounding="floor"))
    return np.concatenate([lows, below]), np.concatenate([above, highs])
