"""What the integer-only units refuse: one line that names the field, the value and what is accepted."""

from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import (
    ACCURATE,
    IBERT,
    IVIT,
    ClippedSoftmaxRule,
    Log2SoftmaxRule,
    NewtonWidths,
    NormWidths,
    RootNormRule,
)
from bitmill.golden.nonlinear import (
    NormConstants,
    dyadic,
    exact_root_layernorm,
    gelu_table,
    integer_bias,
    integer_reciprocal,
    ita_gelu,
    ita_softmax,
    layernorm,
    piecewise,
    polynomial_gelu,
    polynomial_softmax,
    requantize,
    root_norm,
    shift_exp,
    shift_gelu,
    shiftmax,
    table_softmax,
)

ROW = np.array([1, 2, 3])
TABLE = gelu_table(ACCURATE.gelu, scale=0.1)
CONSTANTS = NormConstants(
    widths=NormWidths(rule=RootNormRule(), input_bits=16, output_bits=8, max_length=2),
    multiplier=np.array([1, 1]), bias=np.array([0, 0]), shift=14,
)  # fmt: skip


def refuses(message, function, *arguments, **named):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("unit", [shiftmax, shift_gelu])
@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (0.0, "scale must be positive and finite, not 0.0"),
        (-0.5, "scale must be positive and finite, not -0.5"),
        (np.float64(-0.5), "scale must be positive and finite, not -0.5"),
        (float("nan"), "scale must be positive and finite, not nan"),
        (float("inf"), "scale must be positive and finite, not inf"),
        (5e-324, "to fit 31 bits, not 5e-324"),
        ("1", "scale must be a number, not '1'"),
    ],
)
def test_scales(unit, scale, message):
    rule = IVIT.softmax if unit is shiftmax else IVIT.gelu
    refuses(message, unit, rule, ROW, scale=scale)


def test_the_least_scales_that_fit():
    """1.0 is |x0| << n: at n = 15 |x0| may be 65535, at n = 23 255."""
    assert shiftmax(IVIT.softmax, ROW, scale=1 / 65535).max() > 0
    refuses(
        "scale must be at least 1.5259e-05, for 1.0 with 15 fraction bits",
        shiftmax,
        IVIT.softmax,
        ROW,
        scale=1 / 65535.5,
    )
    shift_gelu(IVIT.gelu, ROW, scale=1 / 254.9 / 1.702)
    refuses("scale must be at least 0.00230409", shift_gelu, IVIT.gelu, ROW, scale=1 / 255.1 / 1.702)
    refuses("scale must be below 2", integer_reciprocal, 2.0, fraction_bits=15, rounding="nearest")
    refuses("x0 must be from -65535 to -1, not 0", shift_exp, ROW, 0, fraction_bits=15)
    refuses("x0 must be from -65535 to -1, not -65536", shift_exp, ROW, -65536, fraction_bits=15)


@pytest.mark.parametrize(
    "unit",
    [
        lambda x: shiftmax(IVIT.softmax, x, scale=0.1),
        lambda x: shift_gelu(IVIT.gelu, x, scale=0.1),
        lambda x: layernorm(IVIT.layernorm, x),
    ],
)
def test_rows(unit):
    refuses("elements, not 0", unit, np.zeros((4, 0), dtype=np.int8))
    refuses("elements, not 0", unit, np.int64(3))
    refuses("x must hold integers, not float64", unit, [0.5])
    refuses("x must hold integers, not bool", unit, [True])
    refuses("not 4294967296", unit, [1, 2**32])
    refuses("not -4294967296", unit, [1, -(2**32)])
    refuses("not 18446744073709551615", unit, np.array([2**64 - 1], dtype=np.uint64))
    assert unit(np.zeros((0, 4), dtype=np.int8)).shape == (0, 4)


def test_layernorm_rows_of_16_bits():
    refuses("x must be from -32768 to 32767, not 32768", layernorm, IVIT.layernorm, [0, 32768])
    refuses(
        "x must have rows of 1 to 1048576 elements, not 1048577",
        layernorm,
        IVIT.layernorm,
        np.zeros(2**20 + 1, dtype=np.int8),
    )
    refuses("bias must broadcast to x of shape (3,), not (2,)", layernorm, IVIT.layernorm, ROW, bias=[1, 2])
    refuses("bias must be from -2147483648 to 2147483647, not 2147483648", layernorm, IVIT.layernorm, ROW, bias=[2**31])


