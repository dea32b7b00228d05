"""Rows on which formulas say nothing or break down: what every profile's units make of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import IBERT, IVIT, PROFILES
from bitmill.golden.nonlinear import exact_root_layernorm, layernorm, newton_root, polynomial_softmax
from bitmill.golden.rows import dispatch as by_rule

EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
SCALE = 1 / 32
OUTPUT_SCALE = 1 / 16
"""For rules that round to few bits themselves."""


@EVERY_PROFILE
@pytest.mark.parametrize("length", [2, 127, 128, 129, 1000])
def test_equal_elements_share_alike(profile, length):
    """Less than a unit and what the reciprocal is cut by below 1/L, whatever their value; I-ViT's 8-bit output is then 0."""
    results = [
        by_rule.softmax(profile.softmax, np.full((1, length), value), scale=SCALE) for value in (-128, -1, 0, 127)
    ]
    assert len({tuple(y.ravel().tolist()) for y, _ in results}) == 1
    y, unit = results[0]
    assert len(set(y.ravel().tolist())) == 1
    assert 1 / length - 2**-10 - unit < y[0, 0] * unit < 1 / length + unit / 2


@pytest.mark.parametrize(("length", "value"), [(255, 1), (256, 0), (257, 0)])
def test_equal_elements_vanish_from_256_on_at_eight_bits_of_ibert(length, value):
    """1.0 is 2**8, but the quotient 2**32 // S is cut: 32767 * 512 is below 2**24."""
    rule = replace(IBERT.softmax, output_bits=8)
    assert set(polynomial_softmax(rule, np.zeros(length, dtype=int), scale=SCALE).tolist()) == {value}


@EVERY_PROFILE
def test_a_row_of_length_one_is_nearly_one(profile):
    for value in (-128, 0, 127):
        y, unit = by_rule.softmax(profile.softmax, np.array([[value]]), scale=SCALE)
        assert 1 - 2**-8 <= y[0, 0] * unit < 1


@EVERY_PROFILE
def test_one_element_that_is_not_masked_is_a_row_of_length_one(profile):
    rows = np.arange(-20, 20)
    mask = np.arange(40) == 3
    y, _ = by_rule.softmax(profile.softmax, rows, scale=SCALE, mask=mask)
    alone, _ = by_rule.softmax(profile.softmax, rows[3:4], scale=SCALE)
    assert y.tolist() == [0] * 3 + alone.tolist() + [0] * 36


@EVERY_PROFILE
def test_a_row_masked_altogether_is_zeros(profile):
    rows = np.array([[5, 127, -128], [5, 127, -128]])
    mask = np.array([[False] * 3, [True] * 3])
    y, _ = by_rule.softmax(profile.softmax, rows, scale=SCALE, mask=mask)
    assert y[0].tolist() == [0, 0, 0]
    assert y[1].any()


@EVERY_PROFILE
@pytest.mark.parametrize("greatest", [-1, -20, -100])
def test_gelu_of_a_row_whose_maximum_is_negative(profile, greatest):
    """I-ViT shifts by more than it has fraction bits there, and errs by up to 0.31."""
    row = np.arange(-128, greatest + 1)
    y, unit = by_rule.gelu(profile.gelu, row, scale=1 / 16, output_scale=OUTPUT_SCALE)
    real = row / 16 * 0.5 * np.vectorize(math.erfc)(-row / 16 / math.sqrt(2))
    assert (y <= 0).all()
    assert np.abs(y * unit - real).max() < 0.32


@EVERY_PROFILE
def test_gelu_of_zeros_is_zero(profile):
    y, _ = by_rule.gelu(profile.gelu, np.zeros(9, dtype=int), scale=SCALE, output_scale=OUTPUT_SCALE)
    assert y.tolist() == [0] * 9


@EVERY_PROFILE
@pytest.mark.parametrize("length", [1, 2, 7, 64])
def test_layernorm_of_equal_elements_is_beta(profile, length):
    """V = 0, and length 1 is a case of it."""
    gamma, beta = np.resize([1.0, -0.5], length), np.resize([0.25, -0.5, 0.0], length)
    for value in (-128, -1, 0, 77, 127):
        y, unit = by_rule.layernorm(
            profile.layernorm, np.full(length, value), gamma=gamma, beta=beta, output_scale=OUTPUT_SCALE
        )
        assert np.abs(y * unit - beta).max() <= max(2.0**-29, 0 if np.ndim(unit) else unit / 2)


@EVERY_PROFILE
def test_layernorm_with_a_negative_gamma_is_the_mirror_image(profile):
    row = np.random.default_rng(3).integers(-128, 128, 48)
    results = [
        by_rule.layernorm(profile.layernorm, row, gamma=sign * np.ones(48), output_scale=OUTPUT_SCALE)
        for sign in (1, -1)
    ]
    plus, minus = (y * unit for y, unit in results)
    assert np.abs(plus).max() > 1
    assert np.abs(plus + minus).max() <= 2.0**-25 + OUTPUT_SCALE


def test_a_gamma_of_zero_is_refused_where_the_bias_is_in_its_units():
    for rule in (IVIT.layernorm, IBERT.layernorm):
        with pytest.raises(BitmillError, match="gamma must not be 0"):
            by_rule.layernorm(rule, np.arange(4), gamma=[1.0, 0.0, 1.0, 1.0], beta=0.5)


@pytest.mark.parametrize(
    ("row", "root"),
    [([2, -2], 3), ([2, -2] * 3, 5), ([6, -6, 2, -2], 9), ([1, -1, 1, -1, 1, -1, 1, -1], 3)],
)
def test_newton_goes_to_and_fro_where_v_is_one_below_a_square(row, root):
    """The count of steps decides which root divides an I-ViT row; one that stops at the lower has no such choice."""
    squares = sum(x * x for x in row)
    assert squares == root**2 - 1
    roots = {count: int(newton_root(np.array([squares]), iterations=count)[0]) for count in (40, 41)}
    assert set(roots.values()) == {root - 1, root}
    for count, k in roots.items():
        y = layernorm(replace(IVIT.layernorm, root_iterations=count), np.array(row))
        assert y.tolist() == [(x * ((2**31 - 1) // k)) >> 1 for x in row]
    assert exact_root_layernorm(IBERT.layernorm, np.array(row)).tolist() == [
        (x * (2**31 // (root - 1))) >> 1 for x in row
    ]


def test_sixteen_bit_rows_at_both_ends():
    """The mean of such rows passes 16 bits before it is divided by their length, and their squares 40."""
    row = np.array([2**15 - 1] * 700 + [-(2**15)] * 324)
    real = (row - row.mean()) / row.std()
    for y in (layernorm(IVIT.layernorm, row), exact_root_layernorm(IBERT.layernorm, row)):
        assert np.abs(y * math.sqrt(1024) / 2**30 - real).max() < 1e-3
