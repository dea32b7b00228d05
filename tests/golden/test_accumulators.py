"""Every accumulator beyond exact and FP32, step by step against fractions, and its boundaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill import ExactAccumulator, FixedAccumulator, FloatAccumulator, WindowAccumulator, formats
from bitmill.config.accumulator_spec import AccumulatorSpec
from bitmill.golden import decode, dot, encode, matmul, to_float

from .accumulator_reference import PRODUCT_BITS, check, make

SEED = 4711


def some_codes(name: str, shape: tuple[int, ...], rng: np.random.Generator, *, specials: bool = False) -> np.ndarray:
    fmt = formats.get(name)
    codes = rng.integers(0, 1 << fmt.bits, shape)
    keep = np.isfinite(decode(name, codes)) | (specials & (rng.random(shape) < 0.1))
    return np.where(keep, codes, 0)


SPECS: list[AccumulatorSpec] = [
    *(FixedAccumulator(width=width, overflow=how) for width in (2, 9, 17, 33, 70) for how in ("saturate", "wrap")),
    *(WindowAccumulator(width=width) for width in (4, 5, 8, 13, 24, 48)),
    *(FloatAccumulator(format=name, fused=fused) for name in ("FP16", "BF16") for fused in (None, 8, 24)),
    *(FloatAccumulator(fused=fused) for fused in (4, 8, 20)),
    *(WindowAccumulator(width=width, rounding="truncate") for width in (4, 5, 8, 13, 24, 48)),
    *(FloatAccumulator(format=name, rounding="truncate") for name in ("FP32", "FP16", "BF16")),
    *(FloatAccumulator(format=name, fused=8, rounding="truncate") for name in ("FP32", "FP16")),
]


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.title(0))
@pytest.mark.parametrize("pair", [pair for pair in PRODUCT_BITS if pair != ("FP32", "FP32")])
def test_every_kind_is_its_definition_on_fractions(pair: tuple[str, str], spec: AccumulatorSpec, lanes: int) -> None:
    config = make(pair, spec, lanes=lanes)
    rng = np.random.default_rng(SEED)
    for specials in (False, True):
        w, a = (some_codes(name, (8, 33 * lanes // 3), rng, specials=specials) for name in pair)
        # Some zeros, because a zero product has an exponent but takes no part in the window.
        w[rng.random(w.shape) < 0.2] = 0
        check(config, w, a)


@pytest.mark.parametrize("rounding", ["nearest-even", "truncate"])
@pytest.mark.parametrize("width", [4, 31, 48])
def test_a_window_of_the_widest_products(width: int, rounding: Any) -> None:
    config = make(("FP32", "FP32"), WindowAccumulator(width=width, rounding=rounding), lanes=16)
    rng = np.random.default_rng(SEED)
    exponents = rng.integers(90, 160, (2, 10, 64)) << 23
    codes = rng.integers(0, 1 << 23, (2, 10, 64)) | exponents | rng.integers(0, 2, (2, 10, 64)) << 31
    check(config, *codes)
    largest = np.full((1, 64), 0x7F7FFFFF)
    assert np.isfinite(check(config, largest, largest)).all()


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(SPECS), st.sampled_from([("E5M2", "E5M2"), ("BF16", "BF16"), ("INT8", "E5M2")]))
def test_any_operands(data: st.DataObject, spec: AccumulatorSpec, pair: tuple[str, str]) -> None:
    config = make(pair, spec, lanes=data.draw(st.sampled_from([1, 2, 4])))
    length = config.lanes * data.draw(st.integers(1, 6))
    rows = []
    for name in pair:
        fmt = formats.get(name)
        codes = st.integers(0, (1 << fmt.bits) - 1)
        rows.append(np.array([data.draw(st.lists(codes, min_size=length, max_size=length))]))
    check(config, *rows)


@pytest.mark.parametrize("spec", SPECS[::3], ids=lambda spec: spec.title(0))
def test_matmul_is_dot_of_every_pair(spec: AccumulatorSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make(("E5M2", "E5M2"), spec, lanes=4)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes("E5M2", (rows, 24), rng, specials=True) for rows in (7, 5))
    pairs = dot(config, np.repeat(w, 5, axis=0), np.tile(a, (7, 1)))
    product = matmul(config, w, a)
    monkeypatch.setattr("bitmill.golden.mac.accumulate_window._OUTPUTS_AT_ONCE", 10)
    monkeypatch.setattr("bitmill.golden.mac.accumulate_window._PRODUCTS_AT_ONCE", 80)
    in_blocks = matmul(config, w, a)
    for field in ("value", "invalid", "too_long"):
        np.testing.assert_array_equal(getattr(product, field).ravel(), getattr(pairs, field))
        np.testing.assert_array_equal(getattr(in_blocks, field), getattr(product, field))


def test_fp16_overflows_halfway_beyond_its_greatest_number() -> None:
    """65504 is the greatest number; 65520 is the first that rounds to infinity."""
    config = make(("FP16", "FP16"), FloatAccumulator(format="FP16"))
    for last, expected in ((15.0, 65504.0), (15.9921875, 65504.0), (16.0, np.inf), (-16.0, 65472.0), (-15.0, 65504.0)):
        w, a = encode("FP16", [[65504.0, last, 0.0]]), encode("FP16", [[1.0, 1.0, 1.0]])
        assert check(config, w, a).tolist() == [expected]
    down = encode("FP16", [[-65504.0, -16.0, 65504.0]])
    assert check(config, down, encode("FP16", [[1.0] * 3])).tolist() == [-np.inf]


def test_fp16_subnormals() -> None:
    config = make(("FP16", "FP16"), FloatAccumulator(format="FP16"))
    half_of_least = encode("FP16", [[2.0**-12]]), encode("FP16", [[2.0**-13]])
    assert check(config, *half_of_least).tolist() == [0.0]
    # Twice half of the least: each is lost by itself, a register with more exponents would keep them.
    twice = encode("FP16", [[2.0**-12, 2.0**-12]]), encode("FP16", [[2.0**-13, 2.0**-13]])
    assert check(config, *twice).tolist() == [0.0]
    above = encode("FP16", [[2.0**-12 + 2.0**-22]]), half_of_least[1]
    assert check(config, *above).tolist() == [2.0**-24]
    assert dot(config, encode("FP16", [[-(2.0**-12)]]), half_of_least[1]).value.tolist() == [0x8000]  # minus zero


@pytest.mark.parametrize(("distance", "expected"), [(3, 8), (4, 8), (5, 8), (6, 8), (9, 8)])
@pytest.mark.parametrize("sign", [1, -1])
def test_window_at_every_shift(distance: int, expected: int, sign: int) -> None:
    """Two E5M2 products, 1.5 * 2**8 and 1 * 2**(8-distance): the window of 6 bits ends just below the smaller one's."""
    config = make(("E5M2", "E5M2"), WindowAccumulator(width=6), lanes=2)
    w = encode("E5M2", [[1.5 * 2.0**expected, sign * 2.0 ** (expected - distance)]])
    check(config, w, encode("E5M2", [[1.0, 1.0]]))


