"""Block floating point of any width and size: exact fractions, bounds of its errors, and channels in another order."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import get_block
from bitmill.golden.blocks import quantize_blocks
from bitmill.golden.channel_order import channel_order, restored
from bitmill.models.sample import LAYERS, load_layer


@pytest.mark.parametrize(("bits", "group"), [(2, 16), (3, 8), (4, 16), (5, 64), (6, 12), (8, 16)])
def test_codes_are_mantissas_under_the_greatest_exponent(bits, group):
    """The greatest number's leading one is the mantissa's first bit; ties to even, the greatest mantissa at most."""
    row = get_block(f"bfp{bits}-{group}")
    x = np.random.default_rng(bits).standard_t(3, size=(3, 4 * group)).astype(np.float32)
    found = quantize_blocks(row, x).values().reshape(-1, group)
    for numbers, values in zip(x.reshape(-1, group), found, strict=True):
        block = [Fraction(float(number)) for number in numbers]
        step = Fraction(2) ** -99
        while max(map(abs, block)) >= step * 2 ** (bits - 1):
            step *= 2
        top = 2 ** (bits - 1) - 1
        assert [Fraction(float(value)) for value in values] == [
            min(max(round(number / step), -top), top) * step for number in block
        ]
    assert row.bits_per_weight(group=group, length=4 * group) == bits + Fraction(8, group)


def test_sizes_are_those_of_msfp12():
    """MSFP12: a sign and three bits of mantissa, sixteen of which share eight bits of exponent."""
    row = get_block("BFP4-16")
    assert (row.name, row.bits, row.group, row.scale_bits, row.selector_bits) == ("bfp4-16", 4, 16, 8, 0)


@pytest.mark.parametrize("name", ["bfp1-16", "bfp9-16", "bfp4-0", "bfp4-99999", "bfp4", "bfp-4-16"])
def test_other_sizes_are_refused(name):
    with pytest.raises(BitmillError, match=rf"scheme must be one of .*bfpN-G.* not '{name}'"):
        get_block(name)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_errors_of_inner_products_are_within_the_bound(bits):
    """No element is off by more than half a step, or a step where the mantissa is the greatest, so a product of two rows is
    off by at most ``sum |x| e_w + |w_q| e_x``; and the mean square is that of ``step**2 / 12`` where few elements saturate.
    """
    rng = np.random.default_rng(bits)
    x, w = rng.normal(size=(2, 64, 256)).astype(np.float32).astype(np.float64)
    one, other = quantize_blocks(f"bfp{bits}-32", x), quantize_blocks(f"bfp{bits}-32", w)
    steps = [np.repeat(2.0 ** (found.scales.astype(int) - 127), 32, axis=1) for found in (one, other)]
    top = 2 ** (bits - 1) - 1
    limits = [np.where(np.abs(v) >= (top - 0.5) * step, step, step / 2) for v, step in ((x, steps[0]), (w, steps[1]))]
    error_x, error_w = one.values() - x, other.values() - w
    assert (np.abs(error_x) <= limits[0]).all()
    products = np.abs((one.values() * other.values()).sum(axis=1) - (x * w).sum(axis=1))
    assert (products <= (np.abs(x) * limits[1] + np.abs(other.values()) * limits[0]).sum(axis=1)).all()
    if bits > 4:
        assert np.square(error_x).mean() == pytest.approx((steps[0] ** 2 / 12).mean(), rel=0.05)
        assert np.square(error_w).mean() == pytest.approx((steps[1] ** 2 / 12).mean(), rel=0.05)


def test_greater_blocks_lose_more():
    x = np.random.default_rng(4).normal(size=(32, 1024))
    errors = [np.square(quantize_blocks(f"bfp5-{group}", x).values() - x).sum() for group in (4, 16, 64, 256)]
    assert errors == sorted(errors)


def test_channels_in_order_of_size_lose_less_on_real_activations():
    """The order is of the calibration inputs, the gain of the held-out ones."""
    gains = {}
    for name in LAYERS:
        layer = load_layer(name)
        order = channel_order(layer.calibration)
        assert sorted(order) == list(range(layer.weight.shape[1]))
        x = layer.held_out.astype(np.float64)
        plain = quantize_blocks("bfp4-32", x).values()
        sorted_first = restored(order, quantize_blocks("bfp4-32", x[:, order]).values())
        signal = np.square(x).sum()
        gains[name] = [10 * np.log10(signal / np.square(found - x).sum()) for found in (plain, sorted_first)]
    assert all(after > before for before, after in gains.values()), gains
    assert max(after - before for before, after in gains.values()) > 0.5, gains


def test_a_product_does_not_see_the_order():
    rng = np.random.default_rng(1)
    x, w = rng.integers(-9, 9, (3, 8)), rng.integers(-9, 9, (2, 8))
    order = channel_order(x)
    np.testing.assert_array_equal(x[:, order] @ w[:, order].T, x @ w.T)
    np.testing.assert_array_equal(restored(order, x[:, order].astype(float)), x)
    assert channel_order([[1, -3, 0, 3]]).tolist() == [1, 3, 0, 2]


def test_an_order_needs_inputs():
    with pytest.raises(
        BitmillError, match=r"calibration must be a matrix \[N, K\] of at least one row, not of shape \[0, 4\]"
    ):
        channel_order(np.zeros((0, 4)))
    with pytest.raises(BitmillError, match="calibration must be finite, not 1 NaN or Inf among 2"):
        channel_order([[1.0, np.inf]])
