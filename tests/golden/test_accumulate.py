"""Dot products against exact fractions: the exact accumulator and the FP32 accumulator, in all shapes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import ExactAccumulator, FloatAccumulator, MacConfig, formats
from bitmill.config.presets import REPORT_PAIRS
from bitmill.golden import Result, dot, encode, matmul, to_float

SEED = 1234
NAN = 0x7FC00000
PAIRS = [
    *REPORT_PAIRS,
    ("BF16", "BF16"),
    ("FP16", "FP16"),
    ("TERNARY", "INT8"),
    ("FLINT4", "POT4"),
    ("INT16", "UINT16"),
]
PAIRS += [("FP16", "INT8"), ("E4M3FNUZ", "E5M2FNUZ"), ("INT8_SYM", "E3M4_IEEE"), ("UINT3", "E1M1"), ("E7M0", "E6M1")]


def make(weight: str, activation: str, *, lanes: int = 1, k_max: int = 4096, fp32: bool = False) -> MacConfig:
    return MacConfig(
        weight=weight,
        activation=activation,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        k_max=k_max,
        accumulator=FloatAccumulator() if fp32 else ExactAccumulator(),
    )


def number(name: str, code: int) -> Fraction | float:
    """The code's exact value, or a float NaN or Inf."""
    decoded = formats.get(name).decode(int(code))
    return float(decoded) if decoded.special else decoded.value


def round_to_fp32(value: Fraction) -> Fraction | float:
    """Nearest even, by integers alone: subnormals below 2**-126, infinity from half a step beyond the greatest."""
    if value == 0:
        return Fraction(0)
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
    if magnitude < Fraction(2) ** exponent:
        exponent -= 1
    step = Fraction(2) ** (max(exponent, -126) - 23)
    rounded = round(magnitude / step) * step
    if rounded >= Fraction(2) ** 128:
        return float("inf") if value > 0 else float("-inf")
    return rounded if value > 0 else -rounded


def fp32_code(value: Fraction | float, negative: bool) -> int:
    if isinstance(value, float):
        return NAN if value != value else 0xFF800000 if value < 0 else 0x7F800000
    sign = (1 << 31) if value < 0 or (value == 0 and negative) else 0
    units = abs(value) * Fraction(2) ** 149
    assert units.denominator == 1
    significand, field = int(units), 0
    while significand >= 1 << 24:
        assert significand % 2 == 0
        significand, field = significand // 2, field + 1
    return sign | (field << 23) + significand


def reference_fp32(config: MacConfig, weight: np.ndarray, activation: np.ndarray) -> int:
    """One dot product, step by step, with fractions and the rules for specials spelled out."""
    accumulator: Fraction | float = Fraction(0)
    negative_zero = False
    for start in range(0, len(weight), config.lanes):
        total, infinite = Fraction(0), []
        lanes = slice(start, start + config.lanes)
        for w_code, a_code in zip(weight[lanes], activation[lanes], strict=True):
            w, a = number(config.weight, w_code), number(config.activation, a_code)
            if isinstance(w, float) or isinstance(a, float):
                infinite.append(float(w) * float(a))  # IEEE: NaN, or Inf with the right sign, and Inf x 0 is NaN
            else:
                total += w * a
        if isinstance(accumulator, float):
            infinite.append(accumulator)
        if infinite:
            accumulator = sum(infinite[1:], start=infinite[0])
            continue
        assert isinstance(accumulator, Fraction)
        exact = accumulator + total
        accumulator = round_to_fp32(exact)
        negative_zero = exact < 0
    return fp32_code(accumulator, negative_zero)


def reference_exact(config: MacConfig, weight: np.ndarray, activation: np.ndarray) -> tuple[int, bool]:
    unit = Fraction(2) ** (formats.get(config.weight).min_exponent + formats.get(config.activation).min_exponent)
    total, invalid = Fraction(0), False
    for w_code, a_code in zip(weight, activation, strict=True):
        w, a = number(config.weight, w_code), number(config.activation, a_code)
        if isinstance(w, float) or isinstance(a, float):
            invalid = True
        else:
            total += w * a
    units = Fraction(0) if invalid else total / unit
    assert units.denominator == 1
    half = 1 << (config.accumulator_bits - 1)
    return (int(units) + half) % (2 * half) - half, invalid


def some_codes(name: str, shape: tuple[int, ...], rng: np.random.Generator, *, specials: bool) -> np.ndarray:
    fmt = formats.get(name)
    codes = rng.integers(0, 1 << fmt.bits, shape)
    if specials:
        return codes
    return np.array([0 if fmt.decode(code).special else code for code in codes.ravel().tolist()]).reshape(shape)


