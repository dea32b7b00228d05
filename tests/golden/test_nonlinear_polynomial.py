"""I-BERT's units against the reference in unbounded integers: exhaustive where inputs are few, random rows, corners."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import IBERT, ExactRootLayerNormRule, PolynomialGeluRule, PolynomialSoftmaxRule
from bitmill.golden.nonlinear import (
    erf_polynomial,
    exact_root,
    exact_root_layernorm,
    exp_polynomial,
    polynomial_exp,
    polynomial_gelu,
    polynomial_gelu_scale,
    polynomial_softmax,
)

from . import polynomial_reference as reference

SEED = 8
SCALES = (1 / 16, 1 / 32, 1 / 64, 0.045, 0.9, 1.5)
INT8 = np.arange(-128, 128)


def random_rows(count, length, least=-128, greatest=127):
    return np.random.default_rng(SEED).integers(least, greatest, (count, length), endpoint=True)


def test_ibert_is_what_the_authors_compute():
    assert IBERT.softmax == PolynomialSoftmaxRule(halvings=30, exponential_bits=16, output_bits=16)
    assert IBERT.gelu == PolynomialGeluRule(dropped_bits=0)
    assert IBERT.layernorm == ExactRootLayerNormRule(mean_rounding="nearest-even")
    assert IBERT.ties == "even"


def test_the_polynomial_is_the_papers():
    """``a * (x + b)**2 + c`` with a = .3585, b = 1.353, c = .344."""
    a, linear = IBERT.softmax.SQUARE, IBERT.softmax.LINEAR
    assert (round(a, 3), round(linear / 2 / a, 3)) == (0.358, 1.354)
    assert abs(1 - linear**2 / 4 / a - 0.344) < 1e-3
    points = np.linspace(-math.log(2), 0, 100)
    assert np.abs(a * points**2 + linear * points + 1 - np.exp(points)).max() < 2.5e-3


@pytest.mark.parametrize("scale", [1 / 16, 1 / 64, 0.045, 1.6])
def test_the_integers_of_a_scale(scale):
    integers = exp_polynomial(IBERT.softmax, scale=scale)
    assert (integers.x0, integers.linear, integers.constant) == reference.exp_integers(scale)
    if scale == 1 / 16:
        assert (integers.x0, integers.linear, integers.constant) == (-12, 43, 714)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("n", [1, 30])
@pytest.mark.parametrize("scale", SCALES)
def test_exp_of_every_difference_of_int8(scale, n, bits):
    rule = replace(IBERT.softmax, halvings=n, exponential_bits=bits)
    differences = np.arange(-255, 1)
    got = polynomial_exp(rule, differences, scale=scale)
    assert got.dtype == np.int64
    assert got.tolist() == [reference.exp(int(d), scale, n, bits) for d in differences]
    assert got[-1] == rule.one == 2 ** (bits - 1) - 1


def test_exp_rounds_halves_to_even():
    """At three bits a constant of 48 makes the multiplier a power of two, and each 8 of the polynomial a half."""
    rule = replace(IBERT.softmax, exponential_bits=3)
    scale = 0.23994
    assert exp_polynomial(rule, scale=scale).constant == 48
    differences = np.arange(-30, 1)
    halves = [d for d in differences.tolist() if reference.raw_exp(d, scale, 30) % 2**34 == 2**33]
    assert halves
    assert polynomial_exp(rule, differences, scale=scale).tolist() == [
        reference.exp(d, scale, 30, 3) for d in differences.tolist()
    ]


def test_exp_at_the_ends_of_its_widths():
    """At the least scale the polynomial has 32 bits and the halvings reach over 24 of the input's."""
    for scale in (2.56e-5, 1e-4, 1e-3):
        x0 = math.floor(-0.6931 / scale)
        differences = [-(2**32), 31 * x0, 30 * x0, 30 * x0 + 1, 16 * x0 - 1, 16 * x0, x0 - 1, x0, x0 + 1, -1, 0]
        got = polynomial_exp(IBERT.softmax, np.array(differences), scale=scale)
        assert got.tolist() == [reference.exp(d, scale, 30, 16) for d in differences]


