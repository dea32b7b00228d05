"""Registers that hold one float format each: exact additions that are rounded once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import formats
from ...formats import Minifloat
from ..codec import encode

CANONICAL_NAN = 0x7FC00000
_FP32 = formats.get("FP32")
_FLOAT64_MARGIN = 51
"""A number rounded to odd in float64 and then to nearest in this many bits or fewer is rounded to nearest once."""


class FloatRegister:
    """Numbers of one format: float32 arrays for FP32, else float64 arrays of that format's values, which are exact.

    Parameters
    ----------
    fmt
        An IEEE format of at most 51 significand bits whose numbers are float64 numbers.
    truncates
        Round toward zero, overflow giving the greatest finite number, instead of to nearest even.

    Source of the rounding to odd that makes the last rounding the only one: Boldo and Melquiond, "Emulation of FMA and
    correctly rounded sums: proved algorithms using rounding to odd", IEEE Transactions on Computers 57(4), 2008.
    """

    def __init__(self, fmt: Minifloat, *, truncates: bool = False) -> None:
        if fmt.significand_bits > _FLOAT64_MARGIN:
            raise ValueError(f"FloatRegister fmt must have at most {_FLOAT64_MARGIN} significand bits, not {fmt!r}")
        self.fmt = fmt
        self.truncates = truncates
        self.is_fp32 = fmt == _FP32
        self.dtype = np.float32 if self.is_fp32 else np.float64
        self._greatest = float(fmt.max_value)

    def add(self, accumulator: NDArray[Any], terms: list[NDArray[np.float64]]) -> NDArray[Any]:
        """``accumulator`` plus all terms, rounded to the format once, as if summed exactly; infinite beyond its numbers.

        The terms must be float64 whose exact sum needs no exponent outside float64's range. An infinite accumulator stays.
        """
        rounded = self._rounded(exact_sum_to_odd(accumulator.astype(np.float64), terms))
        return np.where(np.isfinite(accumulator), rounded, accumulator)

    def _rounded(self, x: NDArray[np.float64]) -> NDArray[Any]:
        if self.is_fp32 and not self.truncates:
            return x.astype(np.float32)
        _, exponent = np.frexp(x)
        place = np.maximum(exponent - self.fmt.significand_bits, self.fmt.min_exponent)
        if self.truncates:
            rounded = np.ldexp(np.trunc(np.ldexp(x, -place)), place)
        else:
            rounded = np.ldexp(np.rint(np.ldexp(x, -place)), place)
        return np.where(np.abs(rounded) > self._greatest, np.copysign(np.inf, x), rounded).astype(self.dtype)

    def limited(self, following: NDArray[Any], accumulator: NDArray[Any]) -> NDArray[Any]:
        """``following``, or the greatest number where sums truncate and the finite ``accumulator`` overflowed to it."""
        if not self.truncates:
            return following
        fresh = np.isinf(following) & np.isfinite(accumulator)
        return np.where(fresh, np.copysign(self.dtype(self._greatest), following), following)

    def codes(self, accumulator: NDArray[Any]) -> NDArray[Any]:
        """The codes, uint32 or, of formats wider than 32 bits, uint64; every NaN is the positive quiet one."""
        if self.is_fp32:
            return np.where(np.isnan(accumulator), np.uint32(CANONICAL_NAN), accumulator.view(np.uint32))
        return encode(self.fmt, accumulator, saturate=False).astype(code_dtype(self.fmt))


def code_dtype(fmt: Minifloat) -> type[np.uint32] | type[np.uint64]:
    """The type of a float accumulator's codes."""
    return np.uint32 if fmt.bits <= 32 else np.uint64


def exact_sum_to_odd(accumulator: NDArray[np.float64], terms: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """``accumulator`` plus all terms rounded to odd: truncated, and the last bit set if anything was lost."""
    # -0 + 0 is +0, also when there is no term.
    expansion = [accumulator + 0.0]
    for term in terms:
        carry, errors = term, []
        for part in expansion:
            carry, error = _two_sum(carry, part)
            errors.append(error)
        expansion = [*errors, carry]
    head, tail = expansion[-1], expansion[-2] if len(terms) == 1 else np.zeros_like(expansion[-1])
    # The parts do not overlap: the first one that does not fit into the head has the sign of all that is left.
    for part in expansion[-2::-1] if len(terms) > 1 else ():
        summed, error = _two_sum(head, part)
        settled = tail != 0
        head, tail = np.where(settled, head, summed), np.where(settled, tail, error)
    return _to_odd(head, tail)


def _two_sum(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rounded sum and its rounding error, which add up to ``a + b`` exactly (Knuth)."""
    total = a + b
    b_seen = total - a
    return total, (a - (total - b_seen)) + (b - b_seen)


def _to_odd(head: NDArray[np.float64], tail: NDArray[np.float64]) -> NDArray[np.float64]:
    """``head + tail`` rounded to odd, given that ``head`` is it rounded to nearest."""
    patterns = head.view(np.int64)
    inexact = tail != 0
    outward = (tail > 0) == (head > 0)
    moved = patterns + np.where(outward, 1, -1)
    return np.where(inexact & (patterns & 1 == 0), moved, patterns).view(np.float64)