@pytest.mark.parametrize(
    ("unit", "bits"),
    [
        (lambda x: shiftmax(IVIT.softmax, x, scale=0.1), 32),
        (lambda x: polynomial_softmax(IBERT.softmax, x, scale=0.1), 32),
        (lambda x: table_softmax(ACCURATE.softmax, x, scale=0.1), 8),
        (ita_softmax, 8),
        (lambda x: shift_gelu(IVIT.gelu, x, scale=0.1), 32),
        (lambda x: polynomial_gelu(IBERT.gelu, x, scale=0.1), 32),
        (lambda x: piecewise(ACCURATE.gelu, TABLE, x), 8),
        (lambda x: ita_gelu(x, scale=0.1, output_scale=0.1), 8),
        (lambda x: layernorm(IVIT.layernorm, x), 16),
        (lambda x: exact_root_layernorm(IBERT.layernorm, x), 16),
        (lambda x: root_norm(CONSTANTS, x), 16),
    ],
    ids=["softmax ivit", "softmax ibert", "softmax", "softmax ita", "gelu ivit", "gelu ibert", "gelu", "gelu ita", "ivit",
         "ibert", "accurate"],
)  # fmt: skip
def test_inputs_are_as_wide_as_is_said(unit, bits):
    least, greatest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    unit([least, greatest])
    for value in (least - 1, greatest + 1):
        refuses(f"x must be from {least} to {greatest}, not {value}", unit, [0, value])


def test_masks():
    refuses("mask must be bool", shiftmax, IVIT.softmax, ROW, scale=0.1, mask=[1, 0, 1])
    refuses(
        "mask must broadcast to x of shape (3,), not (2,)", shiftmax, IVIT.softmax, ROW, scale=0.1, mask=[True, False]
    )


def test_biases():
    refuses("gamma must not be 0", integer_bias, [1.0, 1.0], [1.0, 0.0], length=4)
    refuses("beta must be finite, not nan", integer_bias, [float("nan")], [1.0], length=4)
    refuses("gamma must be finite, not inf", integer_bias, [1.0], [float("inf")], length=4)
    refuses("beta / gamma must be within 4 for 32 bits of bias, not 4.0", integer_bias, [4.0], [1.0], length=4)
    assert integer_bias([-4.0], [1.0], length=4).tolist() == [-(2**31)]


def test_ratios():
    for ratio in (0.0, float("nan"), float("-inf")):
        refuses(f"ratio must be finite and not 0, not {ratio}", dyadic, [1.0, ratio])
    refuses("ratio must round to less than 2**31 in magnitude, not 2147483648.0", dyadic, 2.0**31)
    refuses("ratio must round to less than 2**31", dyadic, 2.0**31 - 2.0**-10)


@pytest.mark.parametrize(
    ("message", "changed"),
    [
        ("bits must be an integer from 2 to 32, not 1", {"bits": 1}),
        ("bits must be an integer from 2 to 32, not 33", {"bits": 33}),
        ("bits must be an integer from 2 to 32, not True", {"bits": True}),
        ("shift must be at least 0, not -1", {"shift": -1}),
        ("multiplier must be of 31 bits and a sign, not -2147483648", {"multiplier": -(2**31)}),
        ("multiplier must be from -2147483648 to 2147483647, not 2147483648", {"multiplier": 2**31}),
        ("multiplier must broadcast to z of shape (3,), not (2,)", {"multiplier": [1, 2]}),
        ("z must be from -4294967296 to 4294967295, not 4294967296", {"z": [2**32]}),
    ],
)
def test_requantize(message, changed):
    named = {"z": ROW, "multiplier": 1, "shift": 0, "bits": 8, "ties": "even"} | changed
    refuses(message, requantize, named.pop("z"), **named)


