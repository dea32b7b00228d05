"""Corners that surviving mutants showed to be unseen: wide formats, cancellation inside a step, sums beyond float32."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import FloatAccumulator, MacConfig
from bitmill.formats import Int, Minifloat, TopExponent
from bitmill.golden import choose_scale, decode, dot
from bitmill.golden.mac.float_register import exact_sum_to_odd
from bitmill.golden.scale import SEARCHED_FRACTIONS


@pytest.mark.parametrize("top", TopExponent)
@pytest.mark.parametrize("subnormals", [True, False])
def test_wide_minifloats_of_every_policy(top: TopExponent, subnormals: bool) -> None:
    fmt = Minifloat(name="E6M12", exponent_bits=6, mantissa_bits=12, top=top, subnormals=subnormals)
    edges = [
        0,
        1,
        (1 << 12) - 1,
        1 << 12,
        (1 << 18) - (1 << 12),
        (1 << 18) - (1 << 12) + 1,
        (1 << 18) - 2,
        (1 << 18) - 1,
    ]
    codes = [code | sign for code in edges for sign in (0, 1 << 18)]
    expected = np.array([float(fmt.decode(code)) for code in codes])
    got = decode(fmt, codes)
    np.testing.assert_array_equal(got, expected)
    numbers = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(expected)[numbers])


@pytest.mark.parametrize("symmetric", [False, True])
def test_wide_integers_have_one_zero(symmetric: bool) -> None:
    fmt = Int(name="INT20", width=20, symmetric=symmetric)
    values = decode(fmt, [0, 1, (1 << 20) - 1, (1 << 19) - 1, (1 << 19) + 1])
    assert values.tolist() == [0, 1, -1, (1 << 19) - 1, 1 - (1 << 19)]
    assert not np.signbit(values[0])


def test_what_a_cancellation_leaves_is_kept() -> None:
    # 1 + 2**-90 - 1, in the order in which the small term is long gone when the great ones meet.
    accumulator = np.array([1.0, -1.0, 0.0])
    terms = [np.array([2.0**-90, -(2.0**-90), 2.0**-90]), np.array([-1.0, 1.0, 0.0])]
    expected = np.array([2.0**-90, -(2.0**-90), 2.0**-90])
    np.testing.assert_array_equal(exact_sum_to_odd(accumulator, terms), expected)


def test_a_product_beyond_float32_does_not_overflow_a_sum_within() -> None:
    config = MacConfig(weight="E7M0", activation="E7M0", accumulator=FloatAccumulator())
    great, half = 0x7F, 0x7E  # 2**64 and 2**63
    assert decode("E7M0", [great, half]).tolist() == [2.0**64, 2.0**63]
    minus = 1 << 7
    result = dot(config, [[great | minus, great], [half | minus, great]], [[half, great], [great, great]])
    # -2**127 + 2**128 = 2**127, which FP32 has; 2**128 alone it has not.
    assert result.value.tolist() == [0x7F000000, 0x7F000000]
    assert dot(config, [[great]], [[great]]).value.tolist() == [0x7F800000]


@pytest.mark.parametrize("name", ["INT4", "E2M1", "E4M3", "POT4"])
def test_least_squares_searches_sixteenths_of_an_octave(name: str) -> None:
    x = np.random.default_rng(5).standard_t(4, (200, 32))
    largest = choose_scale(name, x, granularity="channel").values
    chosen = choose_scale(name, x, granularity="channel", rule="least-squares").values
    sixteenths = 16 * np.log2(chosen / largest)
    np.testing.assert_allclose(sixteenths, np.rint(sixteenths), atol=1e-9)
    assert len(np.unique(np.rint(sixteenths))) > 3
    assert -48 <= sixteenths.min() < sixteenths.max() < 16


def test_least_squares_searches_from_an_eighth_to_twice_the_maximum_scale() -> None:
    assert SEARCHED_FRACTIONS[0] == 1
    assert sorted(np.rint(16 * np.log2(SEARCHED_FRACTIONS)).tolist()) == list(range(-48, 16))
