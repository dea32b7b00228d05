"""ITA's units, the ones to compare with, against one number at a time in fractions; their published widths and their errors."""

import math
from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.golden.nonlinear import ita_gelu, ita_gelu_constants, ita_softmax, ita_softmax_slope

SEED = 9


def halvings(d, multiplier, shift):
    return math.floor(Fraction(multiplier * d, 2**shift) + Fraction(1, 2))


def cut(value, count):
    return math.floor(Fraction(value, 2**count))


def softmax(row, taken, multiplier, shift, block):
    total, greatest = 0, -128
    for start in range(0, len(row), block):
        part = [x for x, here in zip(row[start : start + block], taken[start : start + block], strict=True) if here]
        risen = max([greatest, *part])
        total = cut(total, halvings(risen - greatest, multiplier, shift))
        greatest = risen
        total += sum(cut(256, halvings(greatest - x, multiplier, shift)) for x in part)
    return [
        cut(65280 // total, halvings(greatest - x, multiplier, shift)) if here else 0
        for x, here in zip(row, taken, strict=True)
    ]


@pytest.mark.parametrize("block", [1, 3, 16, 64, 1000])
@pytest.mark.parametrize(("multiplier", "shift"), [(1, 5), (185, 11), (3, 5), (1, 1)])
def test_softmax_of_random_rows(multiplier, shift, block):
    rng = np.random.default_rng(SEED)
    for length in (1, 2, 16, 17, 197):
        rows = rng.integers(-128, 128, (5, length))
        masks = rng.random((5, length)) < 0.7
        masks[0], masks[:, 0] = True, True
        expected = [
            softmax(row, mask, multiplier, shift, block)
            for row, mask in zip(rows.tolist(), masks.tolist(), strict=True)
        ]
        assert ita_softmax(rows, mask=masks, multiplier=multiplier, shift=shift, block=block).tolist() == expected


def test_halves_of_a_halving_round_up():
    """16 of 32 steps: bit 4 rounds."""
    assert ita_softmax([100, 85, 84, 53, 52]).tolist() == [65280 // 832 >> k for k in (0, 0, 1, 1, 2)]


def test_softmax_of_a_row_masked_altogether():
    assert ita_softmax(np.arange(20), mask=np.zeros(20, dtype=bool)).tolist() == [0] * 20


def test_the_slope_of_a_scale():
    assert ita_softmax_slope(scale=1 / 32) == (185, 12)
    assert ita_softmax_slope(scale=1 / 16) == (185, 11)
    assert ita_softmax_slope(scale=1 / 32, multiplier_bits=2) == (3, 6)
    assert ita_softmax_slope(scale=math.log(2) / 32, multiplier_bits=1) == (1, 5)
    assert ita_softmax_slope(scale=0.999 * math.log(2) / 32, multiplier_bits=4) == (8, 8)


def gelu_constants(scale):
    step = scale / math.sqrt(2)
    return round(-1.769 / step), round(1 / -0.2888 / step**2)


@pytest.mark.parametrize("scale", [1 / 16, 1 / 32, 1 / 64, 0.045, 0.3])
@pytest.mark.parametrize("factor", [1, 0.37])
def test_gelu_of_every_int8(scale, factor):
    centre, constant = gelu_constants(scale)
    integers = ita_gelu_constants(scale=scale, output_scale=scale * factor)
    assert (integers.centre, integers.constant) == (centre, constant)
    assert 128 <= integers.multiplier < 256
    exact = scale * 0.2888 * (scale**2 / 2) / 2 / (scale * factor)
    assert abs(integers.multiplier / 2**integers.shift - exact) <= exact / 256
    expected = []
    for x in (max(x, -127) for x in range(-128, 128)):
        erf = ((min(abs(x), -centre) + centre) ** 2 + constant) * ((x > 0) - (x < 0))
        scaled = Fraction(-x * (erf + constant) * integers.multiplier, 2**integers.shift)
        expected.append(min(max(math.floor(scaled + Fraction(1, 2)), -128), 127))
    assert ita_gelu(np.arange(-128, 128), scale=scale, output_scale=scale * factor).tolist() == expected


@pytest.mark.parametrize("bits", [4, 6])
def test_gelu_rounds_halves_up(bits):
    """A ratio that is a power of two leaves products half-way."""
    scale = 1 / 16
    centre, constant = gelu_constants(scale)
    output_scale = scale * 0.2888 * (scale / math.sqrt(2)) ** 2 / 2 * 2**bits
    values = range(-40, 41)
    products = [
        -x * (((min(abs(x), -centre) + centre) ** 2 + constant) * ((x > 0) - (x < 0)) + constant) for x in values
    ]
    assert any((product >> bits) % 2 == 0 and product % 2**bits == 2 ** (bits - 1) for product in products)
    expected = [min(max((product + 2 ** (bits - 1)) >> bits, -128), 127) for product in products]
    assert ita_gelu(np.array(values), scale=scale, output_scale=output_scale).tolist() == expected
    carried = ita_gelu_constants(scale=scale, output_scale=output_scale * (1 + 2**-12))
    assert (carried.multiplier, carried.shift) == (128, bits + 7)


def test_gelu_constants_have_16_bits():
    assert ita_gelu_constants(scale=0.014539, output_scale=1).constant >= -(2**15)
    with pytest.raises(BitmillError, match=r"scale must be at least 0\.0145376 for constants of 16 bits, not 0\.0145"):
        ita_gelu_constants(scale=0.0145, output_scale=1)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"multiplier": 0}, "multiplier must be an integer from 1 to 65536, not 0"),
        ({"shift": 0}, "shift must be an integer from 1 to 40, not 0"),
        ({"block": 0}, "block must be an integer from 1 to 1048576, not 0"),
        ({"mask": [1, 0]}, "mask must be bool"),
        ({"x": [128]}, "x must be from -128 to 127, not 128"),
        ({"x": np.zeros(2**20 + 1, np.int8)}, "x must have rows of 1 to 1048576 elements, not 1048577"),
        ({"x": np.zeros((2, 0), int)}, "x must have rows of 1 to 1048576 elements, not 0"),
    ],
)
def test_what_is_refused(named, message):
    with pytest.raises(BitmillError) as caught:
        ita_softmax(**({"x": [1, 2]} | named))
    assert message in str(caught.value)
    with pytest.raises(BitmillError, match="scale must be positive and finite, not 0"):
        ita_softmax_slope(scale=0.0)
    with pytest.raises(BitmillError, match="output_scale must be greater"):
        ita_gelu_constants(scale=1.0, output_scale=1e-9)
