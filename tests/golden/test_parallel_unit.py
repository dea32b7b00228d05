"""A parallel PE behind its decoders: stored weights are the values of their schemes, sums are within the bound of exact ones."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import formats
from bitmill.config.parallel import ParallelConfig
from bitmill.golden.parallel.unit import carrier_codes, parallel_unit_sum


def flint(code):
    """Table 2 of ANT for 4 bits: 0 to 4 by ones, 6, 8 and 16, and their negations."""
    return (-1 if code >> 3 else 1) * [0, 1, 2, 3, 4, 6, 8, 16][code & 7]


def integer(code):
    """Two's complement; -8, which symmetric integers leave out, is zero."""
    return 0 if code == 8 else code - (code >> 3 << 4)


def outlier(code):
    """OliVe's abfloat above 16: (1 + m / 2) * 2**e with a bias, both signs."""
    return (-1 if code >> 3 else 1) * [0, 24, 32, 48, 64, 96, 128, 192][code & 7]


def value_of(config, stored):
    """What a stored weight stands for, in scale steps."""
    if config.weight == "ANT":
        return (flint if stored >> 4 else integer)(stored & 15)
    codes = stored & 15, stored >> 4 & 15
    code, other = codes[stored >> 8], codes[1 - (stored >> 8)]
    if code == 8:
        return 0
    return outlier(code) if other == 8 else flint(code)


@pytest.mark.parametrize("weight", ["ANT", "OLIVE"])
def test_every_stored_weight_is_its_value(weight):
    config = ParallelConfig(weight=weight)
    stored = np.arange(1 << config.weight_code_bits)
    carried = carrier_codes(config, stored)
    assert [config.carrier.decode(int(code)).value for code in carried] == [
        value_of(config, int(one)) for one in stored
    ]


@pytest.mark.parametrize("weight", ["FP16", "INT8", "ANT", "OLIVE"])
def test_sums_are_near_exact_ones(weight):
    config, rng = ParallelConfig(weight=weight), np.random.default_rng(8)
    fp16 = formats.get("FP16")
    for length in (1, 2, 9, 40):
        stored = rng.integers(0, 1 << config.weight_code_bits, length)
        activations = rng.integers(0, 0x7C00, length) | rng.integers(0, 2, length) << 15
        if weight == "FP16":
            stored = stored & 0xBFFF
        values = [
            value_of(config, int(code)) if config.scheme else config.carrier.decode(int(code)).value for code in stored
        ]
        products = [value * fp16.decode(int(code)).value for value, code in zip(values, activations, strict=True)]
        found = parallel_unit_sum(config, stored, activations)
        unit = Fraction(2) ** (found.exponent + config.unit_offset)
        assert abs(found.total * unit - sum(products)) <= unit * (length - 1) / 2
        assert not found.invalid
        assert not found.too_long


def test_what_there_is_no_sum_of():
    config = ParallelConfig(headroom=1)
    one, nan = 0x3C00, 0x7E00
    found = [parallel_unit_sum(config, weights, [one] * len(weights)) for weights in ([one, nan], [one] * 3, [nan] * 3)]
    assert [(sum_.total, sum_.exponent, sum_.invalid, sum_.too_long) for sum_ in found] == [
        (0, 0, True, False),
        (0, 0, False, True),
        (0, 0, True, True),
    ]