@pytest.mark.parametrize("ob", [1, 8, 16])
@pytest.mark.parametrize("scale", SCALES)
def test_softmax_of_random_rows(scale, ob):
    rule = replace(IBERT.softmax, output_bits=ob)
    for length in (1, 2, 7, 197):
        rows = random_rows(3, length)
        expected = [reference.softmax(row, scale, 30, 16, ob) for row in rows.tolist()]
        assert polynomial_softmax(rule, rows, scale=scale).tolist() == expected


def test_softmax_of_32_bit_inputs():
    rows = random_rows(4, 50, -(2**31), 2**31 - 1)
    rows[1] >>= 20
    expected = [reference.softmax(row, 1e-4, 30, 16, 16) for row in rows.tolist()]
    assert polynomial_softmax(IBERT.softmax, rows, scale=1e-4).tolist() == expected


def test_softmax_with_masks():
    rows = random_rows(8, 33)
    mask = np.random.default_rng(SEED).random(rows.shape) < 0.4
    mask[0], mask[1] = True, False
    expected = [
        reference.softmax(row, 1 / 16, 30, 16, 16, taken)
        for row, taken in zip(rows.tolist(), mask.tolist(), strict=True)
    ]
    assert polynomial_softmax(IBERT.softmax, rows, scale=1 / 16, mask=mask).tolist() == expected
    hidden = np.where(mask, rows, 2**31 - 1)
    assert polynomial_softmax(IBERT.softmax, hidden, scale=1 / 16, mask=mask).tolist() == expected


