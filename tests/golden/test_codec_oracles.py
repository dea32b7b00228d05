"""Every catalog format against an outsider: ml_dtypes, gfloat, Python integers, or a value list typed from a paper."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest
from gfloat import Domain, FormatInfo, RoundMode

from bitmill import formats
from bitmill.golden import Rounding, decode, encode

SEED = 20260
GFLOAT_MODES = {
    "nearest-even": RoundMode.TiesToEven,
    "nearest-away": RoundMode.TiesToAway,
    "toward-zero": RoundMode.TowardZero,
    "floor": RoundMode.TowardNegative,
    "ceil": RoundMode.TowardPositive,
}
# Bias, Inf, number of NaN codes at the top, minus zero: typed from the formats' definitions.
SPECIAL_MINIFLOATS: dict[str, tuple[int, int, int, bool, int, bool]] = {
    # name: exponent bits, mantissa bits, bias, inf, high NaNs, minus zero
    "E4M3": (4, 3, 7, False, 1, True),
    "E5M2": (5, 2, 15, True, 3, True),
    "FP16": (5, 10, 15, True, 1023, True),
    "BF16": (8, 7, 127, True, 127, True),
    "FP32": (8, 23, 127, True, (1 << 23) - 1, True),
    "E4M3_IEEE": (4, 3, 7, True, 7, True),
    "E3M4_IEEE": (3, 4, 3, True, 15, True),
    "E4M3FNUZ": (4, 3, 8, False, 0, False),
    "E5M2FNUZ": (5, 2, 16, False, 0, False),
}
ML_DTYPES = {
    "E4M3": ml_dtypes.float8_e4m3fn,
    "E5M2": ml_dtypes.float8_e5m2,
    "E3M2": ml_dtypes.float6_e3m2fn,
    "E2M3": ml_dtypes.float6_e2m3fn,
    "E2M1": ml_dtypes.float4_e2m1fn,
    "E8M0": ml_dtypes.float8_e8m0fnu,
    "FP16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "FP32": np.float32,
    "E4M3_IEEE": ml_dtypes.float8_e4m3,
    "E3M4_IEEE": ml_dtypes.float8_e3m4,
    "E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
    "INT2": ml_dtypes.int2,
    "INT4": ml_dtypes.int4,
    "INT8": np.int8,
    "INT16": np.int16,
    "UINT2": ml_dtypes.uint2,
    "UINT4": ml_dtypes.uint4,
    "UINT8": np.uint8,
    "UINT16": np.uint16,
}
# BitNet b1.58; ANT (arXiv 2208.14286): flint4 and PoT4.
TYPED_LISTS: dict[str, Sequence[float | None]] = {
    "TERNARY": [0, 1, None, -1],
    "FLINT4": [0, 1, 2, 3, 4, 6, 8, 16, 0, -1, -2, -3, -4, -6, -8, -16],
    "POT4": [0, 1, 2, 4, 8, 16, 32, 64, 0, -1, -2, -4, -8, -16, -32, -64],
    "OLIVE_OUTLIER": [0, 24, 32, 48, 64, 96, 128, 192, 0, -24, -32, -48, -64, -96, -128, -192],
    "BITMOD_FP3": [0, 1, 2, 4, 0, -1, -2, -4],
    "BITMOD_FP3_ER_POS": [0, 1, 2, 4, 3, -1, -2, -4],
    "BITMOD_FP3_ER_NEG": [0, 1, 2, 4, -3, -1, -2, -4],
    "BITMOD_FP3_EA_POS": [0, 1, 2, 4, 6, -1, -2, -4],
    "BITMOD_FP3_EA_NEG": [0, 1, 2, 4, -6, -1, -2, -4],
    "BITMOD_FP4": [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12],
    "BITMOD_FP4_ER_POS": [0, 1, 2, 3, 4, 6, 8, 12, 10, -1, -2, -3, -4, -6, -8, -12],
    "BITMOD_FP4_ER_NEG": [0, 1, 2, 3, 4, 6, 8, 12, -10, -1, -2, -3, -4, -6, -8, -12],
    "BITMOD_FP4_EA_POS": [0, 1, 2, 3, 4, 6, 8, 12, 16, -1, -2, -3, -4, -6, -8, -12],
    "BITMOD_FP4_EA_NEG": [0, 1, 2, 3, 4, 6, 8, 12, -16, -1, -2, -3, -4, -6, -8, -12],
    # Bits of -1 or 1: 2 bits are +-1 and +-3 (ABQ-LLM's bipolar integers).
    "BIPOLAR1": [-1, 1],
    "BIPOLAR2": [-3, -1, 1, 3],
    "BIPOLAR3": [-7, -5, -3, -1, 1, 3, 5, 7],
    "BIPOLAR4": [-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15],
    # QLoRA's list in single precision, to eight digits; the row has it in units of 2**-15.
    "NF4": [round(value * 32768) / 32768 for value in (
        -1, -0.6961928, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0,
        0.0795803, 0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1,
    )],
}  # fmt: skip


def gfloat_info(name: str) -> FormatInfo | None:
    """gfloat's description of a minifloat, from its name or the table above, never from bitmill's row."""
    found = re.fullmatch(r"E([1-7])M(\d)(_FINITE)?", name)
    if name in SPECIAL_MINIFLOATS:
        exponent, mantissa, bias, inf, nans, minus_zero = SPECIAL_MINIFLOATS[name]
    elif found:
        exponent, mantissa = int(found[1]), int(found[2])
        bias, inf, nans, minus_zero = 2 ** (exponent - 1) - 1, False, 0, True
    else:
        return None
    return FormatInfo(
        name,
        1 + exponent + mantissa,
        mantissa + 1,
        bias=bias,
        is_signed=True,
        domain=Domain.Extended if inf else Domain.Finite,
        has_nz=minus_zero,
        num_high_nans=nans,
        has_subnormals=True,
        is_twos_complement=False,
    )


def integer_row(name: str) -> tuple[int, bool, bool] | None:
    """Width, signed, symmetric of an integer's name."""
    found = re.fullmatch(r"(U?)INT(\d+)(_SYM)?", name)
    return (int(found[2]), not found[1], bool(found[3])) if found else None


