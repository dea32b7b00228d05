"""What dot products do beyond plain sums: lengths, wrapping, specials, zero signs, outside implementations, errors."""

from __future__ import annotations

from typing import Literal, get_args

import apytypes
import numpy as np
import pytest

from bitmill import (
    BitmillError,
    ExactAccumulator,
    FixedAccumulator,
    FloatAccumulator,
    MacConfig,
    config,
    formats,
)
from bitmill.formats import Minifloat, TopExponent
from bitmill.golden import decode, dot, encode, matmul, to_float
from bitmill.golden.mac.accumulate import ACCUMULATORS
from bitmill.golden.mac.accumulate_float import sums_fit_float32
from bitmill.golden.mac.float_register import FloatRegister

SEED = 99
NAN, INF, MINUS_INF = 0x7FC00000, 0x7F800000, 0xFF800000
FP32 = FloatAccumulator()


def mac(name: str, *, accumulator: FloatAccumulator | ExactAccumulator = FP32, k_max: int = 4096) -> MacConfig:
    return MacConfig(weight=name, activation=name, accumulator=accumulator, k_max=k_max)


def wide(name: str, lanes: int, *, k_max: int = 4096) -> MacConfig:
    return MacConfig(weight=name, activation=name, unit="dot", lanes=lanes, accumulator=FP32, k_max=k_max)


def fp32_of(configuration: MacConfig, weight: list[float], activation: list[float]) -> int:
    w = encode(configuration.weight, [weight], saturate=False)
    a = encode(configuration.activation, [activation], saturate=False)
    return int(dot(configuration, w, a).value[0])


def test_every_accumulator_kind_has_an_implementation() -> None:
    union, _ = get_args(config.Accumulator)
    assert set(ACCUMULATORS) == {kind.model_fields["kind"].default for kind in get_args(union)}


@pytest.mark.parametrize(("lanes", "k_max", "longest"), [(1, 5, 5), (4, 5, 8), (4, 8, 8)])
@pytest.mark.parametrize("accumulator", [ExactAccumulator(), FP32])
def test_too_long_counts_steps(
    lanes: int, k_max: int, longest: int, accumulator: ExactAccumulator | FloatAccumulator
) -> None:
    unit = "mac" if lanes == 1 else "dot"
    settings = MacConfig(weight="INT4", activation="INT4", unit=unit, lanes=lanes, k_max=k_max, accumulator=accumulator)
    for length, expected in ((longest - 1, False), (longest, False), (longest + 1, True), (longest * 3, True)):
        codes = np.ones((2, length), np.uint8)
        assert dot(settings, codes, codes).too_long.tolist() == [expected] * 2
        assert (matmul(settings, codes, codes).too_long == expected).all()
        assert (to_float(settings, dot(settings, codes, codes)) == length).all() or expected


def test_too_long_sums_wrap() -> None:
    settings = mac("INT4", accumulator=ExactAccumulator(), k_max=2)
    assert settings.accumulator_bits == 9  # 2 * 64 = 128 needs nine bits
    codes = np.full((1, 5), 8)  # -8 * -8 = 64, five times: 320 = -192 modulo 512
    result = dot(settings, codes, codes)
    assert (int(result.value[0]), bool(result.too_long[0])) == (-192, True)
    assert int(dot(settings, codes[:, :3], codes[:, :3]).value[0]) == 192
    wide_sum = MacConfig(weight="INT4", activation="INT4", k_max=2, accumulator=ExactAccumulator(width=70))
    assert dot(wide_sum, codes, codes).value.tolist() == [320]


def test_too_long_wide_sums_wrap() -> None:
    settings = mac("E5M2", accumulator=ExactAccumulator(), k_max=1)
    assert settings.accumulator_bits == 65
    largest = np.full((1, 5), 0x7B)
    units = (57344 * 2**16) ** 2 * 5
    value = int(dot(settings, largest, largest).value[0])
    assert value != units
    assert (value - units) % 2**65 == 0
    assert -(2**64) <= value < 2**64


