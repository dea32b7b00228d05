"""Rounding onto a format's value list by comparison with exact decision points, and its float32 lookup table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..formats import Codebook, Format, Int, Minifloat, PowerOfTwo, TopExponent
from .parts import table

Rounding = Literal["nearest-even", "nearest-away", "toward-zero", "floor", "ceil", "stochastic"]
"""How a real number becomes a code."""
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
STOCHASTIC: Rounding = "stochastic"
"""The one that is decided by random numbers, see ``stochastic``; the others are functions of the number alone."""
INWARD: Mapping[Rounding, tuple[bool, bool]] = {
    "toward-zero": (True, True), "floor": (False, True), "ceil": (True, False),
}  # fmt: skip
"""Whether rounding goes back into the range from below the least and from above the greatest number, where it looks no further
than one way: minifloats then overflow by infinities alone (IEEE 754-2019, section 7.4)."""

REFUSED = -1
"""Stands in tables for an input that no code can represent."""
_LARGEST_TABLE_BITS = 20
_CHUNK = 1 << 16


def code_dtype(bits: int) -> type[np.uint8] | type[np.uint16] | type[np.uint32] | type[np.uint64]:
    """The narrowest unsigned integer type that holds a code."""
    return np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32 if bits <= 32 else np.uint64


def nan_code(fmt: Format) -> int | None:
    """The code that NaN encodes to: IEEE formats have the positive quiet NaN, others one positive or reserved code."""
    if isinstance(fmt, Minifloat):
        all_ones = (1 << (fmt.bits - 1)) - 1
        quiet = all_ones - ((1 << (fmt.mantissa_bits - 1)) - 1) if fmt.mantissa_bits else all_ones
        by_policy = {TopExponent.IEEE: quiet, TopExponent.FN: all_ones, TopExponent.FNUZ: all_ones + 1}
        return by_policy.get(fmt.top)
    if isinstance(fmt, Int):
        return 1 << (fmt.width - 1) if fmt.symmetric else None
    return next((code for code in range(1 << fmt.bits) if fmt.decode(code).special), None) if fmt.has_nan else None


def inf_code(fmt: Format) -> int | None:
    """The code of plus infinity."""
    if isinstance(fmt, Minifloat) and fmt.top is TopExponent.IEEE:
        return ((1 << fmt.exponent_bits) - 1) << fmt.mantissa_bits
    return None


@dataclass(frozen=True, eq=False)
class Grid:
    """A sorted list of codes and the points where rounding passes from each to the next.

    ``codes[0]`` and ``codes[-1]`` are what overflow below and above gives. An input ``x`` takes ``codes[i]`` where
    ``i`` counts the points that ``x`` has passed: ``x >= points[j]`` where ``up[j]``, ``x > points[j]`` elsewhere.
    """

    codes: NDArray[np.int64]
    points: NDArray[np.float64]
    up: NDArray[np.bool_]
    zero: int | None
    minus_zero: int | None
    nan: int
    bits: int

    @cached_property
    def _first_inputs(self) -> NDArray[np.float64]:
        return np.where(self.up, self.points, np.nextafter(self.points, np.inf))

    def search(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """The code of every float64, without rounding twice; ``REFUSED`` where there is none."""
        codes = np.asarray(self.codes[np.searchsorted(self._first_inputs, x, side="right")])
        if self.minus_zero is not None:
            codes[(codes == self.zero) & np.signbit(x)] = self.minus_zero
        codes[np.isnan(x)] = self.nan
        return codes

    @cached_property
    def shift(self) -> int | None:
        """Low bits of a float32 pattern that matter only by being all zero or not; None if a table would be too big."""
        points = np.abs(self.points[self.points != 0])
        with np.errstate(over="ignore"):
            narrow = points.astype(np.float32)
        # A point beyond float32's range is passed by Inf alone.
        if not np.all((narrow == points) | np.isinf(narrow)):
            return None
        joined = int(np.bitwise_or.reduce(narrow.view(np.uint32)))
        shift = (joined & -joined).bit_length() - 1
        return shift if 33 - shift <= _LARGEST_TABLE_BITS else None

    @cached_property
    def _table(self) -> NDArray[Any]:
        assert self.shift is not None
        key = np.arange(1 << (33 - self.shift), dtype=np.uint32)
        with np.errstate(invalid="ignore"):  # the table's signalling NaNs
            inputs = (((key >> 1) << self.shift) | (key & 1)).view(np.float32).astype(np.float64)
        codes = self.search(inputs)
        final = code_dtype(self.bits)
        return codes.astype(np.int32 if (codes == REFUSED).any() else final)

    def look_up(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """The same as ``search`` for float32 inputs, by a table keyed with a pattern's top bits and a sticky bit."""
        assert self.shift is not None
        patterns = np.ascontiguousarray(x).reshape(-1).view(np.uint32)
        codes = np.empty(patterns.size, dtype=self._table.dtype)
        low = np.uint32((1 << self.shift) - 1)
        for start in range(0, patterns.size, _CHUNK):
            chunk = patterns[start : start + _CHUNK]
            key = (chunk >> np.uint32(self.shift)) << np.uint32(1)
            key |= (chunk & low) != 0
            codes[start : start + _CHUNK] = self._table[key]
        return codes.reshape(x.shape)


