"""A function of an int8 by straight lines: the lines against fractions, and how near they come to GELU and others."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.nonlinear import ACCURATE, PiecewiseGeluRule
from bitmill.golden.nonlinear import PiecewiseTable, fit_piecewise, gelu_output_scale, gelu_table, piecewise
from bitmill.golden.rows import dispatch
from bitmill.studies.nonlinear.synthetic import SCALES

from . import table_reference

SEED = 22
RULE = ACCURATE.gelu
INT8 = np.arange(-128, 128)
RULES = [
    RULE,
    *(
        PiecewiseGeluRule(segment_bits=segment, value_fraction_bits=fv, slope_fraction_bits=fs, slope_bits=bits)
        for segment, fv, fs, bits in [(1, 1, 1, 2), (6, 12, 12, 16), (2, 3, 3, 7), (4, 1, 12, 14), (5, 2, 7, 16)]
    ),
]
EVERY_RULE = pytest.mark.parametrize("rule", RULES)


def real_gelu(scale):
    return np.array([x * scale * 0.5 * math.erfc(-x * scale / math.sqrt(2)) for x in INT8.tolist()])


def steps_off(rule, targets):
    return np.abs(piecewise(rule, fit_piecewise(rule, targets), INT8) - targets)


@EVERY_RULE
def test_every_int8_of_random_tables_is_that_of_the_fractions(rule):
    rng = np.random.default_rng(SEED)
    values, slopes = 1 << (7 + rule.value_fraction_bits), 1 << (rule.slope_bits - 1)
    for _ in range(5):
        table = PiecewiseTable(
            values=rng.integers(-values, values, rule.segments), slopes=rng.integers(-slopes, slopes, rule.segments)
        )
        wanted = [table_reference.line(rule, table, x) for x in INT8.tolist()]
        assert piecewise(rule, table, INT8).tolist() == wanted
        assert piecewise(rule, table, INT8.astype(np.int8).reshape(4, 2, 32)).ravel().tolist() == wanted


@EVERY_RULE
@pytest.mark.parametrize("end", [-1, 0])
def test_lines_at_the_ends_of_their_widths(rule, end):
    value, slope = (1 << (7 + rule.value_fraction_bits)), 1 << (rule.slope_bits - 1)
    for value_sign in (end, -1 - end):
        table = PiecewiseTable(
            values=np.full(rule.segments, -value if value_sign else value - 1),
            slopes=np.full(rule.segments, -slope if end else slope - 1),
        )
        assert piecewise(rule, table, INT8).tolist() == [table_reference.line(rule, table, x) for x in INT8.tolist()]


def test_lines_by_hand():
    """Segments of 8; values of halves with a half added, slopes of eighths."""
    table = PiecewiseTable(values=np.arange(32) * 8 + 1, slopes=np.full(32, -3))
    wanted = [0, 0, -1, -1, -1, -2, -2, -3]  # 1/2 - 3/8 * r, rounded down
    assert piecewise(RULE, table, INT8).reshape(32, 8).tolist() == [
        [min(4 * segment + y, 127) for y in wanted] for segment in range(32)
    ]


@pytest.mark.parametrize("scale", SCALES)
def test_gelu_errs_by_one_step_and_a_half_at_most(scale):
    real = real_gelu(scale)
    step = np.abs(real).max() / 127
    assert gelu_output_scale(scale=scale) == pytest.approx(step, rel=1e-12)
    y, unit = dispatch.gelu(RULE, INT8, scale=scale)
    assert unit == pytest.approx(step, rel=1e-12)
    error = np.abs(y - real / step)
    assert error.max() <= 1.5


def test_gelu_errs_by_less_than_nine_tenths_at_any_scale():
    worst = 0.0
    for scale in np.geomspace(0.002, 1, 60).tolist():
        real = real_gelu(scale)
        step = np.abs(real).max() / 127
        error = np.abs(piecewise(RULE, gelu_table(RULE, scale=scale), INT8) - real / step)
        worst = max(worst, error.max())
        assert error.max() < 0.9, scale
    assert worst > 0.6


def test_gelu_of_a_given_step_saturates():
    y, unit = dispatch.gelu(RULE, [[-128, -1, 0, 1, 60, 127]], scale=1 / 32, output_scale=1 / 48)
    assert unit == 1 / 48
    assert y[0, -1] == 127
    assert np.abs(y[0, :-1] - real_gelu(1 / 32)[[0, 127, 128, 129, 188]] * 48).max() < 0.9


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 127 * np.tanh(x / 100),
        lambda x: 127 / (1 + np.exp(-x / 32)),
        lambda x: -100 * np.exp(-((x / 90) ** 2)),
        lambda x: x / 2,
        lambda x: np.abs(x) - 1,
    ],
    ids=["tanh", "sigmoid", "bell", "halves", "magnitude"],
)
def test_other_functions(function):
    assert steps_off(RULE, function(INT8.astype(np.float64))).max() < 0.9


def test_targets_beyond_an_int8_are_taken_for_its_ends():
    targets = np.repeat([-1e6, -129.0, 128.0, 500.0], 64)
    assert piecewise(RULE, fit_piecewise(RULE, targets), INT8).tolist() == [-128] * 128 + [127] * 128
    beyond = np.concatenate([np.zeros(248), 127 + 100.0 * np.arange(8)])
    assert piecewise(RULE, fit_piecewise(RULE, beyond), INT8).tolist() == [0] * 248 + [127] * 8


@pytest.mark.parametrize("rise", [-1.875, -0.5, 0.0, 0.5, 1.875])
@pytest.mark.parametrize("end", [-128, 127])
def test_lines_stay_within_their_widths(rise, end):
    table = fit_piecewise(RULE, np.tile(end + rise * np.arange(8), 32))
    assert (np.abs(table.values + 0.5) < 256).all()
    assert (np.abs(table.slopes + 0.5) < 16).all()
    inside = np.clip(np.tile(end - np.sign(end) * 1.875 * np.arange(8), 32), -128, 127)
    table = fit_piecewise(RULE, inside)
    assert (np.abs(table.values + 0.5) < 256).all()
    assert (np.abs(table.slopes + 0.5) < 16).all()


SMALL = PiecewiseGeluRule(segment_bits=2, value_fraction_bits=1, slope_fraction_bits=2, slope_bits=4)


@pytest.mark.parametrize(
    "targets",
    [real_gelu(1 / 32) / gelu_output_scale(scale=1 / 32), 100 * np.tanh(INT8 / 80), 100 * np.sin(INT8 / 60)],
    ids=["gelu", "tanh", "sine"],
)
@pytest.mark.parametrize("rule", [SMALL, replace(SMALL, segment_bits=3, slope_fraction_bits=3, slope_bits=5)])
def test_no_line_is_better_than_the_one_found(rule, targets):
    """All slopes, with all values within four steps of the segment's targets."""
    table = fit_piecewise(rule, targets)
    size = 2**rule.segment_bits
    slopes = np.arange(-(1 << (rule.slope_bits - 1)), 1 << (rule.slope_bits - 1))
    for segment, wanted in enumerate(targets.reshape(-1, size)):
        values = np.arange(math.floor(2 * wanted.min()) - 8, math.ceil(2 * wanted.max()) + 9)
        values = values[(values >= -256) & (values < 256)]
        lines = values[:, None, None] / 2 + slopes[:, None] * np.arange(size) / 2**rule.slope_fraction_bits
        off = np.abs(np.clip(np.floor(lines), -128, 127) - wanted)
        greatest, mean = off.max(axis=2), off.mean(axis=2)
        x = segment * size - 128 + np.arange(size)
        found = np.abs(piecewise(rule, table, x) - wanted)
        assert found.max() <= greatest.min() + 0.1 + 1e-9
        assert found.mean() <= mean[greatest <= greatest.min() + 0.1 - 1e-9].min() + 1e-9