def test_window_sticky_bit_breaks_a_tie() -> None:
    """INT8 x E5M2, P = 10, W = 10: 896 * 2**8 fills the window, whose last place is 2**8 and whose sticky bit is 2**5."""
    config = make(("INT8", "E5M2"), WindowAccumulator(width=10), lanes=4)

    def total(*products: tuple[int, float]) -> float:
        w, a = encode("INT8", [[w for w, _ in products]]), encode("E5M2", [[a for _, a in products]])
        return float(check(config, w, a)[0]) / 2.0**8

    big, half, tiny = (-128, -7 * 2.0**8), (64, 2.0), 2.0**-10
    assert total(big) == 896
    assert total(big, half) == 896  # a tie: to even
    assert total(big, (65, 2.0)) == 897
    assert total(big, half, (1, tiny)) == 897
    assert total(big, half, (-1, tiny)) == 896
    # 96 + tiny + tiny is less than half a place, but each sticky bit weighs 32, whatever was lost.
    assert total(big, (48, 2.0)) == 896
    assert total(big, (48, 2.0), (1, tiny), (1, tiny)) == 897
    assert total(big, (48, 2.0), (1, tiny), (-1, tiny)) == 896


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize(("pair", "width"), [(("INT8", "INT8"), 28), (("E2M1", "E4M3"), 40), (("E4M3", "E4M3"), 48)])
def test_a_window_that_loses_nothing_is_exact(pair: tuple[str, str], width: int, lanes: int) -> None:
    exact, window = (make(pair, spec, lanes=lanes) for spec in (ExactAccumulator(), WindowAccumulator(width=width)))
    rng = np.random.default_rng(SEED)
    w, a = (some_codes(name, (30, 256), rng) for name in pair)
    np.testing.assert_array_equal(to_float(window, dot(window, w, a)), to_float(exact, dot(exact, w, a)))


@pytest.mark.parametrize("length", [7, 8, 9, 15, 16, 17, 23])
def test_fused_groups_end_where_they_should(length: int) -> None:
    """BF16 keeps 8 bits: 256 + 1 is a tie to even, lost each time it is rounded, kept when two ones meet in a group."""
    config = make(("BF16", "BF16"), FloatAccumulator(format="BF16", fused=8), lanes=2)
    values = [0.0] * 7 + [256.0] + [1.0] * 16
    w = encode("BF16", [values[:length]])
    got = check(config, w, encode("BF16", [[1.0] * length]))
    ones = max(0, length - 8)
    expected = (256.0 if length >= 8 else 0.0) + {0: 0, 1: 0, 7: 8, 8: 8, 9: 8, 15: 16}[ones]
    assert got.tolist() == [expected]


def test_a_fused_group_is_as_exact_as_that_many_lanes() -> None:
    fused = make(("E5M2", "E5M2"), FloatAccumulator(fused=12), lanes=3)
    wide = make(("E5M2", "E5M2"), FloatAccumulator(), lanes=12)
    rng = np.random.default_rng(SEED)
    w, a = (some_codes("E5M2", (30, 41), rng, specials=True) for _ in range(2))
    np.testing.assert_array_equal(dot(fused, w, a).value, dot(wide, w, a).value)


def test_codes_of_wide_windows_are_uint64_and_nan_is_quiet() -> None:
    config = make(("E5M2", "E5M2"), WindowAccumulator(width=40))
    assert config.accumulator_bits == 47
    result = dot(config, [[0x7F], [0x3C], [0x7C], [0xFC]], [[0x3C]] * 4)
    assert result.value.dtype == np.uint64
    # Field 1 is the least product step, 2**-32: 1.0 has field 33.
    assert result.value.tolist() == [0xFF << 38, 33 << 39, 0x7F << 39, 0xFF << 39]