@lru_cache(maxsize=128)
def grid(fmt: Format, rounding: Rounding, saturate: bool) -> Grid:
    """The grid of a format of at most 16 bits."""
    parts = table(fmt)
    number = np.flatnonzero(~parts.special)
    values, first = np.unique(parts.values()[number], return_index=True)
    value_codes = number[first]
    magnitudes = np.unique(np.abs(values))
    low, high = beyond(fmt, values)
    line = np.concatenate([[low], values, [high]])
    odd = np.searchsorted(magnitudes, np.abs(line)) % 2 == 1
    # The virtual neighbours beyond the list continue the alternation of even and odd.
    odd[0], odd[-1] = not odd[1], not odd[-2]
    points, up = _decide(line, odd, rounding)
    if isinstance(fmt, Minifloat):
        from_below, from_above = INWARD.get(rounding, (False, False))
        if from_below:
            points[0], up[0] = -np.inf, False
        if from_above:
            points[-1], up[-1] = np.inf, True
    if isinstance(fmt, PowerOfTwo):
        points[0], up[0] = 0.0, False
    if isinstance(fmt, Codebook):
        points[0], up[0], points[-1], up[-1] = values[0], True, values[-1], False
    nan, inf = nan_code(fmt), inf_code(fmt)
    over_low, over_high = REFUSED if nan is None else nan, REFUSED if nan is None else nan
    if inf is not None:
        over_low, over_high = inf | 1 << (fmt.bits - 1), inf
    if saturate:
        over_low, over_high = int(value_codes[0]), int(value_codes[-1])
    minus_zero = np.flatnonzero(parts.negative & (parts.magnitude == 0) & ~parts.special)
    return Grid(
        codes=np.concatenate([[over_low], value_codes, [over_high]]),
        points=points,
        up=up,
        zero=fmt.zero_code,
        minus_zero=int(minus_zero[0]) if minus_zero.size else None,
        nan=REFUSED if nan is None else nan,
        bits=fmt.bits,
    )


def beyond(fmt: Format, values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
    """The values that would follow the least and the greatest one, first and last of ``values``, if there were more range."""
    if isinstance(fmt, Minifloat):
        # Not by the top exponent field: without a mantissa it may be NaN's alone, and the greatest number's is the one before.
        step = 2.0 ** (fmt.min_exponent + max(fmt.fixed_max.bit_length() - fmt.significand_bits, 0))
        return float(values[0]) - step, float(values[-1]) + step
    if isinstance(fmt, PowerOfTwo):
        return -float(values[0]), 2 * float(values[-1])
    return float(values[0]) - 1.0, float(values[-1]) + 1.0


def _decide(
    line: NDArray[np.float64], odd: NDArray[np.bool_], rounding: Rounding
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where rounding passes from each value of an ascending line to the next, and whether that point itself goes up."""
    below, above = line[:-1], line[1:]
    if rounding == "toward-zero":
        points = np.where(below >= 0, above, np.where(above <= 0, below, 0.0))
        return points, above > 0
    if rounding == "floor":
        return above.copy(), np.ones(above.shape, bool)
    if rounding == "ceil":
        return below.copy(), np.zeros(below.shape, bool)
    points = (below + above) / 2
    farther_above = np.abs(above) > np.abs(below)
    even = np.where(odd[:-1] == odd[1:], ~farther_above, odd[:-1])
    up = np.abs(above) >= np.abs(below) if rounding == "nearest-away" else even
    # A midpoint of values far apart may be no float64: numbers equal to the one it was rounded to are on one side of it.
    rest = _sum_error(below, above)
    return points, np.where(rest == 0, up, rest < 0)


def _sum_error(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """What ``a + b`` lost by rounding, exactly (Knuth, The Art of Computer Programming, volume 2, section 4.2.2)."""
    total = a + b
    part = total - a
    return (a - (total - part)) + (b - part)
