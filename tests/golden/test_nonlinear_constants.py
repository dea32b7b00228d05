"""Constants from scales: the integers, the error bounds against rows that try to reach them, and what widths refuse."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import IBERT, IVIT, PROFILES, ExactRootLayerNormRule, LayerNormRule
from bitmill.golden.nonlinear import exact_root_layernorm, layernorm, requantize
from bitmill.golden.norm.newton_constants import layernorm_constants, longest_normalized_row
from bitmill.golden.rows.constants import gelu_constants, softmax_constants
from bitmill.golden.rows.dispatch import gelu, softmax

SEED = 11
NAMES = ("ivit", "ibert")
SCALES = (1 / 16, 0.045, 1 / 32, 1 / 64, 0.2, 0.9)
INT8 = np.arange(-128, 128)


def real_softmax(x, scale):
    real = np.exp((x - x.max(axis=1, keepdims=True)) * scale)
    return real / real.sum(axis=1, keepdims=True)


def hard_rows(length):
    """Rows of two values, any distance apart, in every few proportions: where errors of shares are greatest; and random ones."""
    rng = np.random.default_rng(SEED)
    yield rng.integers(-128, 128, (200, length))
    yield rng.standard_t(3, (200, length)).round().astype(np.int64).clip(-128, 127) * 3 % 128
    low = 127 - np.arange(256)[:, np.newaxis]
    for count in sorted({1, 2, 3, 5, 8, 16, 40, length // 2, length - 1}):
        if 0 < count < length:
            for above in (length - count, min(length - count, 1)):
                yield np.concatenate([np.full((256, above), 127), np.repeat(low, count, axis=1)], axis=1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(("ob", "length"), [(8, 2), (16, 64), (16, 197)])
def test_the_softmax_bound_holds_and_is_not_loose(name, scale, ob, length):
    rule = replace(PROFILES[name].softmax, output_bits=ob)
    constants = softmax_constants(rule, scale=scale, longest_row=length, output_scale=1 / 127)
    worst = 0.0
    for rows in hard_rows(length):
        y, unit = softmax(rule, rows, scale=scale)
        assert unit == constants.unit
        worst = max(worst, np.abs(y * unit - real_softmax(rows, scale)).max())
    assert worst <= constants.error < 1.5 * worst


@pytest.mark.parametrize("length", [20, 64])
def test_the_bound_holds_where_exponentials_are_too_small(length):
    """-1/0.4 to the nearest even is -2: exponentials sink too fast, and the maximum's share is too great."""
    rule = replace(IVIT.softmax, reciprocal_rounding="nearest")
    constants = softmax_constants(rule, scale=0.4, longest_row=length, output_scale=1 / 127)
    above = below = 0.0
    for rows in hard_rows(length):
        error = np.multiply(*softmax(rule, rows, scale=0.4)) - real_softmax(rows, 0.4)
        above, below = max(above, error.max()), max(below, -error.min())
    assert below < above <= constants.error < 1.2 * above


@pytest.mark.parametrize("name", NAMES)
def test_the_bound_of_a_row_of_one_is_its_rounding(name):
    constants = softmax_constants(PROFILES[name].softmax, scale=1 / 32, longest_row=1, output_scale=1 / 127)
    y, unit = softmax(PROFILES[name].softmax, np.array([[3]]), scale=1 / 32)
    assert 1 - y[0, 0] * unit <= constants.error < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_longer_rows_never_lower_the_bound(name):
    rule = PROFILES[name].softmax
    bounds = [
        softmax_constants(rule, scale=0.045, longest_row=length, output_scale=1 / 127).error
        for length in (1, 2, 3, 10, 100, 1000)
    ]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scale", SCALES)
def test_the_gelu_error_is_the_greatest_of_all(name, scale):
    rule = PROFILES[name].gelu
    real = [x * scale * (1 + math.erf(x * scale / math.sqrt(2))) / 2 for x in INT8.tolist()]
    rows = [[x, other] for other in INT8.tolist() for x in INT8.tolist() if x <= other]
    y, unit = gelu(rule, np.array(rows), scale=scale)
    worst = max(abs(value * unit - real[row[0] + 128]) for value, row in zip(y[:, 0].tolist(), rows, strict=True))
    constants = gelu_constants(rule, scale=scale, output_scale=scale)
    assert constants.error == pytest.approx(worst, rel=1e-9)
    assert constants.unit == unit
    assert constants.longest_row == 1


