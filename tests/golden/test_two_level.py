"""Two levels of integers, the protective range over all ranges of groups, and exact W4A8 products with zero points."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import get_block
from bitmill.golden.asymmetric import corrected_product, quantize_asymmetric
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.golden.weights.two_level import int8_weights, second_level
from bitmill.models.sample import LAYERS, load_layer


def test_no_group_of_the_protective_range_leaves_int8():
    """Every least and greatest number of a group, with all numbers between them, which are all groups that there can be."""
    greatest = 0
    for low in range(-119, 120):
        for high in range(max(low, -119), 120):
            numbers = np.arange(low, high + 1)[None]
            codes, steps, zeros = (part.astype(int) for part in second_level(numbers))
            values = (codes - zeros[:, None]) * steps[:, None]
            greatest = max(greatest, values.max(), -values.min())
            assert codes.max() <= 15
            assert 0 <= zeros[0] <= 15
            assert steps[0] == max(round((max(high, 0) - min(low, 0)) / 15), 1)
    assert 119 < greatest <= 127


def test_beyond_the_protective_range_a_group_may_leave_it():
    codes, steps, zeros = second_level(np.arange(-128, 128)[None])
    values = (codes.astype(int) - zeros[:, None]) * steps[:, None].astype(int)
    assert not (values.min() >= -128 and values.max() <= 127)


@pytest.mark.parametrize("group", [32, 128])
def test_weights_are_those_of_the_two_rules(group):
    weights = (np.random.default_rng(6).standard_t(3, size=(4, 256)) * 0.02).astype(np.float32)
    found = quantize_weights("two-level4", weights, group=group)
    assert found.channel_scales is not None
    values = dequantize(found)
    for row, scale, got in zip(weights, found.channel_scales, values, strict=True):
        assert Fraction(float(scale)) * 119 >= Fraction(float(np.abs(row).max()))
        assert Fraction(float(np.nextafter(scale, np.float16(0)))) * 119 < Fraction(float(np.abs(row).max()))
        first = [round(float(np.float32(weight) / np.float32(scale))) for weight in row]
        for start in range(0, 256, group):
            part = first[start : start + group]
            low, high = min(*part, 0), max(*part, 0)
            step = max(round(Fraction(high - low, 15)), 1)
            zero = min(max(round(Fraction(-low, step)), 0), 15)
            wanted = [(min(max(round(Fraction(q, step)) + zero, 0), 15) - zero) * step * float(scale) for q in part]
            assert got[start : start + group].tolist() == wanted
    assert found.bits_per_weight == 4 + Fraction(8 + 4, group) + Fraction(16, 256)


def test_products_with_8_bit_activations_are_exact():
    """The INT8 array's sum with the zero points' correction, against fractions of what codes stand for."""
    rng = np.random.default_rng(7)
    found = quantize_weights("two-level4", rng.normal(size=(3, 128)).astype(np.float32))
    x = quantize_asymmetric(rng.exponential(size=(2, 128)) - 0.3)
    assert found.channel_scales is not None
    integers = int8_weights(found)
    assert integers.dtype == np.int8
    sums = corrected_product(integers, x)
    values, weights = x.values(), dequantize(found)
    assert (x.zero_points > 0).all()
    for n in range(2):
        for m in range(3):
            exact = sum(
                Fraction(float(weights[m, k])) * int(x.codes[n, k] - x.zero_points[n]) * Fraction(float(x.scales[n]))
                for k in range(128)
            )
            scale = Fraction(float(found.channel_scales[m])) * Fraction(float(x.scales[n]))
            assert int(sums[n, m]) * scale == exact
    np.testing.assert_allclose(
        values @ weights.T, sums * x.scales[:, None] * found.channel_scales.astype(float), rtol=1e-12
    )


def test_asymmetric_activations():
    x = quantize_asymmetric([[0.0, 1.0, 2.0, 255.0], [-1.0, 0.0, 0.5, 1.55], [0, 0, 0, 0]])
    assert x.codes[0].tolist() == [0, 1, 2, 255]
    assert (x.zero_points.tolist(), x.scales[0], x.scales[2]) == ([0, 100, 0], 1.0, 0.0)
    assert x.codes[1].tolist() == [0, 100, 150, 255]
    assert not x.values()[2].any()
    narrow = quantize_asymmetric([[-3.0, 12.0]], bits=4)
    assert (narrow.codes.tolist(), narrow.zero_points.tolist(), narrow.values().tolist()) == (
        [[0, 15]],
        [3],
        [[-3.0, 12.0]],
    )


def test_second_level_costs_little_on_real_weights():
    for layer in LAYERS:
        weights = load_layer(layer).weight[:32]
        two, one = (
            np.square(dequantize(quantize_weights(name, weights)) - weights).sum()
            for name in ("two-level4", "int4-asym")
        )
        assert two < 1.1 * one, layer


def test_what_is_refused():
    with pytest.raises(BitmillError, match="bits must be 1 to 16, not 17"):
        quantize_asymmetric([[1.0]], bits=17)
    with pytest.raises(BitmillError, match=r"x must be a matrix \[N, K\], not of shape \[1\]"):
        quantize_asymmetric([1.0])
    with pytest.raises(BitmillError, match="x must be finite, not 1 NaN or Inf among 1"):
        quantize_asymmetric([[np.nan]])
    with pytest.raises(BitmillError, match=r"weights must be \[M, 1\], not of shape \[1, 2\]"):
        corrected_product([[1, 2]], quantize_asymmetric([[1.0]]))
    with pytest.raises(BitmillError, match="scheme must be one of two levels, such as two-level4, not 'nf4'"):
        int8_weights(quantize_weights("nf4", np.ones((1, 128), np.float32)))
    found = quantize_weights("two-level4", np.ones((1, 128), np.float32))
    assert found.group_scales is not None
    found.group_scales[:] = 255
    with pytest.raises(BitmillError, match=r"weights of the first level must be within -128 .. 127, not 3825 .. 3825"):
        int8_weights(found)
    assert get_block("two-level4").scale_step == 1