def check_exact(config: MacConfig, result: Result, weight: np.ndarray, activation: np.ndarray) -> None:
    for i in range(len(weight)):
        value, invalid = reference_exact(config, weight[i], activation[i])
        assert (int(result.value[i]), bool(result.invalid[i])) == (value, invalid)


def check_fp32(config: MacConfig, result: Result, weight: np.ndarray, activation: np.ndarray) -> None:
    assert result.value.dtype == np.uint32
    for i in range(len(weight)):
        expected = reference_fp32(config, weight[i], activation[i])
        assert int(result.value[i]) == expected, f"row {i}: {int(result.value[i]):#010x}, not {expected:#010x}"


@pytest.mark.parametrize("specials", [False, True])
@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize(("weight", "activation"), PAIRS)
def test_exact_is_the_sum_of_fractions(weight: str, activation: str, lanes: int, specials: bool) -> None:
    config = make(weight, activation, lanes=lanes)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes(name, (6, 23), rng, specials=specials) for name in (weight, activation))
    result = dot(config, w, a)
    assert result.value.dtype == (np.int64 if config.accumulator_bits <= 63 else object)
    assert not result.too_long.any()
    check_exact(config, result, w, a)


@pytest.mark.parametrize("specials", [False, True])
@pytest.mark.parametrize("lanes", [1, 4, 5])
@pytest.mark.parametrize(("weight", "activation"), PAIRS)
def test_fp32_rounds_each_step_once(weight: str, activation: str, lanes: int, specials: bool) -> None:
    config = make(weight, activation, lanes=lanes, fp32=True)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes(name, (12, 23), rng, specials=specials) for name in (weight, activation))
    check_fp32(config, dot(config, w, a), w, a)


def test_exact_fp32_operands_need_many_limbs() -> None:
    config = make("FP32", "FP32")
    rng = np.random.default_rng(SEED)
    w, a = (some_codes("FP32", (8, 40), rng, specials=False) for _ in range(2))
    result = dot(config, w, a)
    assert result.value.dtype == object
    check_exact(config, result, w, a)


@pytest.mark.parametrize("name", ["E5M2", "FP16", "BF16"])
@pytest.mark.parametrize("lanes", [1, 1024])
def test_long_sums_of_full_limbs_stay_exact(name: str, lanes: int) -> None:
    """The greatest number times the greatest and the least, so often that a limb's partial sums could pass 53 bits."""
    config = make(name, name, lanes=lanes)
    fmt = formats.get(name)
    greatest = encode(name, float(fmt.max_value)).item()
    large = np.full((1, 4096), greatest)
    mixed = large.copy()
    mixed[0, ::5] = 1
    least = len(range(0, 4096, 5))
    expected = (4096 - least) * fmt.fixed_max**2 + least * fmt.fixed_max
    assert int(dot(config, large, mixed).value[0]) == expected
    assert int(dot(config, mixed, large).value[0]) == expected
    single = make(name, name, lanes=lanes, fp32=True)
    check_fp32(single, dot(single, large, mixed), large, mixed)


@pytest.mark.parametrize("fp32", [False, True])
@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize(
    ("weight", "activation"), [("E4M3", "E4M3"), ("E5M2", "E5M2"), ("INT8", "INT4"), ("FP16", "BF16")]
)
def test_matmul_is_dot_of_every_pair(weight: str, activation: str, lanes: int, fp32: bool) -> None:
    config = make(weight, activation, lanes=lanes, fp32=fp32)
    rng = np.random.default_rng(SEED)
    w = some_codes(weight, (7, 29), rng, specials=True)
    a = some_codes(activation, (5, 29), rng, specials=True)
    w[:4], a[:3] = (some_codes(n, s, rng, specials=False) for n, s in ((weight, (4, 29)), (activation, (3, 29))))
    product = matmul(config, w, a)
    pairs = dot(config, np.repeat(w, 5, axis=0), np.tile(a, (7, 1)))
    for field in ("value", "invalid", "too_long"):
        together, apart = getattr(product, field), getattr(pairs, field)
        assert together.shape == (7, 5)
        np.testing.assert_array_equal(together.ravel(), apart)
    assert product.invalid.any() == (weight != "INT8")
    assert not product.invalid.all()