def test_the_registers_by_hand():
    softmaxes = {
        name: softmax_constants(PROFILES[name].softmax, scale=1 / 16, longest_row=197, output_scale=1 / 127)
        for name in NAMES
    }
    assert softmaxes["ivit"].registers == {"x0": -16, "quotient": 65536}
    registers = softmaxes["ibert"].registers
    assert {key: registers[key] for key in ("x0", "quotient", "linear", "constant")} == {
        "x0": -12, "quotient": 87382, "linear": 43, "constant": 714,
    }  # fmt: skip
    ratio = Fraction(registers["exponential_multiplier"], 2 ** registers["exponential_shift"])
    assert abs(ratio * 714 / 32767 - 1) < Fraction(1, 2**30)
    assert gelu_constants(IVIT.gelu, scale=1 / 32, output_scale=1 / 32).registers == {"x0": -19, "quotient": 55189}
    assert gelu_constants(IBERT.gelu, scale=1 / 32, output_scale=1 / 32).registers == {
        "centre": -81, "constant": -7092, "one": -7092,
    }  # fmt: skip


@pytest.mark.parametrize("x0", [1, 2, 3, 7, 16, 23, 255, 367, 368, 511, 512, 1023, 1024, 1025, 4095, 65535])
def test_the_quotient_is_exact(x0):
    constants = softmax_constants(IVIT.softmax, scale=1 / x0, longest_row=1, output_scale=1)
    assert constants.registers["x0"] == -x0
    assert all((p * constants.registers["quotient"]) >> 20 == p // x0 for p in range(1024))


@pytest.mark.parametrize("name", NAMES)
def test_the_requantization_goes_to_the_output_scale(name):
    profile = PROFILES[name]
    for constants, rule, unit in (
        (
            softmax_constants(profile.softmax, scale=1 / 32, longest_row=64, output_scale=1 / 127),
            profile.softmax,
            softmax,
        ),
        (gelu_constants(profile.gelu, scale=1 / 32, output_scale=0.0315), profile.gelu, gelu),
    ):
        output_scale = 1 / 127 if unit is softmax else 0.0315
        rows = np.random.default_rng(SEED).integers(-128, 128, (50, 64))
        y, _ = unit(rule, rows, scale=1 / 32)
        z = requantize(y, multiplier=constants.multiplier, shift=constants.shift, bits=8, ties=profile.ties)
        real = (
            real_softmax(rows, 1 / 32)
            if unit is softmax
            else rows / 32 * 0.5 * (1 + np.vectorize(math.erf)(rows / 32 / 2**0.5))
        )
        assert np.abs(z * output_scale - real).max() <= constants.error + 0.51 * output_scale
        assert z.max() > 10


def refuses(message, function, *arguments, **named):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("scale", "limit"), [(1 / 16, 4095), (1 / 64, 1023), (0.045, 2849), (3.0, 65535)])
def test_the_longest_row_of_ivit(scale, limit):
    """L * |x0| << 15 is below 2**31 up to there, and not one further: equal elements would saturate the sum."""
    constants = softmax_constants(IVIT.softmax, scale=scale, longest_row=limit, output_scale=1)
    assert limit * -constants.registers["x0"] << 15 < 2**31 <= (limit + 1) * -constants.registers["x0"] << 15
    message = f"longest_row must be at most {limit} for sums of 31 bits, not {limit + 1}"
    refuses(message, softmax_constants, IVIT.softmax, scale=scale, longest_row=limit + 1, output_scale=1)


@pytest.mark.parametrize(("bits", "limit"), [(16, 131072), (15, 131072), (3, 131072)])
def test_the_longest_row_of_ibert(bits, limit):
    rule = replace(IBERT.softmax, exponential_bits=bits)
    assert softmax_constants(rule, scale=0.1, longest_row=limit, output_scale=1).longest_row == limit
    message = f"longest_row must be at most {limit} for a sum within the dividend of 32 bits, not {limit + 1}"
    refuses(message, softmax_constants, rule, scale=0.1, longest_row=limit + 1, output_scale=1)


def test_two_exponentials_of_gelu_must_fit():
    """|x0| << 23 twice: |x0| up to 127."""
    assert gelu_constants(IVIT.gelu, scale=1 / 1.702 / 126.9, output_scale=1).registers["x0"] == -127
    message = "scale must be at least 0.00462633 for two exponentials of 1.0 to fit 31 bits"
    refuses(message, gelu_constants, IVIT.gelu, scale=1 / 1.702 / 127.1, output_scale=1)
    message = "fraction_bits must be at most 29 for two exponentials of 1.0 to fit 31 bits, not 30"
    refuses(message, gelu_constants, replace(IVIT.gelu, fraction_bits=30), scale=1, output_scale=1)
    assert gelu_constants(replace(IVIT.gelu, fraction_bits=29), scale=1, output_scale=1).registers["x0"] == -1


