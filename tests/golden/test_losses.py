"""What encoding loses is counted: saturation, overflow, zeros, NaN, infinities, minus zeros and rows of zeros."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError, formats
from bitmill.golden import Losses, choose_scale, count_losses, decode, encode, encode_counted, encode_within

FP16_MAX = 65504.0


def lost(fmt, values, **options):
    return encode_counted(fmt, np.asarray(values, np.float64), **options)[1]


@pytest.mark.parametrize("value", [1e6, -1e6, 65520.0, -65520.0])
def test_beyond_fp16_saturates(value):
    codes, found = encode_counted("FP16", [[1.0, value]])
    assert abs(decode("FP16", codes)[0, 1]) == FP16_MAX
    assert found == Losses(values=2, saturated=1)
    assert found.saturates
    assert found.told() == "1 saturated, of 2 values"


def test_what_rounds_to_the_greatest_value_does_not_saturate():
    assert lost("FP16", [FP16_MAX, 65519.9, -65519.9, 0.0]) == Losses(values=4)
    assert lost("INT8", [127.0, 127.4, -128.4]) == Losses(values=3)
    assert lost("INT8", [127.6, -128.6]) == Losses(values=2, saturated=2)


def test_without_saturation_it_overflows():
    assert lost("FP16", [1e6, -1e6, 1.0], saturate=False) == Losses(values=3, overflowed=2)
    assert lost("E4M3", [1e6], saturate=False) == Losses(values=1, overflowed=1)


def test_infinities_and_nan():
    found = lost("BF16", [np.inf, -np.inf, np.nan, 1.0])
    assert found == Losses(values=4, infinite=2, nan=1, saturated=2)
    assert lost("BF16", [np.inf, 1.0], saturate=False) == Losses(values=2, infinite=1)


def test_small_values_become_zero():
    found = lost("FP16", [[1e-9, 1.0], [1e-9, 0.0], [0.0, 0.0]])
    assert found == Losses(values=6, flushed=2, zeroed=1)
    assert found.saturates
    assert not lost("FP16", [[1e-9, 1.0]]).saturates


def test_minus_zero():
    assert lost("INT8", [-0.0, 1.0]) == Losses(values=2, minus_zero=1)
    assert lost("FP16", [-0.0, 1.0]) == Losses(values=2)


@pytest.mark.parametrize("rule", ["maximum", "least-squares"])
def test_scaled(rule):
    x = np.random.default_rng(5).normal(size=(4, 64)) ** 3
    scale = choose_scale("INT4", x, granularity="token", rule=rule)
    codes, found = encode_counted("INT4", x, scale=scale)
    assert (codes == encode("INT4", x / scale.over(x.shape))).all()
    assert (found.saturated > 0) == (rule == "least-squares")
    assert found.flushed > 0
    assert found.meant().clipped == found.saturated
    assert not found.meant().saturates


@pytest.mark.parametrize("rounding", ["nearest-even", "nearest-away", "toward-zero"])
def test_every_format(rounding):
    """Counts against exact fractions: what lies beyond the extremes by more than rounding forgives."""
    rows = map(formats.get, formats.names())
    tried = [fmt for fmt in rows if fmt.zero_code is not None and fmt.bits <= 16 and fmt.max_value > 0]
    for fmt in tried:
        rng = np.random.default_rng(6)
        high, low = Fraction(fmt.max_value), Fraction(fmt.min_value)
        x = np.concatenate([rng.normal(size=100) * float(high), rng.normal(size=20) * float(high) / 1e6, [0.0, -0.0]])
        codes, found = encode_counted(fmt, x, rounding=rounding)
        assert found.flushed == np.count_nonzero((x != 0) & (decode(fmt, codes) == 0)), fmt.name
        exact = [Fraction(value) for value in x]
        certainly = sum(1 for value in exact if value >= 2 * high or value <= 2 * min(low, -fmt_step(fmt)))
        assert certainly <= found.saturated <= sum(1 for value in exact if not low <= value <= high), fmt.name
    assert len(tried) > 80


def fmt_step(fmt):
    return Fraction(2) ** fmt.min_exponent


def test_counts_add_up():
    first, second = Losses(values=3, flushed=1), Losses(values=2, saturated=1)
    assert first + second == Losses(values=5, flushed=1, saturated=1)
    assert (first + second).to_dict()["flushed"] == 1
    assert Losses(values=9).told() == ""


def test_whole_tensors_and_groups_are_slices():
    x = np.array([[1e-9, 1e-9, 1.0, 2.0]])
    codes = encode("FP16", x)
    assert count_losses("FP16", x, codes, slices=2).zeroed == 0
    assert count_losses("FP16", x.reshape(2, 2), codes.reshape(2, 2)).zeroed == 1


def test_measurements_take_what_fits_alone():
    x = np.array([[1.0, -2.0, FP16_MAX]])
    assert (encode_within("FP16", x) == encode("FP16", x)).all()
    with pytest.raises(BitmillError, match="tokens must fit FP16, not 1 saturated, of 1 values"):
        encode_within("FP16", [1e6], name="tokens")
    with pytest.raises(BitmillError, match="values must fit FP16, not 1 slices that were not zero became zero"):
        encode_within("FP16", [1e-12])
