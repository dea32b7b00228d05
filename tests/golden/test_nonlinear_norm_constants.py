"""From gamma, beta and scales to the integers of normalizations, and what is refused."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import PROFILES, NewtonWidths, NormWidths, RootNormRule
from bitmill.golden.nonlinear import NormConstants, norm_constants, root_norm

LAYER = RootNormRule()


def widths_of():
    return NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=64)


def test_constants_by_hand():
    constants = norm_constants(
        widths_of(), gamma=[4.0, -2.0, 0.0], beta=[0.0, 0.25, -4.0], output_scale=0.5, input_scale=0.5, epsilon=1.0,
    )  # fmt: skip
    # 8 * 2**(e-9) <= 8191 gives e = 18 as 4096; 8 * 2**10 = 8192 does not fit.
    assert constants.shift == 18
    assert constants.multiplier.tolist() == [4096, -2048, 0]
    assert constants.bias.tolist() == [0, 1 << 17, -(8 << 18)]
    assert constants.epsilon == 4 << 16
    # Deviations -1, 1, 0 over sqrt(2/3 + 4) = 2.160: 0.4629, times 8, -4, 0.
    assert root_norm(constants, [99, 101, 100]).tolist() == [-4, -1, -8]


def test_small_gammas_have_the_greatest_shift_and_no_more():
    constants = norm_constants(widths_of(), gamma=[0.001], beta=[0.0], output_scale=1.0)
    assert constants.shift == constants.widths.greatest_shift == 21
    assert constants.multiplier.tolist() == [4]


def test_great_biases_leave_the_multiplier_less():
    constants = norm_constants(widths_of(), gamma=[1.0], beta=[1000.0], output_scale=1.0)
    assert (constants.shift, constants.multiplier.tolist(), constants.bias[0] >> constants.shift) == (15, [64], 1000)
    assert root_norm(constants, [5]).tolist() == [127]


@pytest.mark.parametrize("shift", range(14, 22))
def test_the_greatest_shift_that_fits(shift):
    """Multipliers have 14 bits and 9 fewer of fraction, biases 26 bits: the greatest of either, and a half or one above it."""
    for gamma, beta, above in (
        (8191 * 2.0 ** (9 - shift), 0.0, (8191.5 * 2.0 ** (9 - shift), 0.0)),
        (-8191 * 2.0 ** (9 - shift), 0.0, (-8191.5 * 2.0 ** (9 - shift), 0.0)),
        (0.0, (2**25 - 1) * 2.0**-shift, (0.0, 2.0 ** (25 - shift))),
        (0.0, (1 - 2**25) * 2.0**-shift, (0.0, -(2.0 ** (25 - shift)))),
    ):
        constants = norm_constants(widths_of(), gamma=[gamma, 0.0], beta=[beta, 0.0], output_scale=1.0)
        assert constants.shift == shift
        assert (constants.multiplier[0], constants.bias[0]) == (gamma * 2.0 ** (shift - 9), beta * 2.0**shift)
        given = {"gamma": [above[0], 0.0], "beta": [above[1], 0.0], "output_scale": 1.0}
        if shift > 14:
            assert norm_constants(widths_of(), **given).shift == shift - 1
        else:
            with pytest.raises(BitmillError, match=r"gamma / output_scale must be within 255\.969 and beta"):
                norm_constants(widths_of(), **given)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"output_scale": 0.0}, "output_scale must be positive and finite, not 0.0"),
        ({"output_scale": math.nan}, "output_scale must be positive and finite, not nan"),
        ({"input_scale": -1.0}, "input_scale must be positive and finite, not -1.0"),
        ({"gamma": [1.0, math.inf]}, "gamma must be finite, not inf"),
        ({"beta": [1.0]}, "gamma and beta must be of one length from 1 to 64, not 2 and 1"),
        ({"gamma": [[1.0, 2.0]]}, "gamma must be of one axis, not (1, 2)"),
        ({"gamma": [1.0] * 65, "beta": [1.0] * 65}, "gamma and beta must be of one length from 1 to 64, not 65 and 65"),
        ({"gamma": [], "beta": []}, "gamma and beta must be of one length from 1 to 64, not 0 and 0"),
        (
            {"gamma": [1e8, 1.0]},
            "gamma / output_scale must be within 255.969 and beta / output_scale within 2048, not 100000000.0 and 0.0",
        ),
        ({"beta": [1e9, 1.0]}, "not 1.0 and 1000000000.0"),
        (
            {"epsilon": 16384.0},
            "epsilon / input_scale**2 must be from 0 to less than 16384, the greatest variance, not 16384",
        ),
        ({"epsilon": -1e-9}, "not -1e-09"),
        ({"epsilon": math.nan}, "epsilon / input_scale**2 must be from 0"),
    ],
)
def test_constants_that_are_refused(changed, message):
    given = {"gamma": [1.0, -1.0], "beta": [0.0, 0.0], "output_scale": 1.0} | changed
    with pytest.raises(BitmillError) as caught:
        norm_constants(widths_of(), **given)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"multiplier": [1, 8192]}, "multiplier must be from -8192 to 8191, not 8192"),
        ({"bias": [0, 1 << 40]}, "bias must be from"),
        ({"bias": [0]}, "multiplier and bias must be of one shape [C], not (2,) and (1,)"),
        ({"shift": 13}, "shift must be an integer from 14 to 21, not 13"),
        ({"shift": 22}, "not 22"),
        ({"epsilon": -1}, "epsilon must be an integer from 0 to"),
    ],
)
def test_integers_that_are_refused(changed, message):
    given = {"multiplier": [1, 2], "bias": [0, 0], "shift": 14} | changed
    with pytest.raises(BitmillError) as caught:
        NormConstants(widths=widths_of(), **given)
    assert message in str(caught.value)


def test_rows_that_are_refused():
    constants = NormConstants(widths=widths_of(), multiplier=np.array([1, 2]), bias=np.array([0, 0]), shift=14)
    for row, message in (
        ([1, 2, 3], "x must have a row of the 2 channels of multiplier, not 3"),
        ([1, 128], "x must be from -128 to 127, not 128"),
        (np.zeros((3, 0), dtype=int), "x must have rows of 1 to 64 elements, not 0"),
    ):
        with pytest.raises(BitmillError) as caught:
            root_norm(constants, row)
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("centred", 1, "centred must be True or False, not 1"),
        ("root_fraction_bits", 1, "root_fraction_bits must be an integer from 2 to 31, not 1"),
        ("epsilon_fraction_bits", 21, "epsilon_fraction_bits must be an integer from 0 to 20, not 21"),
        ("factor_guard_bits", 17, "factor_guard_bits must be an integer from 1 to 16, not 17"),
        ("normalized_fraction_bits", 10, "normalized_fraction_bits must be an integer from 1 to 9, not 10"),
        ("multiplier_bits", 1, "multiplier_bits must be an integer from 2 to 31, not 1"),
        ("shift_bits", 6, "shift_bits must be an integer from 0 to 5, not 6"),
        ("ties", "odd", "ties must be one of even, up, not 'odd'"),
    ],
)
def test_rules_that_are_refused(field, value, message):
    with pytest.raises(BitmillError) as caught:
        replace(LAYER, **{field: value})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rule", "x", "rule must be a RootNormRule, not 'x'"),
        ("input_bits", 17, "input_bits must be an integer from 2 to 16, not 17"),
        ("output_bits", 1, "output_bits must be an integer from 2 to 32, not 1"),
        ("max_length", 0, "max_length must be an integer from 1 to 1048576, not 0"),
    ],
)
def test_widths_that_are_refused(field, value, message):
    with pytest.raises(BitmillError) as caught:
        replace(widths_of(), **{field: value})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("rule", "x", "rule must be a LayerNormRule, not 'x'"),
        ("input_bits", 17, "input_bits must be an integer from 2 to 16, not 17"),
        ("max_length", (1 << 20) + 1, "max_length must be an integer from 1 to 1048576, not 1048577"),
    ],
)
def test_newton_widths_that_are_refused(field, value, message):
    widths = NewtonWidths(rule=PROFILES["ivit"].layernorm, input_bits=8, max_length=64)
    with pytest.raises(BitmillError) as caught:
        replace(widths, **{field: value})
    assert message in str(caught.value)
