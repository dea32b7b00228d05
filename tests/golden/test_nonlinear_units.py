"""Integer-only units against the reference in unbounded integers: exhaustive where inputs are few, random rows, corners."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill.config.nonlinear import IVIT
from bitmill.golden.nonlinear import (
    integer_bias,
    integer_reciprocal,
    layernorm,
    layernorm_scale,
    newton_root,
    shift_exp,
    shift_gelu,
    shiftmax,
)

from . import nonlinear_reference as reference

SEED = 5
INT8 = range(-128, 128)
SCALES = (1 / 16, 1 / 32, 1 / 64, 0.045, 0.9, 3.0)


def random_rows(count, length, least=-128, greatest=127):
    return np.random.default_rng(SEED).integers(least, greatest, (count, length), endpoint=True)


def test_ivit_is_what_the_authors_compute():
    assert (IVIT.softmax.fraction_bits, IVIT.softmax.output_bits) == (15, 16)
    assert (IVIT.gelu.fraction_bits, IVIT.gelu.output_bits, IVIT.gelu.maximum) == (23, 8, "row")
    assert (IVIT.softmax.reciprocal_rounding, IVIT.gelu.reciprocal_rounding) == ("floor", "floor")
    assert (IVIT.layernorm.mean_rounding, IVIT.layernorm.root_iterations) == ("nearest-even", 10)
    assert IVIT.ties == "even"


@pytest.mark.parametrize(
    ("scale", "rounding", "x0"),
    [
        (1 / 16, "floor", -16),
        (0.045, "floor", -23),
        (0.045, "nearest", -22),
        (0.4, "nearest", -2),
        (0.4, "floor", -3),
        (3.0, "floor", -1),
        (1, "floor", -1),
    ],
)
def test_the_integer_reciprocal_is_rounded_as_asked(scale, rounding, x0):
    assert integer_reciprocal(scale, fraction_bits=15, rounding=rounding) == x0


def test_the_reciprocal_takes_the_slope_in():
    assert integer_reciprocal(1 / 32, fraction_bits=23, rounding="floor", slope=1.702) == -19


@pytest.mark.parametrize("n", [1, 15, 16, 23])
@pytest.mark.parametrize("x0", [-1, -2, -7, -16, -23, -64, -255])
def test_exp_of_every_difference_of_int8(x0, n):
    differences = np.arange(-255, 1)
    expected = [reference.exp(int(d), x0, n) for d in differences]
    got = shift_exp(differences, x0, fraction_bits=n)
    assert got.dtype == np.int64
    assert got.tolist() == expected
    assert got[-1] == -x0 << n
    assert got.min() >= -x0


@pytest.mark.parametrize("n", [15, 23])
@pytest.mark.parametrize("x0", [-1, -10, -37, -255])
def test_exp_above_zero_saturates(x0, n):
    differences = np.arange(1, 129)
    expected = [min(reference.exp(int(d), x0, n), 2**31 - 1) for d in differences]
    assert shift_exp(differences, x0, fraction_bits=n).tolist() == expected


def test_exp_at_the_ends_of_its_widths():
    for x0, n in ((-1, 30), (-65535, 15), (-((2**31 - 1) >> 1), 1)):
        differences = [-(2**33), -(2**32) + 1, -1, 0, 1, -x0, -20 * x0, -40 * x0]
        expected = [min(reference.exp(d, x0, n), 2**31 - 1) for d in differences]
        assert shift_exp(np.array(differences), x0, fraction_bits=n).tolist() == expected
    assert shift_exp(np.array([2**20, 2**31, 2**33]), -3, fraction_bits=23).tolist() == [2**31 - 1] * 3


@pytest.mark.parametrize("ob", [8, 16])
@pytest.mark.parametrize("scale", SCALES)
def test_softmax_of_random_rows(scale, ob):
    profile = replace(IVIT.softmax, output_bits=ob)
    x0 = math.floor(-1 / scale)
    for length in (1, 2, 7, 197):
        rows = random_rows(6, length)
        expected = [reference.softmax(row, x0, 15, ob) for row in rows.tolist()]
        assert shiftmax(profile, rows, scale=scale).tolist() == expected


def test_softmax_of_a_saturated_sum():
    """The sum passes 31 bits at L * |x0| = 65536 for 15 fraction bits; both sides of it and far beyond."""
    for length in (1023, 1024, 1025, 4096):
        row = [5] * (length - 1) + [4]
        assert shiftmax(IVIT.softmax, np.array(row), scale=1 / 64).tolist() == reference.softmax(row, -64, 15, 16)


def test_softmax_with_masks():
    rows = random_rows(8, 33)
    mask = np.random.default_rng(SEED).random(rows.shape) < 0.4
    mask[0], mask[1] = True, False
    expected = [
        reference.softmax(row, -16, 15, 16, taken) for row, taken in zip(rows.tolist(), mask.tolist(), strict=True)
    ]
    got = shiftmax(IVIT.softmax, rows, scale=1 / 16, mask=mask)
    assert got.tolist() == expected
    assert (got[~mask] == 0).all()
    causal = np.tril(np.ones((33, 33), dtype=bool))
    batch = np.broadcast_to(rows[:1], (33, 33))
    assert shiftmax(IVIT.softmax, batch, scale=1 / 16, mask=causal)[0].tolist() == [32760] + [0] * 32


def test_a_row_masked_altogether_gives_zeros():
    rows = random_rows(2, 9)
    assert shiftmax(IVIT.softmax, rows, scale=1 / 16, mask=np.array([[True], [False]]))[1].tolist() == [0] * 9


def test_what_is_masked_does_not_matter():
    rows, mask = random_rows(4, 20), np.arange(20) % 3 > 0
    other = np.where(mask, rows, 2**31 - 1)
    assert (
        shiftmax(IVIT.softmax, rows, scale=1 / 32, mask=mask) == shiftmax(IVIT.softmax, other, scale=1 / 32, mask=mask)
    ).all()


def test_equal_elements_vanish_from_128_on_at_eight_bits():
    profile = replace(IVIT.softmax, output_bits=8)
    for value in (-128, 0, 127):
        assert set(shiftmax(profile, np.full(127, value), scale=1 / 16).tolist()) == {1}
        assert set(shiftmax(profile, np.full(128, value), scale=1 / 16).tolist()) == {0}
        assert set(shiftmax(profile, np.full(2048, value), scale=1 / 16).tolist()) == {0}


@pytest.mark.parametrize(
    ("ob", "scale", "one"),
    [(8, 1 / 64, 127), (8, 0.045, 127), (8, 3.0, 127), (16, 3.0, 32767), (16, 1 / 16, 32760), (16, 1 / 64, 32736)],
)
def test_a_softmax_row_of_length_one_gives_nearly_one(ob, scale, one):
    profile = replace(IVIT.softmax, output_bits=ob)
    assert shiftmax(profile, np.arange(-128, 128)[:, None], scale=scale).tolist() == [[one]] * 256


def test_softmax_does_not_depend_on_order_or_offset():
    """Running maxima that start at 0 fail on rows of negative numbers alone."""
    rows = random_rows(5, 64, -128, -60)
    permutation = np.random.default_rng(SEED).permutation(64)
    expected = shiftmax(IVIT.softmax, rows, scale=1 / 32)
    assert (shiftmax(IVIT.softmax, rows[:, permutation], scale=1 / 32) == expected[:, permutation]).all()
    assert (shiftmax(IVIT.softmax, rows + 187, scale=1 / 32) == expected).all()


@pytest.mark.parametrize("scale", SCALES)
def test_gelu_elementwise_of_every_int8(scale):
    x0 = math.floor(-1 / (1.702 * scale))
    for n in (16, 23):
        profile = replace(IVIT.gelu, maximum="element", fraction_bits=n)
        expected = reference.gelu(INT8, x0, n, 8, elementwise=True)
        assert shift_gelu(profile, np.array(INT8, dtype=np.int8), scale=scale).tolist() == expected


@pytest.mark.parametrize("scale", SCALES)
def test_gelu_of_every_int8_under_every_maximum(scale):
    x0 = math.floor(-1 / (1.702 * scale))
    rows = [[x, m] for m in INT8[::5] for x in INT8 if x <= m]
    expected = [reference.gelu(row, x0, 23, 8, elementwise=False) for row in rows]
    assert shift_gelu(IVIT.gelu, np.array(rows), scale=scale).tolist() == expected


def test_gelu_of_a_row_with_a_negative_maximum():
    """exp(-max) is shifted by more than its fraction bits, up to far more than any register."""
    for scale in (1 / 64, 1 / 16, 3.0):
        rows = random_rows(6, 40, -128, -1)
        x0 = math.floor(-1 / (1.702 * scale))
        expected = [reference.gelu(row, x0, 23, 8, elementwise=False) for row in rows.tolist()]
        assert shift_gelu(IVIT.gelu, rows, scale=scale).tolist() == expected
    assert shift_gelu(IVIT.gelu, np.array([-128]), scale=3.0).tolist() == [0]


@pytest.mark.parametrize(("sigma", "length"), [(3, 197), (32, 197), (3, 2), (32, 1000), (9000, 768)])
def test_layernorm_of_random_rows(sigma, length):
    limit = 2**15 if sigma > 127 else 128
    drawn = np.random.default_rng(SEED).normal(0, sigma, (8, length)).round().clip(-limit, limit - 1).astype(np.int64)
    bias = np.random.default_rng(SEED).integers(-(2**31), 2**31, length)
    for iterations in (1, 10, 16):
        profile = replace(IVIT.layernorm, root_iterations=iterations)
        expected = [reference.layernorm(row, bias.tolist(), iterations) for row in drawn.tolist()]
        assert layernorm(profile, drawn, bias=bias).tolist() == expected
    floored = [reference.layernorm(row, [0] * length, 10, math.floor) for row in drawn.tolist()]
    assert layernorm(replace(IVIT.layernorm, mean_rounding="floor"), drawn).tolist() == floored


def test_layernorm_rounds_halves_of_the_mean_to_even():
    for row in ([0, 1], [1, 2], [-1, 0], [-2, -1], [-3, -2], [0, 0, 1, 1], [3, 0, 0, 3]):
        assert layernorm(IVIT.layernorm, np.array(row)).tolist() == reference.layernorm(row, [0] * len(row), 10)


def test_layernorm_of_the_widest_sums():
    row = [2**15 - 1, -(2**15)] * 512
    assert layernorm(IVIT.layernorm, np.array(row)).tolist() == reference.layernorm(row, [0] * 1024, 10)
    assert set(layernorm(IVIT.layernorm, np.full(4096, -(2**15))).tolist()) == {0}


def test_layernorm_of_equal_elements_is_the_bias_whatever_the_root():
    bias = np.arange(-3, 4)
    for iterations in (1, 10, 16, 17, 64):
        profile = replace(IVIT.layernorm, root_iterations=iterations)
        for value in (-32768, -1, 0, 77, 32767):
            assert layernorm(profile, np.full((2, 7), value), bias=bias).tolist() == [bias.tolist()] * 2
            assert layernorm(profile, np.array([value]), bias=np.array([9])).tolist() == [9]


def test_the_root_of_zero_has_not_converged_after_ten_steps():
    assert newton_root(np.array([0]), iterations=10).tolist() == [64]
    assert newton_root(np.array([0]), iterations=16).tolist() == [1]
    assert newton_root(np.array([0]), iterations=40).tolist() == [0]


def test_the_root_is_newtons():
    sums = [*range(1, 3000), *(m * m - 1 for m in range(60, 3000, 7)), 2**41 + 12345, 2**54]
    for iterations in (10, 11, 30):
        got = newton_root(np.array(sums), iterations=iterations)
        assert got.tolist() == [reference.root(v, iterations) for v in sums]
        assert all(k >= math.isqrt(v) for k, v in zip(got.tolist(), sums, strict=True))


def test_the_iteration_count_is_observable():
    oscillating = np.array([100 * 100 - 1])
    assert {int(newton_root(oscillating, iterations=count)[0]) for count in (30, 31)} == {99, 100}


def test_the_integer_bias_is_floored_in_units_of_gamma():
    beta, gamma = [0.5, -0.5, 0.25, 0.0], [1.0, 2.0, -0.5, 3.0]
    assert integer_bias(beta, gamma, length=4).tolist() == [2**28, -(2**27), -(2**28), 0]
    assert integer_bias([1e-9], [1.0], length=4).tolist() == [0]
    assert integer_bias([-1e-9], [1.0], length=4).tolist() == [-1]


def test_layernorm_with_a_negative_gamma_is_the_real_one():
    rows = np.random.default_rng(SEED).normal(0, 32, (20, 256)).round().clip(-128, 127).astype(np.int64)
    beta, gamma = np.linspace(-1, 1, 256), np.where(np.arange(256) % 2, -0.7, 1.3)
    bias = integer_bias(beta, gamma, length=256)
    real = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True) * gamma + beta
    assert np.abs(layernorm(IVIT.layernorm, rows, bias=bias) * layernorm_scale(length=256) * gamma - real).max() < 0.05
