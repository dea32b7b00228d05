"""Arrays of codes taken apart into sign, significand and exponent, as ``formats.Decoded`` does for one code."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import formats
from ..formats import Format, Int, Minifloat, Special, TopExponent
from ..system.errors import BitmillError

TABLE_BITS = 16
"""Formats up to this width are decoded by a table built from ``Format.decode``; wider ones field by field."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Arrays of one shape: the numbers are ``(-1)**negative * magnitude * 2**exponent`` where not ``nan`` or ``inf``.

    Specials have magnitude 0. ``negative`` is also set for minus zero and minus infinity.
    """

    negative: NDArray[np.bool_]
    magnitude: NDArray[np.int64]
    exponent: NDArray[np.int64]
    nan: NDArray[np.bool_]
    inf: NDArray[np.bool_]

    @property
    def special(self) -> NDArray[np.bool_]:
        """Where there is no number."""
        return self.nan | self.inf

    def any_special(self) -> NDArray[np.bool_]:
        """Which rows, along the last axis, hold a special."""
        return np.asarray(np.any(self.special, axis=-1))

    def __getitem__(self, index: Any) -> Parts:
        return Parts(
            self.negative[index], self.magnitude[index], self.exponent[index], self.nan[index], self.inf[index]
        )

    def values(self) -> NDArray[np.float64]:
        """The numbers, exact in float64 for significands up to 53 bits; NaN and signed Inf for specials."""
        value = np.ldexp(self.magnitude.astype(np.float64), self.exponent.astype(np.int32))
        value = np.where(self.inf, np.inf, np.where(self.nan, np.nan, value))
        return np.where(self.negative, -value, value)


def as_format(fmt: Format | str) -> Format:
    """A format by itself or by its catalog name."""
    return fmt if isinstance(fmt, Format) else formats.get(fmt)


def checked_codes(fmt: Format, codes: ArrayLike, *, name: str = "codes") -> NDArray[Any]:
    """The codes as an array of integers.

    Raises
    ------
    BitmillError
        If they are not integers in ``0..2**bits-1``.
    """
    array = np.asarray(codes)
    if array.dtype.kind not in "ui":
        raise BitmillError(f"{name} must be integer codes of {fmt.name}, not {array.dtype}")
    top = (1 << fmt.bits) - 1
    if array.size and (int(array.min()) < 0 or int(array.max()) > top):
        worst = int(array.min()) if int(array.min()) < 0 else int(array.max())
        raise BitmillError(f"{name} must be codes of {fmt.name} in 0..{top}, not {worst!r}")
    return array


def split(fmt: Format, codes: NDArray[Any]) -> Parts:
    """The parts of an array of valid codes, same shape.

    Raises
    ------
    BitmillError
        If the format is wider than 16 bits and neither an integer nor a minifloat.
    """
    if fmt.bits <= TABLE_BITS:
        return table(fmt)[codes]
    if isinstance(fmt, Minifloat):
        return _split_minifloat(fmt, codes.astype(np.int64))
    if isinstance(fmt, Int):
        return _split_int(fmt, codes.astype(np.int64))
    raise BitmillError(f"format must be an integer or a minifloat when wider than {TABLE_BITS} bits, not {fmt.name!r}")


@lru_cache(maxsize=64)
def table(fmt: Format) -> Parts:
    """The parts of every code of a format of at most 16 bits, indexed by code."""
    rows = [fmt.decode(code) for code in range(1 << fmt.bits)]
    return Parts(
        np.array([row.sign == 1 or row.significand < 0 for row in rows]),
        np.array([abs(row.significand) for row in rows], dtype=np.int64),
        np.array([row.exponent for row in rows], dtype=np.int64),
        np.array([row.special is Special.NAN for row in rows]),
        np.array([row.special is Special.INF for row in rows]),
    )


@lru_cache(maxsize=64)
def value_table(fmt: Format) -> NDArray[np.float64]:
    """The value of every code of a format of at most 16 bits, indexed by code."""
    return table(fmt).values()


def _split_minifloat(fmt: Minifloat, codes: NDArray[np.int64]) -> Parts:
    negative = (codes >> (fmt.bits - 1)).astype(bool)
    top, top_mantissa = (1 << fmt.exponent_bits) - 1, (1 << fmt.mantissa_bits) - 1
    field, mantissa = (codes >> fmt.mantissa_bits) & top, codes & top_mantissa
    nowhere = np.zeros(codes.shape, dtype=bool)
    nan, inf = nowhere, nowhere
    if fmt.top is TopExponent.IEEE:
        nan, inf = (field == top) & (mantissa != 0), (field == top) & (mantissa == 0)
    elif fmt.top is TopExponent.FN:
        nan = (field == top) & (mantissa == top_mantissa)
    elif fmt.top is TopExponent.FNUZ:
        nan = codes == 1 << (fmt.bits - 1)
    subnormal = mantissa if fmt.subnormals else np.zeros_like(mantissa)
    magnitude = np.where(field > 0, mantissa + (1 << fmt.mantissa_bits), subnormal)
    special = nan | inf
    exponent = np.where(special, 0, np.maximum(field - 1, 0)) + fmt.min_exponent
    return Parts(negative, np.where(special, 0, magnitude), exponent, nan, inf)


def _split_int(fmt: Int, codes: NDArray[np.int64]) -> Parts:
    half = 1 << (fmt.bits - 1)
    value = np.where((codes >= half) & fmt.signed, codes - 2 * half, codes)
    nan = value < fmt.fixed_min
    value = np.where(nan, 0, value)
    return Parts(value < 0, np.abs(value), np.zeros_like(value), nan, np.zeros(codes.shape, dtype=bool))