def test_the_longest_row_still_has_a_reciprocal():
    row = np.zeros(2**17, dtype=np.int8)
    got = polynomial_softmax(IBERT.softmax, row, scale=1 / 16)
    assert set(got.tolist()) == {(32767 * (2**32 // (32767 * 2**17))) >> 16} == {0}
    row[0], row[1:] = 127, -128
    assert polynomial_softmax(IBERT.softmax, row, scale=1 / 16).tolist() == [65535] + [0] * (2**17 - 1)
    with pytest.raises(BitmillError, match="rows of 1 to 131072 elements, not 131073"):
        polynomial_softmax(IBERT.softmax, np.zeros(2**17 + 1, dtype=np.int8), scale=1 / 16)


@pytest.mark.parametrize("scale", [*SCALES, 2.5])
def test_gelu_of_every_int8(scale):
    integers, unit = zip(*(reference.gelu(int(x), scale, 0) for x in INT8), strict=True)
    assert polynomial_gelu(IBERT.gelu, INT8.astype(np.int8), scale=scale).tolist() == [-y for y in integers]
    assert polynomial_gelu_scale(IBERT.gelu, scale=scale) == -unit[0] > 0


def test_gelu_of_32_bit_inputs_as_the_authors_cut_it():
    rule = PolynomialGeluRule(dropped_bits=14)
    scale = 7e-7
    rng = np.random.default_rng(SEED)
    values = np.concatenate([rng.integers(-(2**31), 2**31, 500) >> rng.integers(0, 31, 500), [-(2**31), 2**31 - 1, 0]])
    got = polynomial_gelu(rule, values, scale=scale)
    assert got.tolist() == [-reference.gelu(int(x), scale, 14)[0] for x in values]
    assert int(np.abs(got).max()) > 2**55


@pytest.mark.parametrize("dropped", [0, 14, 30])
def test_the_widest_gelu_fits(dropped):
    rule = PolynomialGeluRule(dropped_bits=dropped)
    least = 1.4142 / math.sqrt(0.2888 * 2.0 ** (30 + dropped))
    values = [-(2**31), 1 - 2**31, -1, 1, 2**31 - 1]
    got = polynomial_gelu(rule, np.array(values), scale=least * 1.000001)
    assert got.tolist() == [-reference.gelu(x, least * 1.000001, dropped)[0] for x in values]
    assert 2**61 < int(got.max()) <= 2**62
    assert 2**29 < -erf_polynomial(rule, scale=least * 1.000001).one <= 2**30


@pytest.mark.parametrize(("sigma", "length"), [(3, 197), (32, 197), (3, 2), (32, 1000), (9000, 768)])
def test_layernorm_of_random_rows(sigma, length):
    limit = 2**15 if sigma > 127 else 128
    drawn = np.random.default_rng(SEED).normal(0, sigma, (8, length)).round().clip(-limit, limit - 1).astype(np.int64)
    bias = np.random.default_rng(SEED).integers(-(2**31), 2**31, length)
    expected = [reference.layernorm(row, bias.tolist()) for row in drawn.tolist()]
    assert exact_root_layernorm(IBERT.layernorm, drawn, bias=bias).tolist() == expected
    floored = [reference.layernorm(row, [0] * length, math.floor) for row in drawn.tolist()]
    assert exact_root_layernorm(ExactRootLayerNormRule(mean_rounding="floor"), drawn).tolist() == floored


def test_layernorm_stays_within_its_width():
    for row in ([1, 0, 0], [-1, 0, 0, 0], [2**15 - 1, -(2**15)], [-(2**15)] + [2**15 - 1] * 999):
        got = exact_root_layernorm(IBERT.layernorm, np.array(row))
        assert got.tolist() == reference.layernorm(row, [0] * len(row))
        assert int(np.abs(got).max()) <= 2**30


def test_the_root_is_exact():
    sums = [*range(5000), *(m * m + k for m in (2**15, 2**16 + 1, 2**24 - 1, 2**26 + 3, 2**31) for k in (-1, 0, 1))]
    sums = [v for v in sums if v <= 2**62] + [2**53 - 1, 2**53 + 1, 2**54 - 1, 2**62]
    assert exact_root(np.array(sums)).tolist() == [math.isqrt(v) for v in sums]
    assert all(exact_root(np.array([v])).tolist() == [math.isqrt(v)] for v in sums[::50])


@pytest.mark.parametrize(
    ("function", "rule", "scale", "message"),
    [
        (
            polynomial_softmax,
            IBERT.softmax,
            1.7,
            "scale must be above 2.54969e-05 and below 1.67096 for exp(0) of 1 to 32",
        ),
        (polynomial_softmax, IBERT.softmax, 2.5e-5, "bits, not 2.5e-05"),
        (polynomial_softmax, IBERT.softmax, float("nan"), "scale must be positive and finite, not nan"),
        (polynomial_gelu, IBERT.gelu, 2.64, "below 2.63155 for erf's 1 of 1 to 30 bits, not 2.64"),
        (polynomial_gelu, IBERT.gelu, 8e-5, "scale must be above 8.03086e-05"),
        (polynomial_gelu, PolynomialGeluRule(dropped_bits=14), 1 / 32, "below 0.020559 "),
        (polynomial_gelu, IBERT.gelu, 0.0, "scale must be positive and finite, not 0.0"),
    ],
)
def test_scales_that_are_refused(function, rule, scale, message):
    with pytest.raises(BitmillError) as caught:
        function(rule, [1, 2], scale=scale)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "field", "value"),
    [
        (IBERT.softmax, "halvings", 31),
        (IBERT.softmax, "exponential_bits", 17),
        (IBERT.softmax, "exponential_bits", 2),
        (IBERT.softmax, "output_bits", 0),
        (IBERT.gelu, "dropped_bits", -1),
        (IBERT.layernorm, "mean_rounding", "up"),
    ],
)
def test_rules_that_are_refused(rule, field, value):
    with pytest.raises(BitmillError, match=f"{field} must be .*, not {value!r}"):
        replace(rule, **{field: value})


def test_biases_that_are_refused():
    with pytest.raises(BitmillError, match=r"bias must broadcast to x of shape \(3,\), not \(2,\)"):
        exact_root_layernorm(IBERT.layernorm, [1, 2, 3], bias=[1, 2])
