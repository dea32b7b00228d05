"""Low-bit attention against exact fractions, loops over single tokens, ml_dtypes and NumPy's own narrow types."""

import math
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from bitmill.golden.attention.cache import bits_per_number, quantized_cache
from bitmill.golden.attention.scores import group_integers, integer_scores, probabilities
from bitmill.golden.attention.values import fp8, fp8_values, narrowed, shifted_values
from bitmill.system.errors import BitmillError

RNG = np.random.default_rng(11)
HEADS, TOKENS, WIDTH = 2, 70, 8
QUERY, KEY, VALUE = (RNG.normal(size=(HEADS, TOKENS, WIDTH)).astype(np.float32) for _ in range(3))
KEY[:, :, 3] += 9  # A channel with an offset, as keys have them.


def _exact():
    return QUERY.astype(np.float64) @ KEY.transpose(0, 2, 1).astype(np.float64) / math.sqrt(WIDTH)


def _softmax(scores):
    weights = probabilities(scores)
    return weights / weights.sum(axis=2, keepdims=True)


def test_integers_of_a_group_share_the_greatest_magnitude_over_7():
    codes, scale = group_integers(QUERY, bits=4, group=32)
    for head in range(HEADS):
        for start in (0, 32, 64):
            group = QUERY[head, start : start + 32].astype(np.float64)
            step = np.abs(group).max() / 7
            assert scale[head, start : start + 32].ravel().tolist() == [step] * len(group)
            np.testing.assert_array_equal(codes[head, start : start + 32], np.rint(group / step))
    assert np.abs(codes).max() == 7
    zeros = np.zeros((1, 3, 2), np.float32)
    assert not group_integers(zeros, bits=2, group=2)[0].any()


def test_scores_are_exact_sums_of_integer_products():
    q, k = QUERY[:1, :5], KEY[:1, :5]
    found = integer_scores(q, k, bits=4, query_group=3, key_group=2, smooth=False)
    (a, of_a), (b, of_b) = group_integers(q, bits=4, group=3), group_integers(k, bits=4, group=2)
    for row in range(5):
        for column in range(5):
            product = sum(int(x) * int(y) for x, y in zip(a[0, row], b[0, column], strict=True))
            exact = product * Fraction(float(of_a[0, row, 0])) * Fraction(float(of_b[0, column, 0]))
            assert found[0, row, column] == pytest.approx(float(exact) / math.sqrt(WIDTH), rel=1e-12)


def test_smoothing_moves_no_probability_and_lessens_the_error():
    wanted = _softmax(_exact())
    fine = _softmax(integer_scores(QUERY, KEY, bits=8))
    np.testing.assert_allclose(fine, wanted, atol=0.02)
    errors = {
        smooth: float(np.square(_softmax(integer_scores(QUERY, KEY, smooth=smooth)) - wanted).sum())
        for smooth in (True, False)
    }
    assert errors[True] < errors[False] / 3


def test_probabilities_are_causal_and_their_greatest_is_1():
    found = probabilities(_exact())
    assert not found[:, np.triu(np.ones((TOKENS, TOKENS), bool), 1)].any()
    np.testing.assert_array_equal(found.max(axis=2), 1)


@pytest.mark.parametrize(("name", "dtype"), [("E4M3", ml_dtypes.float8_e4m3fn), ("E5M2", ml_dtypes.float8_e5m2)])
def test_fp8_is_that_of_ml_dtypes(name, dtype):
    largest = float(ml_dtypes.finfo(dtype).max)
    x = RNG.normal(size=(3, 40, 5))
    scale = np.abs(x).max(axis=1, keepdims=True) / largest
    np.testing.assert_array_equal(fp8(x, name, axis=1), (x / scale).astype(dtype).astype(np.float64) * scale)
    p = RNG.random((2, 50))
    np.testing.assert_array_equal(fp8(p, name), (p / (1 / largest)).astype(dtype).astype(np.float64) * (1 / largest))
    assert not fp8(np.zeros((1, 2)), axis=1).any()


@pytest.mark.parametrize(("mantissa", "dtype"), [(10, np.float16), (7, ml_dtypes.bfloat16), (23, np.float32)])
def test_narrowed_is_rounding_to_that_mantissa(mantissa, dtype):
    x = RNG.uniform(1, 2, 4000) * RNG.choice([-1, 1], 4000) * 2.0 ** RNG.integers(-14, 14, 4000)  # Normal in all.
    np.testing.assert_array_equal(narrowed(x, mantissa), x.astype(dtype).astype(np.float64))
    assert narrowed(np.array([0.0])).tolist() == [0]


