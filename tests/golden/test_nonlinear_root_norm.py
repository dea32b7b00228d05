"""LayerNorm and RMSNorm with an exact root: against fractions, against real numbers, and what must hold for any row."""

import math
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill.config.nonlinear import NormWidths, RootNormRule
from bitmill.golden.nonlinear import NormConstants, norm_constants, norm_error, root_norm
from bitmill.golden.rows.dispatch import layernorm

from . import nonlinear_reference as reference

SEED = 51
LAYER, RMS = RootNormRule(), RootNormRule(centred=False)
EVERY = settings(max_examples=150, deadline=None, derandomize=True)


def widths_of(rule=LAYER, *, bits=8, out=8, longest=64):
    return NormWidths(rule=rule, input_bits=bits, output_bits=out, max_length=longest)


@st.composite
def rules(draw):
    root = draw(st.integers(2, 14))
    guard = draw(st.integers(1, 12))
    return RootNormRule(
        centred=draw(st.booleans()),
        root_fraction_bits=root,
        epsilon_fraction_bits=draw(st.integers(0, 2 * root)),
        factor_guard_bits=guard,
        normalized_fraction_bits=draw(st.integers(1, min(root - 1, guard))),
        multiplier_bits=draw(st.integers(2, 16)),
        shift_bits=draw(st.integers(0, 5)),
        ties=draw(st.sampled_from(["even", "up"])),
    )


@st.composite
def layers(draw, chosen=rules(), least=1):  # noqa: B008
    """A row and the integers of its layer, of any size that is accepted."""
    length = draw(st.integers(least, 40))
    widths = widths_of(
        draw(chosen),
        bits=draw(st.integers(2, 16)),
        out=draw(st.integers(2, 16)),
        longest=draw(st.integers(length, 64)),
    )

    def signed(bits):
        return st.lists(
            st.integers(-(1 << (bits - 1)), (1 << (bits - 1)) - 1), min_size=length, max_size=length
        )  # fmt: skip

    constants = NormConstants(
        widths=widths,
        multiplier=np.array(draw(signed(widths.rule.multiplier_bits))),
        bias=np.array(draw(signed(widths.bias_bits))),
        shift=draw(st.integers(widths.least_shift, widths.greatest_shift)),
        epsilon=draw(st.integers(0, (1 << widths.epsilon_bits) - 1) | st.just(0)),
    )
    return np.array(draw(signed(widths.input_bits))), constants


@EVERY
@given(layers())
def test_it_is_the_specification_in_fractions(layer):
    x, constants = layer
    widths = constants.widths
    wanted = reference.root_norm(
        widths.rule, x.tolist(), widths.input_bits, widths.output_bits,
        constants.multiplier.tolist(), constants.bias.tolist(), constants.shift, constants.epsilon,
    )  # fmt: skip
    assert root_norm(constants, x).tolist() == wanted


@EVERY
@given(layers(), st.randoms(use_true_random=False))
def test_order_does_not_matter(layer, random):
    x, constants = layer
    order = list(range(x.size))
    random.shuffle(order)
    moved = replace(constants, multiplier=constants.multiplier[order], bias=constants.bias[order])
    assert (root_norm(moved, x[order]) == root_norm(constants, x)[order]).all()


@EVERY
@given(layers(), st.integers(-(1 << 15), 1 << 15))
def test_a_mean_does_not_matter(layer, moved):
    x, constants = layer
    limit = 1 << (constants.widths.input_bits - 1)
    moved = int(np.clip(moved, -limit - x.min(), limit - 1 - x.max()))
    if constants.widths.rule.centred:
        assert (root_norm(constants, x + moved) == root_norm(constants, x)).all()


@EVERY
@given(layers())
def test_gamma_0_is_the_bias_and_gamma_below_0_turns_the_sign(layer):
    x, constants = layer
    none = replace(constants, multiplier=np.zeros(x.size, dtype=int))
    limit = 1 << (constants.widths.output_bits - 1)
    ties = constants.widths.rule.ties
    rounded = [reference.requantize(b, 1, constants.shift, limit.bit_length(), ties) for b in constants.bias.tolist()]
    assert root_norm(none, x).tolist() == rounded
    positive = replace(constants, multiplier=np.abs(np.maximum(constants.multiplier, -1)), bias=none.multiplier)
    turned = root_norm(replace(positive, multiplier=-positive.multiplier), x)
    if ties == "even":
        inside = (turned > -limit) & (turned < limit - 1)
        assert (turned == -root_norm(positive, x))[inside].all()