@pytest.mark.parametrize("name", NAMES)
def test_bad_scales_and_lengths(name):
    profile = PROFILES[name]
    for value in (0.0, -1.0, float("nan"), float("inf")):
        refuses(
            "scale must be positive and finite",
            softmax_constants,
            profile.softmax,
            scale=value,
            longest_row=9,
            output_scale=1,
        )
        refuses("scale must be positive and finite", gelu_constants, profile.gelu, scale=value, output_scale=1)
        refuses(
            "scale must be positive and finite",
            softmax_constants,
            profile.softmax,
            scale=0.1,
            longest_row=9,
            output_scale=value,
        )
    for length in (0, -1, 2.0, True, 2**31 + 1):
        message = f"longest_row must be an integer from 1 to 2147483648, not {length!r}"
        refuses(message, softmax_constants, profile.softmax, scale=0.1, longest_row=length, output_scale=1)
    refuses("ratio must round to less than 2**31", gelu_constants, profile.gelu, scale=0.5, output_scale=1e-12)
    refuses(
        "softmax rule must be one whose constants are known",
        softmax_constants,
        None,
        scale=1,
        longest_row=1,
        output_scale=1,
    )
    refuses("gelu rule must be one whose constants are known", gelu_constants, profile.softmax, scale=1, output_scale=1)


@pytest.mark.parametrize("rounding", ["nearest-even", "floor"])
@pytest.mark.parametrize(("input_bits", "square_bits"), [(4, 10), (8, 20), (16, 36)])
def test_the_longest_normalized_row_is_one_that_fits(rounding, input_bits, square_bits):
    """Half of the elements at each end, and one more at the top, make the greatest sums of squares."""
    rule = ExactRootLayerNormRule(mean_rounding=rounding)
    limit = longest_normalized_row(rule, input_bits=input_bits, square_bits=square_bits)
    top, bottom = 2 ** (input_bits - 1) - 1, -(2 ** (input_bits - 1))

    def squares(length):
        low = length // 2
        exact = Fraction(bottom * low + top * (length - low), length)
        mean = round(exact) if rounding == "nearest-even" else math.floor(exact)
        return (bottom - mean) ** 2 * low + (top - mean) ** 2 * (length - low)

    assert max(squares(limit - k) for k in range(min(4, limit))) < 2**square_bits
    # The bound takes every mean to be off by the most that it may.
    slack = 1.1 if input_bits > 4 else 1.4
    assert squares(math.ceil(limit * slack) + 1) >= 2**square_bits


def test_longest_normalized_rows_by_hand():
    for rule in (IVIT.layernorm, IBERT.layernorm):
        assert longest_normalized_row(rule, input_bits=16) == 8192
        assert longest_normalized_row(rule, input_bits=16, square_bits=40) == 1024
        assert longest_normalized_row(rule, input_bits=8) == 2**20
    ones = np.ones(1025)
    refuses(
        "gamma and beta must be of at most 1024 channels for 16-bit inputs and 40 bits of their squares' sum, not 1025",
        layernorm_constants, IVIT.layernorm, gamma=ones, beta=ones, output_scale=1, input_bits=16, square_bits=40,
    )  # fmt: skip
    refuses(
        "square_bits must be an integer from 8 to 54, not 55",
        longest_normalized_row,
        IVIT.layernorm,
        input_bits=8,
        square_bits=55,
    )
    refuses("input_bits must be an integer from 2 to 16, not 17", longest_normalized_row, IVIT.layernorm, input_bits=17)


@pytest.mark.parametrize("rule", [LayerNormRule(mean_rounding="nearest-even", root_iterations=20), IBERT.layernorm])
def test_layernorm_constants_make_the_real_one(rule):
    rng = np.random.default_rng(SEED)
    gamma, beta = rng.uniform(0.3, 1.5, 96) * rng.choice([-1, 1], 96), rng.normal(0, 1, 96)
    rows = rng.normal(0, 40, (50, 96)).round().clip(-128, 127).astype(np.int64)
    constants = layernorm_constants(rule, gamma=gamma, beta=beta, output_scale=0.05)
    unit = exact_root_layernorm if rule is IBERT.layernorm else layernorm
    y = unit(rule, rows, bias=constants.bias)
    z = requantize(y, multiplier=constants.multiplier, shift=constants.shift, bits=8, ties="even")
    real = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True) * gamma + beta
    assert np.abs(z * 0.05 - real.clip(-6.4, 6.35)).max() < 0.025 + 0.06
    assert (np.sign(constants.multiplier) == np.sign(gamma)).all()


def test_gammas_and_betas_that_are_refused():
    named = {"beta": [1.0, 2.0], "output_scale": 1.0}
    refuses("gamma must not be 0", layernorm_constants, IVIT.layernorm, gamma=[1.0, 0.0], **named)
    refuses(
        "gamma and beta must be of one shape [N], not (1,) and (2,)",
        layernorm_constants,
        IVIT.layernorm,
        gamma=[1.0],
        **named,
    )
    refuses(
        "gamma and beta must be of one shape [N]",
        layernorm_constants,
        IVIT.layernorm,
        gamma=[],
        beta=[],
        output_scale=1,
    )
    refuses("scale must be positive", layernorm_constants, IVIT.layernorm, gamma=[1.0], beta=[1.0], output_scale=0.0)
