"""Defects of public units: what ours must hold so as not to have them, and a model with each defect, which does not.

Hanging while the output stalls is one that only hardware can have.
"""

import math

import numpy as np
import pytest

from bitmill.config.nonlinear import IBERT, IVIT, PROFILES
from bitmill.golden.nonlinear import (
    dyadic,
    exact_root_layernorm,
    ita_softmax,
    ita_softmax_scale,
    layernorm,
    layernorm_scale,
    requantize,
    shift_exp,
    shift_gelu,
)
from bitmill.golden.rows import dispatch as by_rule

SEED = 12
SCALE = math.log(2) / 32
"""That of ITA, whose published shift needs no multiplier."""
EVERY_PROFILE = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


def ours(profile):
    return lambda x: np.multiply(*by_rule.softmax(profile.softmax, x, scale=SCALE))


def ita(**named):
    return lambda x: ita_softmax(x, **named) * ita_softmax_scale()


def gives_each_of_many_equals_its_share(softmax):
    shares = softmax(np.zeros((1, 2048), dtype=int))
    return bool(np.abs(shares - 1 / 2048).max() < 2e-3)


@EVERY_PROFILE
def test_a_sum_of_many_equals_does_not_wrap(profile):
    """2048 exponentials of 256 are 2**19: a sum of 19 bits is 0 again."""
    assert gives_each_of_many_equals_its_share(ours(profile))
    assert gives_each_of_many_equals_its_share(ita())
    assert not gives_each_of_many_equals_its_share(ita(wrap=True))


def test_the_wrapped_sum_differs_from_2048_equals_on():
    for length, same in ((2047, True), (2048, False), (2049, False), (2303, False)):
        row = np.zeros(length, dtype=int)
        assert (ita_softmax(row, wrap=True).tolist() == ita_softmax(row).tolist()) == same
    assert set(ita_softmax(np.zeros(2048, dtype=int), wrap=True).tolist()) == {255}


def does_not_depend_on_order(softmax):
    rng = np.random.default_rng(SEED)
    rows = rng.integers(-128, 128, (20, 64))
    upward, downward = np.sort(rows), np.sort(rows)[:, ::-1]
    return softmax(upward)[:, ::-1].tolist() == softmax(downward).tolist()


@EVERY_PROFILE
def test_results_do_not_depend_on_the_order_of_elements(profile):
    """A sum that is shifted down whenever the maximum rises is rounded as often."""
    assert does_not_depend_on_order(ours(profile))
    assert does_not_depend_on_order(ita(block=64))
    assert not does_not_depend_on_order(ita(block=16))


def takes_rows_of_negative_numbers(softmax):
    rows = np.random.default_rng(SEED).integers(-128, -80, (20, 64))
    return softmax(rows).tolist() == softmax(rows + 200).tolist()


@EVERY_PROFILE
def test_a_maximum_below_zero_is_a_maximum(profile):
    """A running maximum that is reset to 0 instead of the least number."""

    def reset_to_zero(x):
        with_zero = np.concatenate([x, np.zeros((len(x), 1), dtype=int)], axis=1)
        exponentials = shift_exp(x - with_zero.max(axis=1, keepdims=True), -46, fraction_bits=15)
        return exponentials * ((2**31 - 1) // exponentials.sum(axis=1, keepdims=True)) / 2**31

    assert takes_rows_of_negative_numbers(ours(profile))
    assert not takes_rows_of_negative_numbers(reset_to_zero)


def saturates(requantization):
    z = np.arange(-1000, 1001)
    exact = np.rint(z * 0.37)
    return bool((np.abs(requantization(z) - exact.clip(-128, 127)) <= 1).all())


def test_requantization_saturates():
    """One that keeps the lowest 8 bits turns the greatest values into negative ones."""
    m, e = dyadic(0.37)

    def drops_saturation(z):
        wide = requantize(z, multiplier=m, shift=e, bits=32, ties="up")
        return (wide + 128) % 256 - 128

    assert saturates(lambda z: requantize(z, multiplier=m, shift=e, bits=8, ties="even"))
    assert saturates(lambda z: requantize(z, multiplier=m, shift=e, bits=8, ties="up"))
    assert not saturates(drops_saturation)


def centres_rows_far_from_zero(normalize):
    rows = np.random.default_rng(SEED).integers(-500, 500, (8, 128)) + 30_000
    real = (rows - rows.mean(axis=1, keepdims=True)) / rows.std(axis=1, keepdims=True)
    return bool(np.abs(normalize(rows) * layernorm_scale(length=128) - real).max() < 0.05)


def test_the_sum_behind_a_mean_of_16_bits_is_wider_than_16_bits():
    """A sum in int16 wraps once a few elements have been added up."""

    def wraps(rows):
        total = rows.astype(np.int16).sum(axis=1, keepdims=True, dtype=np.int16)
        centred = rows - np.rint(total / rows.shape[1]).astype(np.int64)
        root = np.sqrt(np.square(centred).sum(axis=1, keepdims=True)).astype(np.int64)
        return (centred * ((2**31 - 1) // root)) >> 1

    assert centres_rows_far_from_zero(lambda rows: layernorm(IVIT.layernorm, rows))
    assert centres_rows_far_from_zero(lambda rows: exact_root_layernorm(IBERT.layernorm, rows))
    assert not centres_rows_far_from_zero(wraps)


def favours_the_greatest_element(softmax):
    rows = np.sort(np.random.default_rng(SEED).integers(-128, 128, (20, 64)))
    shares = softmax(rows)
    real = np.exp((rows - rows.max(axis=1, keepdims=True)) * SCALE)
    return bool((np.diff(shares) >= 0).all() and np.abs(shares - real / real.sum(axis=1, keepdims=True)).max() < 0.1)


@EVERY_PROFILE
def test_the_exponential_of_softmax_is_not_gelu(profile):
    """One generator's heads hold GELU's code where the exponential's belongs: all below the maximum is about 0, with any sign."""

    def gelu_instead(x):
        differences = x - x.max(axis=1, keepdims=True)
        values = shift_gelu(IVIT.gelu, differences, scale=SCALE)
        return values / np.where(values.sum(axis=1, keepdims=True) == 0, 1, values.sum(axis=1, keepdims=True))

    assert favours_the_greatest_element(ours(profile))
    assert not favours_the_greatest_element(gelu_instead)