def test_matmul_in_blocks_is_matmul_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    config = make("E4M3", "E4M3", lanes=4, fp32=True)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes("E4M3", (rows, 17), rng, specials=True) for rows in (11, 6))
    whole = matmul(config, w, a)
    monkeypatch.setattr("bitmill.golden.mac.accumulate_float._OUTPUTS_AT_ONCE", 12)
    np.testing.assert_array_equal(matmul(config, w, a).value, whole.value)


@pytest.mark.parametrize("fp32", [False, True])
@pytest.mark.parametrize(("weight", "activation"), [("E4M3", "E5M2"), ("INT8", "INT8"), ("E3M2", "TERNARY")])
def test_ragged_rows_are_padded_with_zero(weight: str, activation: str, fp32: bool) -> None:
    config = make(weight, activation, lanes=8, fp32=fp32)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes(name, (4, 21), rng, specials=False) for name in (weight, activation))
    padded = [np.pad(c, ((0, 0), (0, 3))) for c in (w, a)]
    np.testing.assert_array_equal(dot(config, w, a).value, dot(config, *padded).value)


PATTERNS = {
    "BF16": st.one_of(
        st.integers(0, 0xFFFF),
        st.sampled_from(
            [0, 0x8000, 1, 0x8001, 0x7F, 0x80, 0x7F7F, 0xFF7F, 0x3F80, 0xBF80, 0x1A80, 0x1A00, 0x7F80, 0xFF80]
        ),
    ),
    "FP16": st.one_of(
        st.integers(0, 0xFFFF), st.sampled_from([0, 0x8000, 1, 0x8001, 0x3FF, 0x7BFF, 0xFBFF, 0x3C00, 0x7C00, 0xFC00])
    ),
    "FP32": st.one_of(
        st.integers(0, 0xFFFFFFFF),
        st.sampled_from(
            [0, 1, 1 << 31, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800001, 0x7F800000]
        ),
        st.integers(0x3F000000, 0x40000000),
    ),
    "E5M2": st.integers(0, 0xFF),
}


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from(sorted(PATTERNS)), st.integers(1, 4), st.integers(1, 9))
def test_fp32_of_any_operands(data: st.DataObject, name: str, lanes: int, length: int) -> None:
    config = make(name, name, lanes=lanes, fp32=True)
    rows = st.lists(PATTERNS[name], min_size=length, max_size=length)
    w, a = (np.array([data.draw(rows)]) for _ in range(2))
    check_fp32(config, dot(config, w, a), w, a)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from(sorted(PATTERNS)), st.integers(1, 4), st.integers(1, 9))
def test_exact_of_any_operands(data: st.DataObject, name: str, lanes: int, length: int) -> None:
    config = make(name, name, lanes=lanes)
    rows = st.lists(PATTERNS[name], min_size=length, max_size=length)
    w, a = (np.array([data.draw(rows)]) for _ in range(2))
    check_exact(config, dot(config, w, a), w, a)


@pytest.mark.parametrize("lanes", [1, 3])
def test_fp32_subnormal_and_overflowing_sums(lanes: int) -> None:
    """BF16 products around 2**-149 and 2**128, where a second rounding would show."""
    config = make("BF16", "BF16", lanes=lanes, fp32=True)
    rng = np.random.default_rng(SEED)
    rows, length = 150, 9
    signs = rng.integers(0, 2, (rows, length)) << 15
    tiny = (rng.integers(0, 128, (rows, length)) + (rng.integers(45, 62, (rows, length)) << 7)) | signs
    check_fp32(config, dot(config, tiny, tiny[::-1]), tiny, tiny[::-1])
    huge = (rng.integers(0, 128, (rows, length)) + (rng.integers(188, 192, (rows, length)) << 7)) | signs
    result = dot(config, huge, huge[::-1])
    check_fp32(config, result, huge, huge[::-1])
    assert np.isinf(to_float(config, result)).any()
    assert np.isfinite(to_float(config, result)).any()


@pytest.mark.parametrize("fp32", [False, True])
def test_real_values_are_those_of_float64(fp32: bool) -> None:
    config = make("E4M3", "E2M3", fp32=fp32, lanes=4)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes(name, (20, 64), rng, specials=False) for name in ("E4M3", "E2M3"))
    values = [[float(number(n, c)) for c in row] for n, codes in (("E4M3", w), ("E2M3", a)) for row in codes]
    expected = (np.array(values[:20]) * np.array(values[20:])).sum(axis=1)
    real = to_float(config, dot(config, w, a))
    if fp32:
        np.testing.assert_allclose(real, expected, rtol=1e-5, atol=1e-3)
    else:
        np.testing.assert_array_equal(real, expected)  # 47 bits: the float64 sum is exact as well
