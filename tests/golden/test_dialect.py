"""DialectFP4: the table as typed from the paper's figure, least error and the choice in two stages by exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.formats.block import get_block
from bitmill.golden.blocks import quantize_blocks
from bitmill.golden.codec import decode
from bitmill.golden.dialect import pair_of, quantize_online
from bitmill.golden.weights import dequantize, quantize_weights
from bitmill.golden.weights.losses import losses
from bitmill.models.sample import LAYERS, load_layer

# BlockDialect, figure 4: each dialect's magnitudes from the greatest down.
FIGURE = [
    "7.5 5.5 3 2 1.5 1 0.5 0", "7.5 4.5 3 2 1.5 1 0.5 0", "7 5.5 3 2 1.5 1 0.5 0", "7 4.5 3 2 1.5 1 0.5 0",
    "6.5 5 3 2 1.5 1 0.5 0", "6.5 4 3 2 1.5 1 0.5 0", "6 5 3 2 1.5 1 0.5 0", "6 4 3 2 1.5 1 0.5 0",
    "5.5 4.5 3 2 1.5 1 0.5 0", "5.5 3.5 3 2 1.5 1 0.5 0", "5 4.5 3 2 1.5 1 0.5 0", "5 3.5 3 2 1.5 1 0.5 0",
    "4.5 4 3 2 1.5 1 0.5 0", "4.5 3.5 3 2 1.5 1 0.5 0", "4 3.5 3 2 1.5 1 0.5 0", "4 3 2.5 2 1.5 1 0.5 0",
]  # fmt: skip
LISTS = [[Fraction(text) for text in row.split()] for row in FIGURE]


def exponent_of(block):
    greatest = max(map(abs, block))
    exponent = 0
    if greatest:
        exponent = -60
        while Fraction(8) * Fraction(2) ** exponent <= greatest:
            exponent += 1
    return min(max(exponent, -15), 15)


def distance(magnitude, numbers):
    return min(abs(magnitude - number) for number in numbers)


def test_the_lists_are_those_of_the_figure():
    for index, wanted in enumerate(LISTS):
        found = decode(f"DIALECT{index}", np.arange(16))
        assert [Fraction(value) for value in found[:8]] == wanted[::-1]
        assert [Fraction(value) for value in found[8:]] == [-number for number in wanted[::-1]]
    np.testing.assert_array_equal(decode("DIALECT7", np.arange(16)), decode("E2M1", np.arange(16)))
    np.testing.assert_array_equal(decode("UE5M0", np.arange(31)), 2.0 ** np.arange(-15, 16))


def test_bits_are_as_published():
    scheme = get_block("dialect-fp4")
    assert (scheme.group, scheme.selector_bits, scheme.scale_bits) == (32, 4, 5)
    assert scheme.bits_per_weight(group=32, length=384) == 4 + Fraction(4 + 5, 32) == Fraction(428125, 100000)


def blocks_of_weights():
    rng = np.random.default_rng(5)
    weights = [
        np.rint(rng.normal(size=32) * 40) / 64,
        np.rint(rng.standard_t(2, size=32) * 9) / 2,
        rng.integers(-15, 16, 32) / 2,
    ]
    weights += [rng.integers(-255, 256, 32) * 2.0**-20, np.r_[1.0, np.zeros(31)], np.zeros(32)]
    return np.array(weights, np.float32)


def test_weights_have_the_list_of_least_error():
    weights = blocks_of_weights()
    found = quantize_weights("dialect-fp4", weights)
    values = dequantize(found)
    assert found.selectors is not None
    for place, row in enumerate(weights):
        block = [Fraction(float(weight)) for weight in row]
        scale = Fraction(2) ** exponent_of(block)
        errors = [sum(distance(abs(weight) / scale, numbers) ** 2 for weight in block) for numbers in LISTS]
        assert found.selectors[place, 0] == errors.index(min(errors))
        assert found.scales[place, 0] == scale
        got = sum((Fraction(float(value)) - weight) ** 2 for value, weight in zip(values[place], block, strict=True))
        assert got == min(errors) * scale**2


def test_online_choice_is_that_of_the_two_stages():
    weights = blocks_of_weights()
    found = quantize_online(weights)
    values = found.values()
    for place, row in enumerate(weights):
        block = [Fraction(float(weight)) for weight in row]
        scale = Fraction(2) ** exponent_of(block)
        steps = [abs(weight) / scale for weight in block]
        # The greatest of 4, 4.5 .. 7.5 that is nearest, the greater of two; both dialects that have it.
        tops = [Fraction(top, 2) for top in range(15, 7, -1)]
        top = min(tops, key=lambda number: abs(number - max(steps)))
        first, second = (index for index, numbers in enumerate(LISTS) if numbers[0] == top)
        better = [
            sum(distance(step, LISTS[one]) < distance(step, LISTS[other]) for step in steps)
            for one, other in ((first, second), (second, first))
        ]
        chosen = first if better[0] >= better[1] else second
        assert found.selectors[place, 0] == chosen
        for value, step in zip(values[place], steps, strict=True):
            assert abs(abs(Fraction(float(value))) / scale - step) == distance(step, LISTS[chosen])


@pytest.mark.parametrize(
    ("maximum", "pair"), [(8, 14), (8.49, 14), (8.5, 12), (14.49, 2), (14.5, 0), (15.99, 0), (0, 14)]
)
def test_the_maximum_picks_a_pair(maximum, pair):
    assert pair_of(maximum) == pair


def test_products_of_blocks_are_products_of_integers():
    rng = np.random.default_rng(2)
    one, other = (quantize_online(rng.normal(size=(1, 32))) for _ in range(2))
    sums = (one.half_units() * other.half_units()).sum()
    wanted = sum(
        Fraction(float(x)) * Fraction(float(y)) for x, y in zip(one.values()[0], other.values()[0], strict=True)
    )
    scales = [decode("UE5M0", row.scales)[0, 0] for row in (one, other)]
    assert np.abs(one.half_units()).max() <= 15
    assert Fraction(int(sums)) * Fraction(float(scales[0] * scales[1])) / 4 == wanted


def test_real_activations_lose_less_than_in_mxfp4_and_little_more_than_by_least_error():
    for layer in LAYERS:
        x = load_layer(layer).held_out
        error = {
            "mxfp4": np.square(quantize_blocks("mxfp4", x).values() - x).sum(),
            "online": np.square(quantize_online(x).values() - x).sum(),
            "least": np.square(dequantize(quantize_weights("dialect-fp4", x)) - x).sum(),
        }
        assert error["least"] <= error["online"] < error["mxfp4"]
        assert error["online"] < 1.3 * error["least"], layer


def test_what_is_refused():
    with pytest.raises(
        BitmillError, match=r"group must be a divisor of the last axis of x, of shape \[2, 40\], not 32"
    ):
        quantize_online(np.ones((2, 40)))
    with pytest.raises(BitmillError, match="x must be finite, not 1 NaN or Inf among 32"):
        quantize_online(np.r_[np.nan, np.ones(31)])
    great = np.full((1, 32), 3e5, np.float32)
    with pytest.raises(BitmillError, match="w must be within 245760 for scheme dialect-fp4, not 300000"):
        quantize_weights("dialect-fp4", great, name="w")
    clipped = quantize_weights("dialect-fp4", great, saturate=True)
    told = losses(great, clipped, dequantize(clipped))
    assert (told.overflowed_channels, told.clipped_weights, told.saturates) == (1, 32, True)
    assert quantize_online(great).saturated == 32
    with pytest.raises(BitmillError, match="single format of elements, such as mxfp4, not 'dialect-fp4'"):
        quantize_blocks("dialect-fp4", great)
