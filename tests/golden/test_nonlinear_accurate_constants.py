"""Registers of profile ``accurate``, and the bounds of its errors against rows that try to reach them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import ACCURATE
from bitmill.golden.nonlinear import PiecewiseTable, gelu_output_scale, piecewise, table_softmax, table_softmax_slope
from bitmill.golden.rows.constants import gelu_constants, softmax_constants
from bitmill.golden.softmax.table import table_terms

from . import table_reference
from .test_nonlinear_constants import hard_rows, real_softmax

SCALES = (1 / 16, 0.045, 1 / 32, 1 / 64, 0.2, 0.69)
INT8 = np.arange(-128, 128)
WIDE = replace(ACCURATE.softmax, output_bits=12, entry_bits=14, reciprocal_bits=16)
SHORT = replace(ACCURATE.softmax, reciprocal_bits=5)


@pytest.mark.parametrize(
    ("rule", "slack"), [(ACCURATE.softmax, 2), (WIDE, 2), (SHORT, 3)], ids=["own", "wide", "short"]
)
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("length", [1, 2, 64])
def test_the_softmax_bound_holds_and_is_not_loose(rule, slack, scale, length):
    constants = softmax_constants(rule, scale=scale, longest_row=length, output_scale=1 / 127)
    worst = 0.0
    for rows in hard_rows(length):
        y = table_softmax(rule, rows, scale=scale) * constants.unit
        worst = max(worst, np.abs(y - real_softmax(rows, scale)).max())
    assert worst <= constants.error
    if length > 1:
        assert constants.error < slack * worst


@pytest.mark.parametrize("scale", [1 / 16, 0.045, 0.3])
def test_the_terms_are_those_of_every_maximum(scale):
    rule = ACCURATE.softmax
    k = table_reference.slope(rule, scale)
    dropped = [table_reference.drop(k, c) for c in range(256)]
    found = table_terms(rule, scale=scale)
    for below in (0, 1, 2, 3, 17, 64, 120, 255):
        terms = []
        for least in range(256 - below):
            q, f = divmod((dropped[least + below] - dropped[least] + 8) // 16, 8)
            terms.append(table_reference.power(rule, f) * 256 // 2**q)
        assert found[:, below].tolist() == [min(terms), max(terms)]


def test_longer_rows_never_lower_the_bound():
    bounds = [
        softmax_constants(ACCURATE.softmax, scale=0.045, longest_row=length, output_scale=1 / 127).error
        for length in (1, 2, 3, 10, 100, 1000)
    ]
    assert bounds == sorted(bounds)
    assert bounds[0] == 1 / 256


def test_the_registers_of_softmax():
    constants = softmax_constants(ACCURATE.softmax, scale=1 / 16, longest_row=197, output_scale=1 / 128)
    assert constants.registers == {"K": 739} == {"K": table_softmax_slope(ACCURATE.softmax, scale=1 / 16)}
    assert (constants.unit, constants.longest_row) == (1 / 256, 197)
    assert constants.multiplier / 2**constants.shift == 0.5


@pytest.mark.parametrize("scale", SCALES)
def test_the_gelu_error_is_the_greatest_of_all_and_the_registers_are_the_table(scale):
    step = gelu_output_scale(scale=scale)
    constants = gelu_constants(ACCURATE.gelu, scale=scale, output_scale=step)
    names = [f"{name}[{index}]" for name in ("values", "slopes") for index in range(32)]
    assert list(constants.registers) == names
    lines = np.array([constants.registers[name] for name in names]).reshape(2, 32)
    y = piecewise(ACCURATE.gelu, PiecewiseTable(values=lines[0], slopes=lines[1]), INT8)
    real = [x * scale * (1 + math.erf(x * scale / math.sqrt(2))) / 2 for x in INT8.tolist()]
    assert constants.error == pytest.approx(np.abs(y * step - real).max(), rel=1e-9)
    assert constants.error < 0.9 * step
    assert constants.unit == step
    assert constants.multiplier / 2**constants.shift == 1
    assert constants.longest_row == 1


def refuses(message, function, *arguments, **named):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_refused():
    softmax, gelu = ACCURATE.softmax, ACCURATE.gelu
    named = {"scale": 0.1, "output_scale": 1 / 127}
    message = "longest_row must be at most 1048576 for table_softmax, not 1048577"
    refuses(message, softmax_constants, softmax, longest_row=2**20 + 1, **named)
    assert softmax_constants(softmax, longest_row=2**20, **named).longest_row == 2**20
    for length in (0, True, 2.0):
        refuses("longest_row must be an integer from 1", softmax_constants, softmax, longest_row=length, **named)
    for value in (0.0, -1.0, float("nan"), float("inf")):
        bad_in, bad_out = named | {"scale": value}, named | {"output_scale": value}
        for changed in (bad_in, bad_out):
            message = f"scale must be positive and finite, not {value}"
            refuses(message, softmax_constants, softmax, longest_row=9, **changed)
            refuses(message, gelu_constants, gelu, **changed)
    refuses("for a slope of 13 bits, not 0.7", softmax_constants, softmax, longest_row=9, **(named | {"scale": 0.7}))
    refuses("for slopes of 5 bits", gelu_constants, gelu, scale=1 / 16, output_scale=1 / 48)
