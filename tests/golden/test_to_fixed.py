"""Floats to fixed point: by exact fractions, ends of words, what is not finite, what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.fixed_quantizer import FixedQuantizerConfig
from bitmill.golden.quantizers.fixed import fixed_integers, to_fixed


def nearest(x):
    """The integer nearest to a fraction, of two the even one."""
    below = x.numerator // x.denominator
    return below + (x - below > Fraction(1, 2) or (x - below == Fraction(1, 2) and below % 2))


@pytest.mark.parametrize(("word", "fraction"), [(2, 0), (4, 1), (8, -3), (8, 7), (16, 20), (5, -32), (16, 31)])
def test_integers_are_those_of_exact_fractions(word, fraction):
    step = 2.0**-fraction
    x = np.concatenate(
        [np.arange(-(2**word), 2**word, max(2 ** (word - 7), 0.25)) * step, [0.0, 3e38, -3e38, 1e-40, step * 0.499999]]
    )
    integers, saturated = to_fixed(x, word_length=word, fraction_length=fraction)
    for number, integer, over in zip(x.tolist(), integers.tolist(), saturated.tolist(), strict=True):
        wanted = nearest(Fraction(number) * Fraction(2) ** fraction)
        assert integer == min(max(wanted, -(2 ** (word - 1))), 2 ** (word - 1) - 1), number
        assert over == (integer != wanted)


def test_units_give_the_same_of_codes():
    config = FixedQuantizerConfig(lanes=5)
    steps = {
        "numbers": np.array([[0x3C00, 0xBE00, 0x0001, 0x7BFF, 0x8000]]),
        "word_length": np.array([7]),
        "fraction_length": np.array([6]),
    }
    found = fixed_integers(config, steps)
    assert found["integers"].tolist() == [64, -96, 0, 127, 0]
    assert (found["invalid"], found["saturated"]) == (0, 1)


def test_what_is_not_finite():
    config = FixedQuantizerConfig(lanes=3)
    steps = {
        "numbers": np.array([[0x7C00, 0xFC00, 0x3C00]]),
        "word_length": np.array([3]),
        "fraction_length": np.array([-32]),
    }
    found = fixed_integers(config, steps)
    assert (found["integers"].tolist(), found["invalid"], found["saturated"]) == ([7, -8, 0], 0, 1)
    steps["numbers"] = np.array([[0x7E00, 0x0000, 0x3C00]])
    found = fixed_integers(config, steps)
    assert (found["integers"].tolist(), found["invalid"], found["saturated"]) == ([0, 0, 0], 1, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: to_fixed([1.0], word_length=1, fraction_length=0), "word_length must be from 2 to 32, not 1"),
        (
            lambda: to_fixed([1.0], word_length=8, fraction_length=127),
            "fraction_length must be from -126 to 126, not 127",
        ),
        (lambda: FixedQuantizerConfig.from_dict({"bits": 17}), "bits: must be at most 16, not 17"),
        (
            lambda: FixedQuantizerConfig.from_dict({"source": "E4M3"}),
            "source: must be 'FP16', 'BF16' or 'FP32', not 'E4M3'",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(BitmillError, match=message):
        make()