@pytest.mark.parametrize(
    ("rule", "field", "value"),
    [
        (IVIT.softmax, "fraction_bits", 0),
        (IVIT.gelu, "fraction_bits", 31),
        (IVIT.softmax, "output_bits", 1),
        (IVIT.gelu, "output_bits", 32),
        (IVIT.layernorm, "root_iterations", 0),
        (IVIT.layernorm, "root_iterations", True),
        (IVIT.layernorm, "root_iterations", 10.0),
        (IVIT.softmax, "reciprocal_rounding", "ceil"),
        (IVIT.gelu, "maximum", "column"),
        (IVIT.layernorm, "mean_rounding", "up"),
        (IVIT, "ties", "odd"),
    ],
)
def test_rules(rule, field, value):
    refuses(f"{field} must be ", replace, rule, **{field: value})
    refuses(f", not {value!r}", replace, rule, **{field: value})


ROOT = RootNormRule(epsilon_fraction_bits=0, normalized_fraction_bits=1)
NORM = NormWidths(rule=RootNormRule(), input_bits=8, output_bits=8, max_length=64)
NEWTON = NewtonWidths(rule=IVIT.layernorm, input_bits=8, max_length=64)


@pytest.mark.parametrize(
    ("rule", "field", "least", "greatest"),
    [
        (IVIT.softmax, "fraction_bits", 1, 30),
        (IVIT.softmax, "output_bits", 2, 31),
        (IVIT.gelu, "fraction_bits", 1, 30),
        (IVIT.gelu, "output_bits", 2, 31),
        (IVIT.layernorm, "root_iterations", 1, 64),
        (IBERT.softmax, "halvings", 1, 30),
        (IBERT.softmax, "exponential_bits", 3, 16),
        (IBERT.softmax, "output_bits", 1, 16),
        (IBERT.gelu, "dropped_bits", 0, 30),
        (replace(ACCURATE.gelu, slope_fraction_bits=12), "value_fraction_bits", 1, 12),
        (ACCURATE.gelu, "segment_bits", 1, 6),
        (ACCURATE.gelu, "slope_fraction_bits", 1, 12),
        (replace(ACCURATE.gelu, value_fraction_bits=4, slope_fraction_bits=5), "slope_fraction_bits", 4, 12),
        (ACCURATE.gelu, "slope_bits", 2, 16),
        (ROOT, "root_fraction_bits", 2, 31),
        (ROOT, "epsilon_fraction_bits", 0, 20),
        (ROOT, "factor_guard_bits", 1, 16),
        (replace(ROOT, factor_guard_bits=16), "normalized_fraction_bits", 1, 9),
        (replace(ROOT, factor_guard_bits=5), "normalized_fraction_bits", 1, 5),
        (ROOT, "multiplier_bits", 2, 31),
        (ROOT, "shift_bits", 0, 5),
        (NORM, "input_bits", 2, 16),
        (NORM, "output_bits", 2, 32),
        (NORM, "max_length", 1, 1 << 20),
        (NEWTON, "input_bits", 2, 16),
        (NEWTON, "max_length", 1, 1 << 20),
        (Log2SoftmaxRule(), "bits", 1, 5),
        (ClippedSoftmaxRule(), "fraction_bits", 8, 24),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_limits_of_rules_and_widths(rule, field, least, greatest):
    for value in (least, greatest):
        assert getattr(replace(rule, **{field: value}), field) == value
    for value in (least - 1, greatest + 1, True, float(least)):
        message = f"{field} must be an integer from {least} to {greatest}, not {value!r}"
        refuses(message, replace, rule, **{field: value})


@pytest.mark.parametrize(("field", "least", "greatest"), [("gamma", -1, 0), ("zeta", 1, 2)])
def test_limits_of_clipping(field, least, greatest):
    for value in (least, greatest, float(least), float(greatest)):
        assert getattr(replace(ClippedSoftmaxRule(), **{field: value}), field) == value
    for value in (least - 2.0**-40, greatest + 2.0**-40, float("nan"), True, "1"):
        refuses(
            f"{field} must be a number from {least} to {greatest}, not {value!r}", ClippedSoftmaxRule, **{field: value}
        )
