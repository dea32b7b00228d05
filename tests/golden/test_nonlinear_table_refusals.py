"""What the softmax of profile ``accurate`` refuses, with the limits of its scales, rows and widths."""

from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import ACCURATE
from bitmill.golden.nonlinear import table_softmax, table_softmax_slope

RULE = ACCURATE.softmax


def refuses(message, function, *arguments, **named):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (0.0, "scale must be positive and finite, not 0.0"),
        (-0.5, "scale must be positive and finite, not -0.5"),
        (float("nan"), "scale must be positive and finite, not nan"),
        (float("inf"), "scale must be positive and finite, not inf"),
        ("1", "scale must be a number, not '1'"),
        (True, "scale must be a number, not True"),
        (0.7, "scale must be from 4.23e-05 to 0.693063 for a slope of 13 bits, not 0.7"),
        (1e300, "scale must be from 4.23e-05 to 0.693063 for a slope of 13 bits, not 1e+300"),
        (4.2e-5, "scale must be from 4.23e-05 to 0.693063 for a slope of 13 bits, not 4.2e-05"),
        (5e-324, "for a slope of 13 bits, not 5e-324"),
    ],
)
def test_scales_that_are_refused(scale, message):
    refuses(message, table_softmax, RULE, [1, 2], scale=scale)
    refuses(message, table_softmax_slope, RULE, scale=scale)


def test_the_scales_at_the_limit():
    assert table_softmax_slope(RULE, scale=0.693063) == 8191
    assert table_softmax_slope(RULE, scale=4.24e-5) == 1
    assert table_softmax_slope(replace(RULE, slope_bits=14), scale=0.7) == 8273


def test_rows_and_masks_that_are_refused():
    named = {"scale": 0.1}
    refuses("x must have rows of 1 to 1048576 elements, not 0", table_softmax, RULE, np.zeros((4, 0), int), **named)
    refuses("x must have rows of 1 to 1048576 elements, not 0", table_softmax, RULE, np.int64(3), **named)
    refuses("elements, not 1048577", table_softmax, RULE, np.zeros(2**20 + 1, np.int8), **named)
    refuses("x must be from -128 to 127, not 128", table_softmax, RULE, [0, 128], **named)
    refuses("x must be from -128 to 127, not -129", table_softmax, RULE, [0, -129], **named)
    refuses("x must hold integers, not float64", table_softmax, RULE, [0.5], **named)
    refuses("mask must be bool", table_softmax, RULE, [1, 2], mask=[1, 0], **named)
    refuses(
        "mask must broadcast to x of shape (3,), not (2,)", table_softmax, RULE, [1, 2, 3], mask=[True] * 2, **named
    )
    assert table_softmax(RULE, np.zeros((0, 4), np.int8), **named).shape == (0, 4)


def test_the_longest_row():
    x = np.full(2**20, -128, np.int8)
    x[5] = 127
    y = table_softmax(RULE, x, scale=0.69)
    assert (y[5], y.sum()) == (255, 255)
    assert not table_softmax(replace(RULE, table_bits=12, entry_bits=12), x * 0, scale=0.1).any()


@pytest.mark.parametrize(
    ("field", "least", "greatest"),
    [
        ("fraction_bits", 1, 6),
        ("guard_bits", 1, 8),
        ("slope_bits", 2, 20),
        ("table_bits", 4, 12),
        ("reciprocal_bits", 4, 20),
        ("entry_bits", 9, 14),
        ("output_bits", 4, 12),
    ],
)
def test_fields_out_of_range(field, least, greatest):
    for value in (least - 1, greatest + 1, True, float(least), None):
        message = f"{field} must be an integer from {least} to {greatest}, not {value!r}"
        refuses(message, replace, RULE, **{field: value})
    assert getattr(replace(RULE, **{field: least}), field) == least
    # Entries have a bit more than the output, and no fewer than the table.
    others = {"entry_bits": {}, "output_bits": {"entry_bits": 13}, "table_bits": {"entry_bits": 12}}.get(field, {})
    assert getattr(replace(RULE, **({field: greatest} | others)), field) == greatest


def test_entries_between_output_and_table():
    refuses("entry_bits must be an integer from 12 to 20, not 9", replace, RULE, table_bits=12)
    refuses("entry_bits must be an integer from 13 to 18, not 9", replace, RULE, output_bits=12)
    refuses("entry_bits must be an integer from 6 to 10, not 11", replace, RULE, output_bits=4, entry_bits=11)