def test_exact_sums_of_63_bits_stay_in_int64() -> None:
    settings = MacConfig(weight="INT16", activation="INT16", accumulator=ExactAccumulator(width=63))
    codes = np.full((1, 4096), 1 << 15)
    result = dot(settings, codes, codes)
    assert result.value.dtype == np.int64
    assert result.value.tolist() == [4096 << 30]


SPECIAL_CASES = [
    ("nan", [np.nan, 1], [1, 1], NAN),
    ("nan times zero", [0, 1], [np.nan, 1], NAN),
    ("nan after infinity", [np.inf, np.nan], [1, 1], NAN),
    ("infinity", [np.inf, 1], [2, 1], INF),
    ("minus infinity", [1, np.inf], [1, -2], MINUS_INF),
    ("infinity times minus infinity", [np.inf, 1], [-np.inf, 1], MINUS_INF),
    ("infinity times zero", [np.inf, 1], [0, 1], NAN),
    ("zero times infinity", [-0.0, 1], [np.inf, 1], NAN),
    ("both infinities", [np.inf, -np.inf], [1, 1], NAN),
    ("same infinity twice", [np.inf, -np.inf], [1, -1], INF),
]


@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize(("about", "weight", "activation", "expected"), SPECIAL_CASES)
def test_specials_in_fp32(about: str, weight: list[float], activation: list[float], expected: int, lanes: int) -> None:
    settings = mac("E5M2") if lanes == 1 else wide("E5M2", lanes)
    assert fp32_of(settings, weight, activation) == expected, about
    assert fp32_of(settings, activation, weight) == expected, about
    tail = [1.0, -1.0, 0.5]
    assert fp32_of(settings, weight + tail, activation + tail) == expected, about


def test_overflow_meets_infinity() -> None:
    big = float(2.0**127)
    assert fp32_of(mac("BF16"), [big, 1], [2, 1]) == INF
    assert fp32_of(mac("BF16"), [big, -big], [2, 2]) == INF  # an overflowed accumulator stays
    assert fp32_of(mac("BF16"), [-big, np.inf], [2, 1]) == NAN
    assert fp32_of(mac("BF16"), [big, np.inf], [2, 1]) == INF
    # Within one step the sum is exact: nothing overflows before the infinity or the cancellation.
    assert fp32_of(wide("BF16", 2), [-big, np.inf], [2, 1]) == INF
    assert fp32_of(wide("BF16", 3), [big, -big, 1], [2, 2, 1]) == 0x3F800000


def test_zero_signs() -> None:
    least = 2.0**-133  # BF16's least subnormal
    assert fp32_of(mac("BF16"), [1, -1], [1, 1]) == 0
    assert fp32_of(mac("BF16"), [-0.0], [1]) == 0
    assert fp32_of(mac("BF16"), [-least], [least]) == 1 << 31
    assert fp32_of(mac("BF16"), [-least, 0], [least, 1]) == 0
    assert fp32_of(wide("BF16", 2), [-least, 0], [least, -0.0]) == 1 << 31
    assert fp32_of(wide("BF16", 2), [-least, 0, 0, 0], [least, 1, 1, 1]) == 0
    assert fp32_of(wide("BF16", 2), [-0.0, 0], [1, -1]) == 0
    assert fp32_of(wide("E2M1", 2), [-0.0, 0], [1, -1]) == 0
    assert fp32_of(mac("E2M1"), [-0.0, 0], [1, -1]) == 0


def test_a_step_rounds_its_exact_sum_once() -> None:
    # 2**24 + 1 + 2**-60: rounding the tail away first would leave a tie, and the tie goes to even.
    settings = wide("BF16", 3)
    assert fp32_of(settings, [2.0**12, 1, 2.0**-30], [2.0**12, 1, 2.0**-30]) == 0x4B800001
    assert fp32_of(settings, [2.0**12, 1, 2.0**-30], [2.0**12, 1, -(2.0**-30)]) == 0x4B800000
    assert fp32_of(settings, [2.0**12, 1, 0], [2.0**12, 1, 0]) == 0x4B800000
    # The same at half of the least subnormal.
    assert fp32_of(settings, [2.0**-100, 2.0**-100, 0], [2.0**-50, 2.0**-90, 0]) == 1
    assert fp32_of(settings, [2.0**-100, -(2.0**-100), 0], [2.0**-50, 2.0**-90, 0]) == 0


