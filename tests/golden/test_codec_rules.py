"""The documented rules of encode and decode: specials, saturation, minus zero, lookup tables, errors."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import BitmillError, formats
from bitmill.formats import Codebook, Int, Minifloat, TopExponent
from bitmill.golden import ROUNDINGS, Rounding, decode, encode
from bitmill.golden.codec import is_overflow
from bitmill.golden.grid import grid

NARROW = [name for name in formats.names() if formats.get(name).bits <= 8]
SEED = 4096


@pytest.mark.parametrize("name", formats.names())
def test_codes_of_values_come_back(name: str) -> None:
    fmt = formats.get(name)
    codes = np.arange(1 << fmt.bits) if fmt.bits <= 16 else np.random.default_rng(SEED).integers(0, 1 << 32, 20000)
    values = decode(fmt, codes)
    number = ~np.isnan(values)
    if name.endswith("_FTZ"):
        # Codes that are flushed are zeros beside the two that zero has.
        fraction = codes % (1 << fmt.significand_bits - 1)
        number &= (values != 0) | (fraction == 0)
    back = encode(fmt, values[number], saturate=False)
    np.testing.assert_array_equal(back, codes[number])
    assert back.dtype == (np.uint8 if fmt.bits <= 8 else np.uint16 if fmt.bits <= 16 else np.uint32)


def _around_decision_points(points: np.ndarray, shift: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        patterns = points.astype(np.float32).view(np.uint32)
    steps = np.array([-1, 0, 1, 1 << shift, -(1 << shift)], dtype=np.int64)
    near = (patterns.astype(np.int64)[:, None] + steps).ravel() % (1 << 32)
    anywhere = np.random.default_rng(SEED).integers(0, 1 << 32, 60_000)
    corners = [0, 1, 1 << 31, (1 << 31) + 1, 0x7F800000, 0x7F800001, 0x7FFFFFFF, 0xFF800000, 0xFF800001, 0xFFFFFFFF]
    return np.concatenate([near, anywhere, corners]).astype(np.uint32).view(np.float32)


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize("rounding", [name for name in ROUNDINGS if name != "stochastic"])
@pytest.mark.parametrize("name", [*NARROW, "BF16"])
def test_the_lookup_table_agrees_with_the_exact_search(name: str, rounding: Rounding, saturate: bool) -> None:
    decisions = grid(formats.get(name), rounding, saturate)
    if name == "NF4":
        assert decisions.shift is None, "quantiles have no short patterns; they are searched for"
        return
    assert decisions.shift is not None, "a format of at most 8 bits and BF16 should be fast"
    x = _around_decision_points(decisions.points, decisions.shift)
    with np.errstate(invalid="ignore"):
        exact = decisions.search(x.astype(np.float64))
    np.testing.assert_array_equal(decisions.look_up(x), exact)


def test_float64_is_not_rounded_twice() -> None:
    just_above_a_tie = 1.0625 + 2.0**-50  # E4M3 steps by 1/8 at 1; float32 cannot tell it from the tie
    assert np.float32(just_above_a_tie) == 1.0625
    assert decode("E4M3", encode("E4M3", [1.0625, just_above_a_tie])).tolist() == [1.0, 1.125]
    many = np.full(10_000, just_above_a_tie)
    assert set(decode("E4M3", encode("E4M3", many))) == {1.125}
    assert decode("FP32", encode("FP32", 1 + 2.0**-24 + 2.0**-50)) == 1 + 2.0**-23


def test_nan_codes() -> None:
    expected = {
        "E5M2": 0x7E,
        "E4M3": 0x7F,
        "E4M3FNUZ": 0x80,
        "FP16": 0x7E00,
        "BF16": 0x7FC0,
        "FP32": 0x7FC00000,
        "E8M0": 0xFF,
        "INT8_SYM": 0x80,
        "TERNARY": 2,
    }
    for name, code in expected.items():
        for saturate in (True, False):
            assert encode(name, [np.nan, -np.nan], saturate=saturate).tolist() == [code, code]


@pytest.mark.parametrize("size", [7, 10_000])
def test_nan_without_a_code_is_counted(size: int) -> None:
    x = np.zeros(size, dtype=np.float32)
    x[[1, 4, 6]] = np.nan
    with pytest.raises(BitmillError, match=f"INT8.*3 NaN of {size}"):
        encode("INT8", x)
    with pytest.raises(BitmillError, match=f"E2M1.*3 NaN of {size}"):
        encode("E2M1", x, saturate=False)


@pytest.mark.parametrize("size", [5, 10_000])
def test_overflow_without_a_code_is_counted(size: int) -> None:
    x = np.zeros(size, dtype=np.float32)
    x[[0, 1, 2]] = np.inf, -300, 127.5
    with pytest.raises(BitmillError, match=f"3 out of range of {size}"):
        encode("INT8", x, saturate=False)
    assert encode("INT8", x)[:3].tolist() == [127, 128, 127]


def test_overflow_follows_ieee_where_there_is_inf() -> None:
    x = [65519.99, 65520.0, -65520.0, np.inf]
    assert decode("FP16", encode("FP16", x, saturate=False)).tolist() == [65504, np.inf, -np.inf, np.inf]
    assert decode("FP16", encode("FP16", x)).tolist() == [65504, 65504, -65504, 65504]
    toward_zero = encode("FP16", [1e30, -np.inf], saturate=False, rounding="toward-zero")
    assert decode("FP16", toward_zero).tolist() == [65504, -np.inf]


def test_overflow_goes_to_nan_where_there_is_no_inf() -> None:
    codes = encode("E4M3", [464, 464.1, -1e9, np.inf], saturate=False)
    assert codes.tolist() == [0x7E, 0x7F, 0x7F, 0x7F]
    assert encode("TERNARY", [1.0, 1.01], saturate=False).tolist() == [1, 2]


def test_minus_zero_is_kept_where_there_is_one() -> None:
    x = [-0.0, -1e-30, 1e-30]
    kept = {"E4M3": [0x80, 0x80, 0], "FP32": [1 << 31, 0x8DA24260, 0x0DA24260], "FLINT4": [8, 8, 0]}
    for name in ("E4M3", "FLINT4"):
        assert encode(name, x).tolist() == kept[name]
    np.testing.assert_array_equal(encode("FP32", x), np.array(x, dtype=np.float32).view(np.uint32))
    for name in ("E4M3FNUZ", "INT8", "UINT4", "TERNARY"):
        assert encode(name, x).tolist() == [0, 0, 0]


def test_input_dtypes_agree() -> None:
    x = np.random.default_rng(SEED).standard_normal(6000).astype(np.float16)
    expected = encode("E3M2", x.astype(np.float64))
    np.testing.assert_array_equal(encode("E3M2", x), expected)
    np.testing.assert_array_equal(encode("E3M2", x.astype(np.float32)), expected)
    narrow = x.astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(encode("E3M2", narrow), encode("E3M2", narrow.astype(np.float64)))
    integers = np.arange(-9, 10)
    np.testing.assert_array_equal(encode("INT4", integers), encode("INT4", integers.astype(np.float64)))


def test_shapes_are_kept() -> None:
    assert encode("INT4", 3.2).shape == ()
    assert encode("INT4", np.zeros((2, 0, 3))).shape == (2, 0, 3)
    x = np.random.default_rng(SEED).standard_normal((40, 300)).astype(np.float32).T
    np.testing.assert_array_equal(encode("E4M3", x), encode("E4M3", x.astype(np.float64)))
    assert decode("E4M3", np.zeros((2, 3), np.uint8)).shape == (2, 3)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1e300, 1e300), st.sampled_from(["E4M3", "E5M2", "FP16", "INT7", "POT4", "FP32"]))
def test_rounding_is_monotone_and_brackets(x: float, name: str) -> None:
    down, nearest = (float(decode(name, encode(name, x, rounding=r))) for r in ("toward-zero", "nearest-even"))
    assert abs(down) <= abs(x)
    assert abs(nearest - x) <= abs(down - x)
    above = float(np.nextafter(x, np.inf))
    assert nearest <= float(decode(name, encode(name, above)))


def test_lopsided_codebook_ties_across_zero() -> None:
    fmt = Codebook(name="ODD", values=(-4, -1, 1, 2))
    assert decode(fmt, encode(fmt, [0.0, 1.5, -2.5, 9, -9])).tolist() == [1, 1, -1, 2, -4]
    assert decode(fmt, encode(fmt, [0.0, 1.5, -2.5], rounding="nearest-away")).tolist() == [1, 2, -4]
    assert decode(fmt, encode(fmt, [0.5, -0.5, -3.9], rounding="toward-zero")).tolist() == [1, -1, -1]


def test_wide_formats_outside_the_catalog() -> None:
    wide = Minifloat(name="E6M12", exponent_bits=6, mantissa_bits=12)
    values = decode(wide, np.random.default_rng(SEED).integers(0, 1 << 19, 5000))
    np.testing.assert_array_equal(decode(wide, encode(wide, values)), values)
    with pytest.raises(BitmillError, match="1 out of range"):
        encode(wide, 1e30, saturate=False)
    integer = Int(name="INT20", width=20)
    assert decode(integer, encode(integer, [2.5, -2.5, 1e9, -1e9])).tolist() == [2, -2, 2**19 - 1, -(2**19)]
    symmetric = Int(name="INT20_SYM", width=20, symmetric=True)
    assert np.isnan(decode(symmetric, encode(symmetric, [1e9], saturate=False)))
    with pytest.raises(BitmillError, match="E6M12_FTZ"):
        encode(Minifloat(name="E6M12_FTZ", exponent_bits=6, mantissa_bits=12, subnormals=False), 1.0)


def test_flushing_formats_have_no_subnormals() -> None:
    fmt = Minifloat(name="E3M2_FTZ", exponent_bits=3, mantissa_bits=2, subnormals=False)
    least = float(fmt.min_positive)
    assert decode(fmt, encode(fmt, [least, least * 0.51, least * 0.49])).tolist() == [least, least, 0]


def test_decode_wrong_codes() -> None:
    with pytest.raises(BitmillError, match=r"codes must be codes of INT4 in 0\.\.15, not 16"):
        decode("INT4", [3, 16])
    with pytest.raises(BitmillError, match="not -1"):
        decode("INT4", [-1])
    with pytest.raises(BitmillError, match="not float64"):
        decode("INT4", [1.0])


def test_encode_wrong_arguments() -> None:
    with pytest.raises(BitmillError, match=r"rounding must be one of nearest-even, .* not 'up'"):
        encode("INT4", 1.0, rounding="up")  # pyright: ignore[reportArgumentType]
    with pytest.raises(BitmillError, match="not <U1"):
        encode("INT4", "a")
    with pytest.raises(BitmillError, match="within 2\\*\\*53"):
        encode("FP32", np.array([2**60 + 1]))
    with pytest.raises(BitmillError, match="E4M4"):
        encode("E4M4", 1.0)


def test_without_mantissa_overflow_begins_half_a_step_beyond_the_greatest_number() -> None:
    fmt = Minifloat(name="X", exponent_bits=3, mantissa_bits=0, top=TopExponent.FN)
    assert fmt.max_value == 8
    assert is_overflow(fmt, [11.9, 12.1, -12.1, 16.0]).tolist() == [False, True, True, True]
    assert decode(fmt, encode(fmt, [11.9], saturate=False)).tolist() == [8.0]
