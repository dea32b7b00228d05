"""Codes to real numbers and back, for every format: the reference that hardware and studies are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats import Format, Int, Minifloat
from ..system.errors import BitmillError
from .grid import INWARD, REFUSED, ROUNDINGS, STOCHASTIC, Rounding, beyond, code_dtype, grid, inf_code, nan_code
from .parts import TABLE_BITS, as_format, checked_codes, split, value_table
from .stochastic import draws_for, goes_far

_WORTH_A_TABLE = 1 << 12


def decode(fmt: Format | str, codes: ArrayLike) -> NDArray[np.float64]:
    """The real numbers that codes stand for, exactly.

    Parameters
    ----------
    fmt
        A format or its catalog name.
    codes
        Integers in ``0..2**bits-1``, any shape.

    Returns
    -------
    float64 array of the same shape; NaN, +Inf and -Inf for specials, minus zero kept.

    Raises
    ------
    BitmillError
        If the format is unknown, or a code is not an integer of its width.
    """
    fmt = as_format(fmt)
    checked = checked_codes(fmt, codes)
    return value_table(fmt)[checked] if fmt.bits <= TABLE_BITS else split(fmt, checked).values()


def encode(
    fmt: Format | str,
    values: ArrayLike,
    *,
    rounding: Rounding = "nearest-even",
    saturate: bool = True,
    seed: int | None = None,
    draws: ArrayLike | None = None,
) -> NDArray[Any]:
    """The codes nearest to real numbers, each rounded once from its exact value.

    ======================  ============================================================================================
    nearest-even            To the nearest value, a tie to the one at an even place in the sorted list of the format's
                            magnitudes, which for minifloats and integers is the even code. (A tie between two even or
                            two odd places, possible in a lopsided codebook, goes to the smaller magnitude; between a
                            number and its negation, where there is no zero, to the positive one.)
    nearest-away            To the nearest value, a tie to the greater magnitude.
    toward-zero             To the nearest value that is not greater in magnitude; if there is none, to the least.
    floor, ceil             To the nearest value that is not greater, not less.
    stochastic              To one of the two values around, by a random number, more often to the nearer one, so that the mean
                            is the number itself: see ``stochastic``.
    NaN                     The NaN code: quiet and positive in IEEE formats, the reserved code of symmetric integers
                            and codebooks. Without one: an error.
    overflow, saturating    The least or greatest finite code, Inf included.
    overflow, otherwise     Inf, or else NaN, or else an error. Minifloats overflow as IEEE 754 has it: when the value
                            rounded with unbounded exponent is beyond the greatest one; toward zero, and where floor or
                            ceil leads back into the range, only Inf does.
                            Integers overflow when the rounded value is out of range, codebooks when the value is.
    underflow               Rounds to zero or the least subnormal like any other value.
    -0                      Kept where the format has one, also by negative values that round to zero; else +0.
    ======================  ============================================================================================

    In E8M0, which has no zero, positive values below the range go to 2**-127; zero and negative values are overflow.

    Parameters
    ----------
    fmt
        A format or its catalog name.
    values
        float16, bfloat16, float32, float64 or integers, any shape.
    rounding
        ``nearest-even``, ``nearest-away``, ``toward-zero``, ``floor``, ``ceil`` or ``stochastic``.
    saturate
        Whether overflow gives the extreme finite value.
    seed, draws
        For ``stochastic`` alone, one of the two: a seed of NumPy's PCG64, or random numbers in 0 <= u < 1 of the values' shape.

    Returns
    -------
    uint8, uint16, uint32 or uint64 array of the same shape, whichever the format needs.

    Raises
    ------
    BitmillError
        If there is a NaN or an overflow that no code can represent, with the number of such values; if the rounding is none of
        those listed, or ``seed`` and ``draws`` do not fit it.
    """
    fmt = as_format(fmt)
    codes = encode_where_possible(fmt, values, rounding=rounding, saturate=saturate, seed=seed, draws=draws)
    if codes.dtype.kind == "i" and codes.size and codes.min() == REFUSED:
        x, refused = _as_float(values), codes == REFUSED
        nans = int(np.count_nonzero(refused & np.isnan(x)))
        overflows = int(np.count_nonzero(refused)) - nans
        what = ", ".join(f"{count} {word}" for count, word in ((nans, "NaN"), (overflows, "out of range")) if count)
        raise BitmillError(f"values must be representable in {fmt.name}, not {what} of {x.size}")
    return codes.astype(code_dtype(fmt.bits), copy=False)


def encode_where_possible(
    fmt: Format | str,
    values: ArrayLike,
    *,
    rounding: Rounding = "nearest-even",
    saturate: bool = True,
    seed: int | None = None,
    draws: ArrayLike | None = None,
) -> NDArray[Any]:
    """``encode``, with -1 for NaN and overflow that no code can represent; signed only where there may be such.

    Raises
    ------
    BitmillError
        If the rounding is none of those listed, or ``seed`` and ``draws`` do not fit it.
    """
    fmt = as_format(fmt)
    if rounding not in ROUNDINGS:
        raise BitmillError(f"rounding must be one of {', '.join(ROUNDINGS)}, not {rounding!r}")
    x = _as_float(values)
    u = draws_for(rounding, x.shape, seed, draws)
    return _nearest(fmt, x, rounding, saturate) if u is None else _stochastic(fmt, x, u, saturate)


def is_overflow(fmt: Format | str, values: ArrayLike, *, rounding: Rounding = "nearest-even") -> NDArray[np.bool_]:
    """Which values, none of them NaN, overflow: rounded with unbounded range they are beyond the extreme values.

    Of ``stochastic`` those that do whatever is drawn.
    """
    fmt = as_format(fmt)
    x = _as_float(values)
    if rounding == STOCHASTIC or (isinstance(fmt, Minifloat) and rounding in INWARD):
        # Not by ``encode``, which keeps finite what rounding leads back into the range, as IEEE 754 has it.
        low, high = float(fmt.min_value), float(fmt.max_value)
        below, above = beyond(fmt, [low, high])
        back_up, back_down = INWARD.get(rounding, (True, True))
        under = _as_float64(x) <= below if back_up else _as_float64(x) < low
        return under | (_as_float64(x) >= above if back_down else _as_float64(x) > high)
    codes = _nearest(fmt, x, rounding, saturate=False)
    refused = codes == REFUSED if codes.dtype.kind == "i" else np.zeros(x.shape, bool)
    return refused | ~np.isfinite(decode(fmt, np.where(refused, 0, codes).astype(code_dtype(fmt.bits))))


def _nearest(fmt: Format, x: NDArray[Any], rounding: Rounding, saturate: bool) -> NDArray[Any]:
    """Codes, ``REFUSED`` where there is none."""
    if fmt.bits > TABLE_BITS:
        return _encode_wide(fmt, _as_float64(x), rounding, saturate)
    decisions = grid(fmt, rounding, bool(saturate))
    if x.dtype == np.float32 and x.size >= _WORTH_A_TABLE and decisions.shift is not None:
        return decisions.look_up(x)
    return decisions.search(_as_float64(x))


def _stochastic(fmt: Format, x: NDArray[Any], u: NDArray[np.float64], saturate: bool) -> NDArray[Any]:
    """Codes of the value on this side of each number, or of the one beyond it, as ``u`` says; ``REFUSED`` where there is none."""
    floor, ceil = (_nearest(fmt, x, rounding, saturate).astype(np.int64) for rounding in ("floor", "ceil"))
    wide, least, greatest = _as_float64(x), float(fmt.min_value), float(fmt.max_value)
    inside = np.where(np.isnan(wide), least, np.clip(wide, least, greatest))
    lower, upper = (decode(fmt, _nearest(fmt, inside, rounding, True)) for rounding in ("floor", "ceil"))
    below, above = beyond(fmt, [least, greatest])
    lower, upper = np.where(wide < least, below, lower), np.where(wide > greatest, above, upper)
    negative = np.signbit(wide)
    far = goes_far(wide, np.where(negative, upper, lower), np.where(negative, lower, upper), u)
    return np.where(far != negative, ceil, floor)


def _as_float(values: ArrayLike) -> NDArray[Any]:
    """The values as float32 where that is exact, else as float64."""
    x = np.asarray(values)
    if x.dtype in (np.float32, np.float64):
        return x
    if x.dtype.kind in "iub":
        wide = x.astype(np.float64)
        if x.dtype.itemsize == 8 and x.size and np.abs(wide).max() > 2.0**53:
            raise BitmillError(f"integer values must be within 2**53, not {np.abs(wide).max():.17g}")
        return wide
    if x.dtype == np.float16 or x.dtype.name == "bfloat16":
        return x.astype(np.float32)
    raise BitmillError(f"values must be float16, bfloat16, float32, float64 or integers, not {x.dtype}")


def _as_float64(x: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return x.astype(np.float64)


def _encode_wide(fmt: Format, x: NDArray[np.float64], rounding: Rounding, saturate: bool) -> NDArray[np.int64]:
    if isinstance(fmt, Minifloat) and fmt.subnormals:
        return _encode_wide_minifloat(fmt, x, rounding, saturate)
    if isinstance(fmt, Int):
        return _encode_wide_int(fmt, x, rounding, saturate)
    raise BitmillError(
        f"format must be an integer or a minifloat with subnormals when wider than {TABLE_BITS} bits, not {fmt.name!r}"
    )


def _encode_wide_minifloat(
    fmt: Minifloat, x: NDArray[np.float64], rounding: Rounding, saturate: bool
) -> NDArray[np.int64]:
    magnitude = np.where(np.isfinite(x), np.abs(x), 0.0)
    exponent = np.maximum(np.frexp(magnitude)[1] - fmt.significand_bits, fmt.min_exponent)
    exponent = np.where(magnitude == 0, fmt.min_exponent, exponent)
    negative = np.signbit(x)
    steps = _round_magnitude(np.ldexp(magnitude, -exponent), negative, rounding).astype(np.int64)
    # A carry out of the significand moves on to the next exponent by itself.
    codes = ((exponent.astype(np.int64) - fmt.min_exponent) << fmt.mantissa_bits) + steps
    top = (fmt.max_exponent - fmt.min_exponent << fmt.mantissa_bits) + (fmt.fixed_max >> fmt.exponent_span)
    nan, inf = nan_code(fmt), inf_code(fmt)
    overflow = REFUSED if nan is None else nan
    if inf is not None:
        overflow = inf
    back_up, back_down = INWARD.get(rounding, (False, False))
    limit = np.where(saturate | np.where(negative, back_up, back_down), top, overflow)
    codes = np.where(codes > top, limit, codes)
    codes = np.where(np.isinf(x), top if saturate else overflow, codes)
    signed = negative & (codes != REFUSED) & ((codes <= top) | (codes == inf))
    if fmt.has_nan and not fmt.has_inf and nan == 1 << (fmt.bits - 1):
        signed &= codes != 0
    codes = np.where(signed, codes | 1 << (fmt.bits - 1), codes)
    return np.where(np.isnan(x), REFUSED if nan is None else nan, codes)


def _encode_wide_int(fmt: Int, x: NDArray[np.float64], rounding: Rounding, saturate: bool) -> NDArray[np.int64]:
    limit = 2.0 ** (fmt.bits + 1)
    clipped = np.clip(np.where(np.isnan(x), 0.0, x), -limit, limit)
    magnitude = _round_magnitude(np.abs(clipped), np.signbit(clipped), rounding)
    rounded = np.copysign(magnitude, clipped).astype(np.int64)
    codes = np.clip(rounded, fmt.fixed_min, fmt.fixed_max) & ((1 << fmt.bits) - 1)
    nan = nan_code(fmt)
    special = REFUSED if nan is None else nan
    if not saturate:
        codes = np.where((rounded < fmt.fixed_min) | (rounded > fmt.fixed_max), special, codes)
    return np.where(np.isnan(x), special, codes)


def _round_magnitude(
    steps: NDArray[np.float64], negative: NDArray[np.bool_], rounding: Rounding
) -> NDArray[np.float64]:
    if rounding == "nearest-even":
        return np.rint(steps)
    whole = np.trunc(steps)
    rest = steps - whole
    if rounding == "nearest-away":
        return whole + (rest >= 0.5)
    inward_negative, inward_positive = INWARD[rounding]
    return whole + (rest > 0) * np.where(negative, not inward_negative, not inward_positive)