@pytest.mark.parametrize("name", ["E4M3", "E5M2", "INT8", "E2M1", "E3M2"])
def test_mac_of_small_formats_is_numpy_float32(name: str) -> None:
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 1 << formats.get(name).bits, (2, 40, 200))
    codes = np.where(np.isfinite(decode(name, codes)), codes, 0)
    w, a = (decode(name, c) for c in codes)
    accumulator = np.zeros(40, np.float32)
    for k in range(200):
        accumulator = accumulator + (w[:, k] * a[:, k]).astype(np.float32)
    np.testing.assert_array_equal(dot(mac(name), *codes).value.view(np.float32), accumulator)


@pytest.mark.parametrize(
    ("name", "lanes"), [("E4M3", 1), ("E5M2", 1), ("INT8", 1), ("E2M1", 32), ("INT4", 8), ("BF16", 1)]
)
def test_the_float32_short_cut_changes_nothing(name: str, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = mac(name) if lanes == 1 else wide(name, lanes)
    assert sums_fit_float32(settings.product, lanes) == (name != "BF16")
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 1 << formats.get(name).bits, (2, 60, 256))
    codes[:, :50] = np.where(np.isfinite(decode(name, codes[:, :50])), codes[:, :50], 0)
    short = dot(settings, *codes).value
    monkeypatch.setattr("bitmill.golden.mac.accumulate_float.sums_fit_float32", lambda product, lanes: False)
    np.testing.assert_array_equal(dot(settings, *codes).value, short)


@pytest.mark.parametrize("name", ["E4M3_IEEE", "E5M2", "E3M4_IEEE"])
def test_exact_sums_are_those_of_apytypes(name: str) -> None:
    """apytypes multiplies and adds in a float format wide enough to be exact."""
    fmt = formats.get(name)
    exponent_bits, mantissa_bits = int(name[1]), int(name[3])
    rng = np.random.default_rng(SEED)
    codes = rng.integers(0, 1 << fmt.bits, (2, 10, 30))
    codes = np.where(np.isfinite(decode(name, codes)), codes, 1)
    settings = mac(name, accumulator=ExactAccumulator())
    ours = to_float(settings, dot(settings, *codes))
    for row in range(10):
        operands = [apytypes.APyFloatArray.from_bits(c[row].tolist(), exponent_bits, mantissa_bits) for c in codes]
        total = apytypes.APyFloat.from_float(0.0, 11, 60)
        for w, a in zip(*operands, strict=True):
            total = total + w.cast(11, 60) * a.cast(11, 60)
        assert float(total) == ours[row]


def test_adding_to_a_register_handles_overlapping_terms() -> None:
    fmt = formats.get("FP32")
    assert isinstance(fmt, formats.Minifloat)
    register = FloatRegister(fmt)
    accumulator = np.array([1.0, 1.0, -1.0], dtype=np.float32)
    terms = [np.array([2.0**-24, 2.0**-24, 2.0**-24]), np.array([2.0**-90, -(2.0**-90), -(2.0**-30)])]
    expected = np.array([1 + 2.0**-23, 1.0, -(1 - 2.0**-24)], dtype=np.float32)
    np.testing.assert_array_equal(register.add(accumulator, terms), expected)
    np.testing.assert_array_equal(register.add(np.array([-0.0], np.float32), []).view(np.uint32), [0])


def test_an_invalid_operand_makes_the_exact_value_zero() -> None:
    settings = mac("E5M2", accumulator=ExactAccumulator())
    w = encode("E5M2", [[1, np.nan, 2], [1, 1, 2], [np.inf, 1, 2]], saturate=False)
    a = encode("E5M2", [[1, 1, 3], [1, 1, 3]], saturate=False)
    result = matmul(settings, w, a)
    assert result.invalid.tolist() == [[True, True], [False, False], [True, True]]
    assert (result.value * 2.0**-32).tolist() == [[0, 0], [8, 8], [0, 0]]
    np.testing.assert_array_equal(to_float(settings, result), [[np.nan, np.nan], [8, 8], [np.nan, np.nan]])