MINIFLOATS = [name for name in formats.names() if gfloat_info(name)]
INTEGERS = [name for name in formats.names() if integer_row(name)]


def some_codes(bits: int) -> np.ndarray:
    """All codes up to 16 bits; above, random ones and both ends of every exponent."""
    if bits <= 16:
        return np.arange(1 << bits)
    ends = (np.arange(512)[:, None] << 23) + np.array([0, 1, 2, (1 << 22), (1 << 23) - 1])
    return np.concatenate([ends.ravel(), np.random.default_rng(SEED).integers(0, 1 << bits, 20000)])


def same(ours: np.ndarray, theirs: np.ndarray) -> None:
    """Equal values, NaN in the same places, and the same sign of zero."""
    np.testing.assert_array_equal(ours, theirs)
    numbers = ~np.isnan(theirs)
    np.testing.assert_array_equal(np.signbit(ours)[numbers], np.signbit(theirs)[numbers])


def probes(values: np.ndarray) -> np.ndarray:
    """Values, midpoints of neighbours, float64 and float32 neighbours of each; beyond the range; random ones."""
    finite = np.unique(np.abs(values[np.isfinite(values)]))
    if finite.size > 4000:
        finite = np.unique(np.concatenate([finite[:500], finite[-500:], finite[:: finite.size // 2000]]))
    finite = np.append(finite, 2 * finite[-1] - finite[-2])
    points = np.concatenate([finite, (finite[1:] + finite[:-1]) / 2])
    with np.errstate(over="ignore"):
        single = points.astype(np.float32)
    single = single[np.abs(single) < np.finfo(np.float32).max]
    around = [points, np.nextafter(points, np.inf), np.nextafter(points, 0.0)]
    around += [
        np.nextafter(single, np.float32(np.inf)).astype(float),
        np.nextafter(single, np.float32(0)).astype(float),
    ]
    rng = np.random.default_rng(SEED)
    scale = float(finite[-1])
    around += [
        rng.uniform(-1.2, 1.2, 3000) * scale,
        scale * 2.0 ** rng.uniform(-30, 1, 3000),
        np.array([0.0, scale * 64]),
    ]
    positive = np.concatenate(around)
    return np.concatenate([positive, -positive])


def test_every_catalog_format_has_an_oracle() -> None:
    oracles = {*MINIFLOATS, *INTEGERS, *TYPED_LISTS, *ML_DTYPES, *FLUSHING}
    assert set(formats.names()) - oracles == set()


@pytest.mark.parametrize("name", sorted(ML_DTYPES))
def test_decode_is_ml_dtypes(name: str) -> None:
    dtype = np.dtype(ML_DTYPES[name])
    codes = some_codes(formats.get(name).bits)
    if dtype.kind in "iu" or name.startswith(("INT", "UINT")):
        bits = formats.get(name).bits
        signed = codes - ((codes >> (bits - 1)) << bits) if name.startswith("INT") else codes
        theirs = signed.astype(dtype).astype(np.float64)
    else:
        with np.errstate(invalid="ignore"):
            theirs = codes.astype(f"uint{8 * dtype.itemsize}").view(dtype).astype(np.float64)
    same(decode(name, codes), theirs)


@pytest.mark.parametrize("name", MINIFLOATS)
def test_decode_is_gfloat(name: str) -> None:
    info = gfloat_info(name)
    assert info is not None
    codes = some_codes(info.k)
    same(decode(name, codes), gfloat.decode_ndarray(info, codes))


# Least normal numbers, typed from the formats' definitions; gfloat has no flushing, its formats without subnormals have an
# exponent more.
FLUSHING = {"E4M3_FTZ": 2**-6, "E5M2_FTZ": 2**-14, "E3M2_FTZ": 0.25, "E2M3_FTZ": 1.0, "E2M1_FTZ": 1.0}


@pytest.mark.parametrize(("name", "least"), FLUSHING.items())
def test_decode_of_a_flushing_format_is_gfloat_above_the_least_normal_number(name: str, least: float) -> None:
    info = gfloat_info(name.removesuffix("_FTZ"))
    assert info is not None
    codes = some_codes(info.k)
    theirs = gfloat.decode_ndarray(info, codes)
    same(decode(name, codes), np.where(np.abs(theirs) < least, np.copysign(0.0, theirs), theirs))


@pytest.mark.parametrize(("name", "least"), FLUSHING.items())
def test_encode_of_a_flushing_format_is_the_nearest_number(name: str, least: float) -> None:
    values = decode(name, some_codes(formats.get(name).bits))
    values = values[np.isfinite(values)]
    x = np.random.default_rng(SEED).normal(size=5000) * np.repeat([least, values.max() / 4], 2500)
    x = np.concatenate([x, [least / 2, np.nextafter(least / 2, 1), least, -least / 2]])
    x = x[np.abs(x) < values.max()]
    nearest = np.abs(x[:, None] - values).min(axis=1)
    got = decode(name, encode(name, x))
    np.testing.assert_array_equal(np.abs(x - got), nearest)
    # Half the least number is as far from it as from zero, whose last bit is even.
    np.testing.assert_array_equal(decode(name, encode(name, np.array([least / 2, -least / 2]))), [0.0, -0.0])


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize("rounding", GFLOAT_MODES)
@pytest.mark.parametrize("name", MINIFLOATS)
def test_encode_is_gfloat(name: str, rounding: Rounding, saturate: bool) -> None:
    info = gfloat_info(name)
    assert info is not None
    values = decode(name, some_codes(info.k))
    x = np.append(probes(values), [np.inf, -np.inf])
    if info.num_nans:
        x = np.append(x, np.nan)
    with np.errstate(over="ignore"):
        inputs = [x, x.astype(np.float32)]
    if not saturate and info.domain is Domain.Finite and not info.num_nans:
        # gfloat refuses overflow as bitmill does; here are the values that both accept.
        last = np.diff(np.unique(values)[-2:])[0]
        below, above = {
            "toward-zero": (np.inf, np.inf), "floor": (info.max, np.inf), "ceil": (np.inf, info.max),
        }.get(rounding, (info.max + last / 2, info.max + last / 2))  # fmt: skip
        inputs = [
            x[
                np.isfinite(x)
                & (x > -below if below > info.max else x >= -below)
                & (x < above if above > info.max else x <= above)
            ]
            for x in inputs
        ]
    for x in inputs:
        theirs = gfloat.round_ndarray(info, x.astype(np.float64), GFLOAT_MODES[rounding], sat=saturate)
        same(decode(name, encode(name, x, rounding=rounding, saturate=saturate)), theirs)


@pytest.mark.parametrize("name", [name for name in MINIFLOATS if name in ML_DTYPES])
def test_encode_float32_is_ml_dtypes(name: str) -> None:
    dtype = np.dtype(ML_DTYPES[name])
    codes = some_codes(formats.get(name).bits)
    with np.errstate(over="ignore"):
        x = probes(decode(name, codes)).astype(np.float32)
    patterns = np.random.default_rng(SEED).integers(0, 1 << 32, 100_000, dtype=np.uint32).view(np.float32)
    x = np.concatenate([x, patterns[np.isfinite(patterns)]])
    saturates = name in ("E2M1", "E2M3", "E3M2")
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = x.astype(dtype).astype(np.float64)
    same(decode(name, encode(name, x, saturate=saturates)), theirs)


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize("rounding", GFLOAT_MODES)
@pytest.mark.parametrize("name", INTEGERS)
def test_encode_and_decode_are_python_integers(name: str, rounding: Rounding, saturate: bool) -> None:
    row = integer_row(name)
    assert row is not None
    width, signed, symmetric = row
    low = -(1 << width - 1) + symmetric if signed else 0
    high = (1 << width - signed) - 1
    integers = sorted({*range(max(low, -40), min(high, 40) + 1), low, low + 1, high - 1, high, high // 3})
    x = [float(Fraction(2 * i + half, 2)) for i in integers for half in (-1, 0, 1)]
    x += [float(np.nextafter(v, direction)) for v in x for direction in (-np.inf, np.inf)]
    x += [low - 1.0, low - 0.75, high + 0.75, high + 1.0, 1e30, -1e30]
    rounders: dict[Rounding, Callable[[float], int]] = {
        "nearest-even": round,
        "nearest-away": lambda v: (1 if v > 0 else -1) * int(abs(Fraction(v)) + Fraction(1, 2)),
        "toward-zero": int,
        "floor": math.floor,
        "ceil": math.ceil,
    }
    rounded = [rounders[rounding](v) for v in x]
    if not saturate and not symmetric:
        x = [v for v, r in zip(x, rounded, strict=True) if low <= r <= high]
        rounded = [r for r in rounded if low <= r <= high]
    reserved = 1 << (width - 1)
    expected = [
        reserved if not saturate and not low <= r <= high else min(max(r, low), high) % (1 << width) for r in rounded
    ]
    codes = encode(name, np.array(x), rounding=rounding, saturate=saturate)
    np.testing.assert_array_equal(codes, expected)
    numbers = [(r if low <= r <= high else np.nan) if not saturate else min(max(r, low), high) for r in rounded]
    np.testing.assert_array_equal(decode(name, codes), numbers)


@pytest.mark.parametrize("name", sorted(TYPED_LISTS))
def test_typed_lists(name: str) -> None:
    listed = TYPED_LISTS[name]
    values = np.array([np.nan if v is None else v for v in listed])
    np.testing.assert_array_equal(decode(name, np.arange(len(listed))), values)
    numbers = sorted({v for v in listed if v is not None})
    x = np.arange(-1000, 1001) / 4
    x = np.concatenate([x, np.arange(-300, 301) / 256])
    # Independent of any search: the nearest by exact distance, a tie to the even place among the magnitudes.
    places = sorted({abs(v) for v in numbers})
    expected = [
        min(numbers, key=lambda v: (abs(Fraction(at) - Fraction(v)), places.index(abs(v)) % 2, abs(v), -v)) for at in x
    ]
    np.testing.assert_array_equal(decode(name, encode(name, x)), expected)
    away = [min(numbers, key=lambda v: (abs(Fraction(at) - Fraction(v)), -abs(v), -v)) for at in x]
    np.testing.assert_array_equal(decode(name, encode(name, x, rounding="nearest-away")), away)
    least = [0.0] if 0 in numbers else [v for v in numbers if abs(v) == places[0]]
    inner = [
        max(
            (v for v in numbers if abs(v) <= abs(at) and v * at >= 0),
            key=abs,
            default=min(least, key=lambda v: (abs(Fraction(at) - Fraction(v)), -v)),
        )
        for at in x
    ]
    np.testing.assert_array_equal(decode(name, encode(name, x, rounding="toward-zero")), inner)
    lower = [max((v for v in numbers if v <= at), default=numbers[0]) for at in x]
    np.testing.assert_array_equal(decode(name, encode(name, x, rounding="floor")), lower)
    upper = [min((v for v in numbers if v >= at), default=numbers[-1]) for at in x]
    np.testing.assert_array_equal(decode(name, encode(name, x, rounding="ceil")), upper)