@pytest.mark.parametrize("epsilon", [0, 1, 5000])
@pytest.mark.parametrize("length", [1, 2, 37, 64])
@pytest.mark.parametrize("value", [-128, -1, 0, 3, 127])
def test_a_row_of_equal_elements_is_the_bias(value, length, epsilon):
    bias = (np.arange(length) * 7 - 200) << 12
    constants = NormConstants(
        widths=widths_of(), multiplier=np.full(length, 8191), bias=bias, shift=14, epsilon=epsilon,
    )  # fmt: skip
    wanted = [min(max(math.floor(b / (1 << 14) + 0.5), -128), 127) for b in bias.tolist()]
    assert root_norm(constants, np.full(length, value)).tolist() == wanted


def test_zeros_without_a_mean_are_the_bias_and_one_element_is_its_sign():
    widths = widths_of(RMS)
    constants = NormConstants(widths=widths, multiplier=np.array([512]), bias=np.array([3 << 14]), shift=14)
    assert root_norm(constants, [[0], [1], [-7], [127]])[:, 0].tolist() == [3, 19, -13, 19]


def extreme_rows(bits, length, rng):
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    spike = np.full(length, least)
    spike[length // 2] = greatest
    step = np.zeros(length, dtype=int)
    step[0] = 1
    return np.stack([
        spike,
        -spike - 1,
        step,
        -step,
        np.where(np.arange(length) % 2, least, greatest),
        np.full(length, greatest),
        rng.integers(least, greatest, length, endpoint=True),
        step + greatest - 1,
        step + least,
    ])  # fmt: skip


@pytest.mark.parametrize("rule", [LAYER, RMS])
@pytest.mark.parametrize(("bits", "length"), [(8, 1024), (16, 1024), (16, 255), (2, 3), (8, 2), (16, 65)])
def test_no_width_is_exceeded_at_the_limits(rule, bits, length):
    """Greatest spread, least spread, longest row, greatest constants: what is computed fits what is promised."""
    rng = np.random.default_rng(SEED)
    widths = widths_of(rule, bits=bits, longest=length)
    top, top_bias = 1 << (rule.multiplier_bits - 1), 1 << (widths.bias_bits - 1)
    for row in extreme_rows(bits, length, rng):
        for sign, epsilon in ((1, 0), (-1, 0), (1, (1 << widths.epsilon_bits) - 1)):
            constants = NormConstants(
                widths=widths, multiplier=np.full(length, -top if sign < 0 else top - 1),
                bias=np.full(length, -top_bias if sign < 0 else top_bias - 1), shift=widths.greatest_shift, epsilon=epsilon,
            )  # fmt: skip
            deviations = length * row.astype(object) - int(rule.centred) * int(row.sum())
            square = sum(length * int(x) ** 2 for x in row.tolist()) - int(rule.centred) * int(row.sum()) ** 2
            radicand = (square << rule.epsilon_fraction_bits) + length**2 * epsilon
            assert radicand.bit_length() <= widths.radicand_bits
            root = max(math.isqrt(radicand << widths.root_shift), 1)
            assert root.bit_length() <= widths.root_bits
            scaled = length << (widths.factor_fraction_bits + rule.root_fraction_bits)
            if square:
                assert (scaled // root).bit_length() <= widths.factor_bits
                normalized = max(abs(int(d)) for d in deviations) * 2.0**rule.root_fraction_bits / root
                assert normalized * 2.0**rule.normalized_fraction_bits <= widths.greatest_normalized - 1
            wanted = reference.root_norm(
                rule, row.tolist(), bits, 8, constants.multiplier.tolist(), constants.bias.tolist(),
                constants.shift, epsilon,
            )  # fmt: skip
            assert root_norm(constants, row).tolist() == wanted


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("root_fraction_bits", [2, 3, 5, 10])
def test_factors_of_every_short_row(centred, root_fraction_bits):
    """A coarse root is floored by much: factors still fit, and have no two bits that none needs."""
    rule = replace(
        LAYER, centred=centred, root_fraction_bits=root_fraction_bits, epsilon_fraction_bits=0, normalized_fraction_bits=1
    )  # fmt: skip
    greatest = 0
    for length in range(1, 8):
        widths = NormWidths(rule=rule, input_bits=2, output_bits=8, max_length=length)
        rows = combinations_with_replacement((-2, -1, 0, 1), length)
        for spread in {length * sum(x * x for x in row) - centred * sum(row) ** 2 for row in rows} - {0}:
            scaled = length << (2 + rule.factor_guard_bits + root_fraction_bits)
            greatest = max(greatest, scaled // math.isqrt(spread << 2 * root_fraction_bits))
        if length > 1:
            assert greatest.bit_length() <= widths.factor_bits <= greatest.bit_length() + 1


def drawn(length, sigma, *, rows=256):
    noise = np.random.default_rng(SEED).normal(size=(rows, length)) * sigma
    return np.clip(np.rint(noise), -128, 127).astype(np.int64)


def real_norm(x, *, centred, epsilon=0.0):
    deviation = x - centred * x.mean(axis=-1, keepdims=True)
    return deviation / np.sqrt(np.square(deviation).mean(axis=-1, keepdims=True) + epsilon)


@pytest.mark.parametrize("rule", [LAYER, RMS])
@pytest.mark.parametrize("length", [64, 100, 197, 384, 768, 1024])
@pytest.mark.parametrize("sigma", [1, 3, 32])
def test_errors_are_within_a_tenth_of_the_least_possible(rule, length, sigma):
    """Half an output step is the least error of any 8-bit output; the target of int8 LayerNorm is 1.5 steps."""
    x = drawn(length, sigma)
    real = real_norm(x, centred=rule.centred)
    rng = np.random.default_rng(SEED)
    gamma, beta = rng.uniform(-1, 1, length), rng.normal(size=length) * 0.2
    wanted = real * gamma + beta
    given = {"gamma": gamma, "beta": beta, "output_scale": float(np.abs(wanted).max() / 127)}
    constants = norm_constants(widths_of(rule, longest=1024), **given)
    error = np.abs(root_norm(constants, x) - wanted / given["output_scale"])
    assert error.max() < 0.6
    assert (error.max(axis=0) <= norm_error(constants, **given)).all()
    assert norm_error(constants, **given).max() < 0.8


@EVERY
@given(st.integers(2, 64), st.integers(0, 2**32), st.booleans(), st.sampled_from([0.0, 1e-5, 0.3, 900.0]))
def test_the_predicted_error_holds_for_any_row(length, seed, centred, epsilon):
    rng = np.random.default_rng(seed)
    x = np.rint(rng.standard_t(2, (8, length)) * 10.0 ** rng.uniform(-1, 2)).clip(-128, 127).astype(int)
    given = {
        "gamma": rng.normal(size=length) * 10.0 ** rng.uniform(-3, 1), "beta": rng.normal(size=length),
        "output_scale": 10.0 ** rng.uniform(-0.5, 1), "input_scale": 0.25, "epsilon": epsilon,
    }  # fmt: skip
    constants = norm_constants(widths_of(RootNormRule(centred=centred)), **given)
    spread = np.square(x - centred * x.mean(axis=-1, keepdims=True)).sum(axis=-1) > 0
    real = real_norm(x[spread] * 0.25, centred=centred, epsilon=epsilon) * given["gamma"] + given["beta"]
    wanted = np.clip(real / given["output_scale"], -128, 127)
    error = np.abs(root_norm(constants, x[spread]) - wanted)
    assert (error <= norm_error(constants, **given) * (1 + 1e-9)).all()


def test_more_bits_make_16_bits_of_output_as_good():
    rule = RootNormRule(
        root_fraction_bits=14, factor_guard_bits=15, normalized_fraction_bits=13, multiplier_bits=24,
    )  # fmt: skip
    x = np.rint(np.random.default_rng(SEED).normal(size=(64, 384)) * 5000).astype(np.int64)
    real = real_norm(x, centred=True)
    scale = float(np.abs(real).max() / 32767)
    one = np.ones(384)
    constants = norm_constants(
        widths_of(rule, bits=16, out=16, longest=384), gamma=one, beta=0 * one, output_scale=scale
    )
    assert np.abs(root_norm(constants, x) - real / scale).max() < 1.5


@pytest.mark.parametrize("factor", [1, 100])
def test_the_rule_alone_says_what_is_computed(factor):
    """By the dispatcher of all rules, of rows of 8 bits and of 16."""
    x = drawn(100, 20) * factor
    real = real_norm(x, centred=True) * 0.5 - 0.25
    outputs, unit = layernorm(LAYER, x, gamma=0.5, beta=-0.25, output_scale=1 / 64)
    assert unit == 1 / 64
    assert np.abs(outputs - np.clip(real * 64, -128, 127)).max() < 0.6
    outputs, unit = layernorm(LAYER, x, gamma=0.5, beta=-0.25)
    # No row of 100 elements has one above sqrt(100).
    assert unit == (0.5 * 10 + 0.25) / 127
    assert np.abs(outputs - real / unit).max() < 0.6


@pytest.mark.parametrize("centred", [True, False])
def test_equal_elements_with_the_widest_factors(centred):
    """A root of 1 makes a factor of more than 63 bits, which meets zeros alone."""
    rule = RootNormRule(centred=centred, root_fraction_bits=31, factor_guard_bits=16)
    for bits in (2, 16):
        for length in (1, 2, 3):
            widths = widths_of(rule, bits=bits, longest=length)
            ones = np.ones(length, np.int64)
            constants = NormConstants(
                widths=widths, multiplier=ones, bias=ones << widths.least_shift, shift=widths.least_shift
            )
            equal = np.zeros((1, length), np.int64) + (centred and (1 << bits - 1) - 1)
            assert root_norm(constants, equal).tolist() == [[1] * length]