def test_to_float_rounds_wide_sums_once() -> None:
    settings = MacConfig(weight="FP32", activation="FP32", k_max=4)
    w = encode("FP32", [[1.0, 2.0**-60, 2.0**-70]])
    a = encode("FP32", [[1.0, 2.0**7, 2.0**-70]])
    assert to_float(settings, dot(settings, w, a)) == 1 + 2.0**-52
    assert to_float(settings, dot(settings, w[:, :2], a[:, :2])) == 1.0


@pytest.mark.parametrize("call", [matmul, dot])
@pytest.mark.parametrize(
    ("weight", "activation", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((2, 4), int), "activation_codes must have rows of 3 codes .*, not 4"),
        (np.full((2, 3), 16), np.zeros((2, 3), int), r"weight_codes must be codes of INT4 in 0\.\.15, not 16"),
        (np.zeros((2, 3), int), np.full((2, 3), -1), "activation_codes must be codes of INT8 .*, not -1"),
        (np.zeros((2, 3)), np.zeros((2, 3), int), "weight_codes must be integer codes of INT4, not float64"),
        (np.zeros(3, int), np.zeros((2, 3), int), r"weight_codes must have shape \[rows, K\] .*, not \(3,\)"),
        (np.zeros((2, 0), int), np.zeros((2, 0), int), r"weight_codes must have shape .*, not \(2, 0\)"),
    ],
)
def test_dot_products_wrong_operands(call: object, weight: np.ndarray, activation: np.ndarray, message: str) -> None:
    settings = MacConfig(weight="INT4", activation="INT8")
    assert callable(call)
    with pytest.raises(BitmillError, match=message):
        call(settings, weight, activation)


def test_dot_wrong_number_of_rows() -> None:
    settings = MacConfig(weight="INT4", activation="INT8")
    with pytest.raises(BitmillError, match="activation_codes must have 2 rows as weight_codes has, not 3"):
        dot(settings, np.zeros((2, 3), int), np.zeros((3, 3), int))


@pytest.mark.parametrize("accumulator", [ExactAccumulator(), FP32])
def test_no_rows_give_no_results(accumulator: ExactAccumulator | FloatAccumulator) -> None:
    settings = mac("E4M3", accumulator=accumulator)
    assert matmul(settings, np.zeros((0, 3), int), np.zeros((4, 3), int)).value.shape == (0, 4)
    assert matmul(settings, np.zeros((4, 3), int), np.zeros((0, 3), int)).value.shape == (4, 0)
    assert dot(settings, np.zeros((0, 3), int), np.zeros((0, 3), int)).value.shape == (0,)


@pytest.mark.parametrize(("overflow", "expected"), [("saturate", 2**63 - 1), ("wrap", 49 * 2**58 - 2**64)])
def test_a_fixed_accumulator_narrower_than_the_products(overflow: Literal["saturate", "wrap"], expected: int) -> None:
    # 57344 is 7 * 2**13, in units of the product's step (7 * 2**29)**2 = 49 * 2**58: beyond int64 before any clamp.
    accumulator = FixedAccumulator(width=64, overflow=overflow)
    configuration = MacConfig(weight="E5M2", activation="E5M2", accumulator=accumulator)
    codes = encode("E5M2", np.array([[57344.0]]))
    assert dot(configuration, codes, codes).value.tolist() == [expected]


def test_a_float_register_of_too_many_bits_is_refused() -> None:
    def of(bits: int) -> Minifloat:
        return Minifloat(name="wide", exponent_bits=8, mantissa_bits=bits - 1, top=TopExponent.IEEE)

    assert FloatRegister(of(51)).dtype == np.float64
    with pytest.raises(ValueError, match="at most 51 significand bits"):
        FloatRegister(of(52))