def refuses(message, function, *arguments, **named):
    with pytest.raises(BitmillError) as caught:
        function(*arguments, **named)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_targets_that_are_refused():
    refuses("targets must be 256 numbers, not of shape (255,)", fit_piecewise, RULE, np.zeros(255))
    refuses("targets must be 256 numbers, not of shape (1, 256)", fit_piecewise, RULE, np.zeros((1, 256)))
    refuses("targets must be 256 numbers, not of shape ()", fit_piecewise, RULE, 0.0)
    for value in ("nan", "inf", "-inf"):
        targets = np.zeros(256)
        targets[77] = float(value)
        refuses(f"targets must be finite, not {value}", fit_piecewise, RULE, targets)


def test_targets_that_are_too_steep():
    """Fifteen eighths a step, up or down, and no more."""
    for sign in (1, -1):
        assert steps_off(RULE, np.tile(np.arange(8) * 1.875 * sign, 32)).max() <= 0.5
        refuses(
            f"targets must rise by at most 1.875 a step for slopes of 5 bits, not {1.9 * sign}",
            fit_piecewise, RULE, np.tile(np.arange(8) * 1.9 * sign, 32),
        )  # fmt: skip
    refuses("for slopes of 5 bits", gelu_table, RULE, scale=1 / 16, output_scale=1 / 48)


def test_scales_and_inputs_that_are_refused():
    for value in (0.0, -1.0, float("nan"), float("inf")):
        refuses(f"scale must be positive and finite, not {value}", gelu_table, RULE, scale=value)
        refuses(f"output_scale must be positive and finite, not {value}", gelu_table, RULE, scale=1, output_scale=value)
        refuses("output_scale must be", dispatch.gelu, RULE, [1], scale=1, output_scale=value)
        refuses("scale must be", gelu_output_scale, scale=value)
    refuses("scale must be at most 1.4", gelu_output_scale, scale=1.5e306)
    refuses("scale must be at most 1.4", gelu_table, RULE, scale=1.5e306, output_scale=1)
    refuses("targets must be finite, not -inf", gelu_table, RULE, scale=1, output_scale=1e-310)
    assert gelu_output_scale(scale=1.4e306) == 1.4e306
    table = gelu_table(RULE, scale=1 / 16)
    refuses("x must be from -128 to 127, not 128", piecewise, RULE, table, [128])
    refuses("x must be from -128 to 127, not -129", piecewise, RULE, table, [-129])
    refuses("x must hold integers, not float64", piecewise, RULE, table, [0.5])


@pytest.mark.parametrize(
    ("field", "least", "greatest"),
    [
        ("segment_bits", 1, 6),
        ("value_fraction_bits", 1, 12),
        ("slope_fraction_bits", 1, 12),
        ("slope_bits", 2, 16),
    ],
)
def test_fields_out_of_range(field, least, greatest):
    for value in (least - 1, greatest + 1, True, float(least), None):
        message = f"{field} must be an integer from {least} to {greatest}, not {value!r}"
        refuses(message, replace, RULE, **{field: value})
    assert getattr(replace(RULE, **{field: least}), field) == least
    more = {"slope_fraction_bits": 12} if field == "value_fraction_bits" else {}
    assert getattr(replace(RULE, **({field: greatest} | more)), field) == greatest


def test_slopes_have_no_fewer_fraction_bits_than_values():
    refuses("slope_fraction_bits must be an integer from 4 to 12, not 3", replace, RULE, value_fraction_bits=4)