def test_accumulators_round_where_they_say():
    weights = probabilities(_exact())
    p, v = fp8(weights), fp8(VALUE, axis=1)
    sums = weights.sum(axis=2)
    two, narrow, exact = (fp8_values(weights, VALUE, accumulator=name) for name in ("two-level", "narrow", "exact"))
    for head, token, channel in ((0, 69, 0), (1, 69, 7), (1, 31, 2), (0, 0, 0)):
        terms = [Fraction(float(p[head, token, k])) * Fraction(float(v[head, k, channel])) for k in range(TOKENS)]
        steps = [sum(terms[start : start + 32], Fraction(0)) for start in (0, 32, 64)]
        partial, one = 0.0, 0.0
        for step in steps[:2]:
            partial = float(narrowed(np.array(float(Fraction(partial) + step))))
        one = float(narrowed(np.array(float(Fraction(partial) + steps[2]))))
        last = float(narrowed(np.array(float(steps[2]))))
        total = float(np.float32(float(Fraction(float(np.float32(partial))) + Fraction(last))))
        at = head, token, channel
        assert two[at] == pytest.approx(total / sums[head, token], rel=1e-12)
        assert narrow[at] == pytest.approx(float(np.float32(one)) / sums[head, token], rel=1e-12)
        assert exact[at] == pytest.approx(float(sum(steps)) / sums[head, token], rel=1e-12)


def test_two_levels_err_less_on_long_sums():
    rng = np.random.default_rng(2)
    weights, value = rng.random((1, 4, 2048)), np.abs(rng.normal(size=(1, 2048, 4)))
    exact = fp8_values(weights, value, accumulator="exact")
    worst = {
        name: float(np.abs(fp8_values(weights, value, accumulator=name) - exact).max())
        for name in ("narrow", "two-level")
    }
    assert worst["two-level"] < worst["narrow"]


def test_shifts_are_the_nearest_powers_of_two():
    weights = probabilities(_exact())
    found = shifted_values(weights, VALUE, bits=4)
    for head, token in ((0, 0), (1, 5), (0, 69)):
        row = weights[head, token]
        total = np.zeros(WIDTH)
        for key in range(token + 1):
            code = min(max(round(-math.log2(row[key] / row.sum())), 0), 15)
            total += VALUE[head, key].astype(np.float64) / 2**code
        np.testing.assert_allclose(found[head, token], total, rtol=1e-12)


@pytest.mark.parametrize(("along", "group"), [("channel", 32), ("token", 4), ("channel", 1000), ("token", 3)])
def test_cache_is_nearest_on_the_grid_of_its_group(along, group):
    found = quantized_cache(KEY, bits=2, along=along, group=group)
    view, wanted = (found, KEY) if along == "token" else (found.transpose(0, 2, 1), KEY.transpose(0, 2, 1))
    for head in range(HEADS):
        for row in range(view.shape[1]):
            for start in range(0, view.shape[2], group):
                part = wanted[head, row, start : start + group].astype(np.float64)
                low = float(np.float16(part.min()))
                step = float(np.float16((part.max() - low) / 3))
                grid = np.array([low + step * code for code in range(4)])
                nearest = [min(abs(grid - x)) for x in part]
                got = view[head, row, start : start + group]
                assert set(got.tolist()) <= set(grid.tolist())
                np.testing.assert_allclose(abs(got - part), nearest, atol=1e-12)
    assert bits_per_number(bits=2, group=32) == 3


def test_keys_per_channel_err_less_than_per_token():
    errors = {
        along: float(np.square(quantized_cache(KEY, bits=2, along=along, group=8) - KEY).sum())
        for along in ("channel", "token")
    }
    assert errors["channel"] < errors["token"] / 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: group_integers(QUERY, bits=9, group=1), "bits must be 2 to 8, not 9"),
        (lambda: integer_scores(QUERY, KEY, query_group=0), None),
        (lambda: group_integers(QUERY, bits=4, group=0), "group must be at least 1, not 0"),
        (lambda: fp8_values(_exact(), VALUE, accumulator="fp16"),
         "accumulator must be one of exact, narrow, two-level, not 'fp16'"),
        (lambda: quantized_cache(KEY, bits=0, along="token", group=8), "bits must be 1 to 8, not 0"),
        (lambda: quantized_cache(KEY, bits=4, along="head", group=8), "along must be channel or token, not 'head'"),
        (lambda: quantized_cache(KEY, bits=4, along="token", group=0), "group must be at least 1, not 0"),
        (lambda: quantized_cache(KEY * 1e6, bits=4, along="token", group=8), None),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(call, message):
    with pytest.raises(BitmillError) as refused:
        call()
    assert "\n" not in str(refused.value)
    assert message in (None, str(refused.value))
