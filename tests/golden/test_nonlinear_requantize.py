"""Requantization against fractions: multipliers, both tie rules, saturation, widths."""

import math
from fractions import Fraction

import numpy as np
import pytest

from bitmill.golden.nonlinear import dyadic, requantize

from . import nonlinear_reference as reference

SEED = 6
TIES = ("even", "up")


def test_dyadic_is_the_nearest_of_31_bits():
    rng = np.random.default_rng(SEED)
    ratios = np.concatenate([rng.random(200), 2.0 ** rng.uniform(-60, 30, 200), -(2.0 ** rng.uniform(-60, 30, 200))])
    multipliers, shifts = dyadic(ratios)
    for ratio, m, e in zip(ratios.tolist(), multipliers.tolist(), shifts.tolist(), strict=True):
        assert 2**30 <= abs(m) < 2**31
        assert abs(Fraction(ratio) * 2**e - m) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("ratio", "m", "e"),
    [
        (1.0, 2**30, 30),
        (0.5, 2**30, 31),
        (-0.75, -3 * 2**29, 31),
        (2.0**30, 2**30, 0),
        (1 - 2.0**-40, 2**30, 30),  # The fraction rounds up to 2**31: the carry.
        (-(1 - 2.0**-40), -(2**30), 30),
        (0.5 + 2.0**-32, 2**30 + 1, 31),  # A half: away from zero.
        (2.0**-1074, 2**30, 1104),
    ],
)
def test_dyadic_by_hand(ratio, m, e):
    multiplier, shift = dyadic(ratio)
    assert (int(multiplier), int(shift)) == (m, e)


@pytest.mark.parametrize("ties", TIES)
def test_every_16_bit_input_at_hard_shifts(ties):
    z = np.arange(-(2**15), 2**15)
    for m, e in ((2**30, 38), (-(2**30), 34), (3 * 2**29, 36), (2**31 - 1, 39), (1, 1), (1, 0), (5, 3)):
        got = requantize(z, multiplier=m, shift=e, bits=8, ties=ties)
        assert got.dtype == np.int64
        # Halves of every kind are among these: the formula of fractions, in integers to be quick.
        exact = [Fraction(k * m, 2**e) for k in range(-40, 41)]
        assert got[2**15 - 40 : 2**15 + 41].tolist() == [
            min(max(round(x) if ties == "even" else math.floor(x + Fraction(1, 2)), -128), 127) for x in exact
        ]
        picked = np.random.default_rng(SEED).choice(2**16, 1500, replace=False)
        assert got[picked].tolist() == [reference.requantize(int(z[i]), m, e, 8, ties) for i in picked]


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("bits", [2, 8, 16, 32])
def test_random_products_of_every_width(ties, bits):
    rng = np.random.default_rng(SEED)
    z = rng.integers(-(2**32), 2**32, 3000) >> rng.integers(0, 33, 3000)
    m = rng.integers(-(2**31) + 1, 2**31, 3000)
    e = rng.integers(0, 80, 3000)
    got = requantize(z, multiplier=m, shift=e, bits=bits, ties=ties)
    expected = [reference.requantize(*one, bits, ties) for one in zip(z.tolist(), m.tolist(), e.tolist(), strict=True)]
    assert got.tolist() == expected


@pytest.mark.parametrize("ties", TIES)
def test_the_greatest_products_at_the_greatest_shifts(ties):
    for z in (-(2**32), 2**32 - 1):
        for m in (-(2**31) + 1, 2**31 - 1):
            for e in (0, 1, 31, 61, 62, 63, 64, 65, 1105):
                got = requantize(np.array([z]), multiplier=m, shift=e, bits=32, ties=ties)
                assert got.tolist() == [reference.requantize(z, m, e, 32, ties)]


def test_tie_rules_by_hand():
    z = np.array([-5, -3, -1, 1, 3, 5])
    halves = {ties: requantize(z, multiplier=1, shift=1, bits=8, ties=ties).tolist() for ties in TIES}
    assert halves == {"even": [-2, -2, 0, 0, 2, 2], "up": [-2, -1, 0, 1, 2, 3]}


def test_it_always_saturates():
    z = np.array([-(2**32), -129, -128, 127, 128, 2**32 - 1])
    assert requantize(z, multiplier=1, shift=0, bits=8, ties="even").tolist() == [-128, -128, -128, 127, 127, 127]
    assert requantize(z, multiplier=-1, shift=0, bits=8, ties="even").tolist() == [127, 127, 127, -127, -128, -128]


def test_one_multiplier_per_channel():
    multipliers, shifts = dyadic([0.5, -0.25, 3.0])
    got = requantize(np.full((2, 3), 10), multiplier=multipliers, shift=shifts, bits=8, ties="even")
    assert got.tolist() == [[5, -2, 30]] * 2
