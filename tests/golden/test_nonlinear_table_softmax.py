"""Softmax of profile ``accurate``: against fractions, at its corners, and how near it is to the ideal."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitmill.config.nonlinear import ACCURATE
from bitmill.golden.nonlinear import table_softmax, table_softmax_slope
from bitmill.golden.rows import dispatch
from bitmill.models.captured.capture import committed_rows
from bitmill.models.captured.rows import of_unit
from bitmill.studies.nonlinear.synthetic import LENGTHS, SCALES, heavy_tailed

from . import table_reference

SEED = 21
RULE = ACCURATE.softmax
RULES = {
    "accurate": RULE,
    **{
        "-".join(f"{name} {value}" for name, value in changed.items()): replace(RULE, **changed)
        for changed in (
            {"fraction_bits": 1},
            {"fraction_bits": 6},
            {"guard_bits": 1},
            {"guard_bits": 8, "slope_bits": 20},
            {"slope_bits": 20},
            {"table_bits": 4},
            {"table_bits": 12, "entry_bits": 12},
            {"reciprocal_bits": 4},
            {"reciprocal_bits": 20},
            {"entry_bits": 9},
            {"entry_bits": 14},
            {"output_bits": 4},
            {"output_bits": 12, "entry_bits": 13},
            {"output_bits": 12, "entry_bits": 18, "reciprocal_bits": 8},
            {"output_bits": 12, "table_bits": 12, "entry_bits": 24, "reciprocal_bits": 4},
        )
    },
}
EVERY_RULE = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


def real_softmax(x, scale, mask=None):
    taken = np.broadcast_to(True if mask is None else mask, x.shape)
    top = np.where(taken, x, -1000).max(axis=-1, keepdims=True)
    powers = np.where(taken, np.exp((x - top) * scale), 0.0)
    return powers / powers.sum(axis=-1, keepdims=True)


def greatest_scale(rule):
    return ((1 << rule.slope_bits) - 1) * math.log(2) / 2 ** (rule.fraction_bits + rule.guard_bits + 6)


@EVERY_RULE
def test_powers_are_the_nearest_to_roots_of_two(rule):
    assert list(rule.powers) == [table_reference.power(rule, index) for index in range(2**rule.fraction_bits)]


@EVERY_RULE
def test_every_row_is_that_of_the_fractions(rule):
    rng = np.random.default_rng(SEED)
    limit = greatest_scale(rule)
    for scale in (*(min(scale, limit) for scale in SCALES), 0.3 * limit, limit, limit / 2000):
        for length in (1, 2, 3, 9, 33):
            spread = rng.choice([2, 9, 60])
            x = rng.normal(0, spread, (3, length)).round().clip(-128, 127).astype(np.int64)
            mask = rng.random((3, length)) < rng.choice([0.5, 1.1])
            got = table_softmax(rule, x, scale=scale, mask=mask)
            wanted = [
                table_reference.softmax(rule, row, scale, here)
                for row, here in zip(x.tolist(), mask.tolist(), strict=True)
            ]
            assert got.tolist() == wanted
            assert got.dtype == np.int64


CORNERS = {
    "row of one": [-128],
    "two equal": [5, 5],
    "four equal: the sum is a power of two": [-7] * 4,
    "five equal": [127] * 5,
    "sixty-four equal": [-128] * 64,
    "both ends": [-128, 127],
    "both ends, many": [-128] * 40 + [127],
    "an entry that would be 2.0": [59, 27],
    "every int8": list(range(-128, 128)),
    "more elements than output steps": [0] * 700,
}


@pytest.mark.parametrize("row", CORNERS.values(), ids=CORNERS)
@pytest.mark.parametrize("scale", [1 / 16, 0.3, 0.002, 0.69])
def test_corners_are_those_of_the_fractions(row, scale):
    assert table_softmax(RULE, row, scale=scale).tolist() == table_reference.softmax(RULE, row, scale)


@pytest.mark.parametrize(
    ("row", "scale", "wanted"),
    [
        ([-128], 0.3, [255]),
        ([127], 0.3, [255]),
        ([5, 5], 0.3, [128, 128]),
        ([-7] * 4, 0.3, [64] * 4),
        ([3] * 64, 0.3, [4] * 64),
        ([127] * 5, 0.3, [51] * 5),
        ([-128, 127], 0.3, [0, 255]),
        ([0] * 512, 0.3, [1] * 512),
        ([0] * 513, 0.3, [0] * 513),
    ],
)
def test_rows_by_hand(row, scale, wanted):
    assert table_softmax(RULE, row, scale=scale).tolist() == wanted


def test_an_entry_that_rounds_to_two_saturates():
    """Just above 1.0 the reciprocal is 1.9995, which eleven bits hold and ten do not: 0 for 2.0 would be 1023 too few."""
    assert table_softmax(RULE, [59, 27], scale=0.3).tolist() == [255, 0]
    more = replace(RULE, entry_bits=9)
    assert table_softmax(more, [59, 27], scale=0.3).tolist() == table_reference.softmax(more, [59, 27], 0.3)


def test_sums_that_are_powers_of_two_of_unequal_elements():
    """With ``log2(e) * scale`` of 1/8 a step, 8 steps are a half: 1, 1/2, 1/2 is a sum of 2."""
    scale = math.log(2) / 8
    assert table_softmax_slope(RULE, scale=scale) == 1024
    assert table_softmax(RULE, [0, -8, -8], scale=scale).tolist() == [128, 64, 64]
    assert table_softmax(RULE, [0, 0, -8, -16, -16, 0], scale=scale).tolist() == [64, 64, 32, 16, 16, 64]


def test_slopes_are_the_nearest():
    for scale in (*SCALES, 0.0001, 0.5, 0.69, 1e-3):
        assert table_softmax_slope(RULE, scale=scale) == table_reference.slope(RULE, scale)
    assert table_softmax_slope(RULE, scale=1 / 16) == 739


def test_masked_rows():
    x = np.array([[1, 127, -5], [127, 127, 127], [3, 4, 5]])
    mask = np.array([[True, False, True], [False] * 3, [False, False, True]])
    y = table_softmax(RULE, x, scale=0.1, mask=mask)
    assert y[0].tolist() == table_reference.softmax(RULE, [1, 127, -5], 0.1, [True, False, True])
    assert y[1].tolist() == [0, 0, 0]
    assert y[2].tolist() == [0, 0, 255]
    assert table_softmax(RULE, x, scale=0.1, mask=False).tolist() == np.zeros((3, 3)).tolist()
    column = np.array([[True], [False], [True]])
    assert np.array_equal(
        table_softmax(RULE, x, scale=0.1, mask=column),
        table_softmax(RULE, x, scale=0.1) * column,
    )


def test_by_the_class_of_the_rule():
    y, unit = dispatch.softmax(RULE, [[1, 2, 9]], scale=0.1, mask=[True, False, True])
    assert y.tolist() == [table_reference.softmax(RULE, [1, 2, 9], 0.1, [True, False, True])]
    assert unit == 1 / 256
    assert dispatch.softmax(replace(RULE, output_bits=6), [1], scale=0.1)[1] == 1 / 64


often = settings(max_examples=80, deadline=None)
LONGER = st.lists(st.integers(-128, 127), min_size=2, max_size=70)
ANY_SCALE = st.floats(1e-4, 0.69)


@often
@given(row=LONGER, scale=ANY_SCALE, data=st.data())
def test_rows_sum_to_one_but_for_rounding(row, scale, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row))))
    mask[:2] = True
    y = table_softmax(RULE, row, scale=scale, mask=mask)
    assert abs(int(y.sum()) - 256) <= mask.sum() / 2
    assert y.max() <= 255


@often
@given(row=st.lists(st.integers(-128, 127), min_size=1, max_size=70), scale=ANY_SCALE, data=st.data())
def test_permuted_rows(row, scale, data):
    x, order = np.array(row), np.array(data.draw(st.permutations(range(len(row)))))
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(row), max_size=len(row))))
    y = table_softmax(RULE, x, scale=scale, mask=mask)
    assert table_softmax(RULE, x[order], scale=scale, mask=mask[order]).tolist() == y[order].tolist()
    assert table_softmax(RULE, [row, row[::-1]], scale=scale)[1].tolist() == (
        table_softmax(RULE, x, scale=scale)[::-1].tolist()
    )


def rows_of_few_values(rng):
    """Two and three distinct values in any proportion: errors of a sum's share are greatest there."""
    for _ in range(8):
        length = int(rng.choice([2, 2, 3, 4, 5, 8, 17, 64]))
        values = rng.integers(-128, 128, (1500, 3))
        values[:750, 2] = values[:750, 1]
        yield np.take_along_axis(values, rng.integers(0, 3, (1500, length)), axis=1)


def test_an_adversary_finds_no_row_whose_sum_is_off():
    """No row of some tens of thousands, and on some of them the limit is reached."""
    rng = np.random.default_rng(SEED)
    used = 0.0
    for scale in (*SCALES, 0.0105, 0.11, 0.3, 0.3465, 0.69):
        for x in rows_of_few_values(rng):
            y = table_softmax(RULE, x, scale=scale)
            off = np.abs(y.sum(axis=1) - 256).max()
            assert off <= x.shape[1] / 2
            used = max(used, off / (x.shape[1] / 2))
            assert y.max() <= 255
            ordered = np.sort(x, axis=1)
            assert (np.diff(table_softmax(RULE, ordered, scale=scale), axis=1) >= 0).all()
    assert used == 1.0


@pytest.mark.parametrize("scale", [*SCALES, 0.0105, 0.3, 0.69])
def test_every_pair_sums_to_one(scale):
    """All rows of two: 255, 256 or 257."""
    x = np.stack(np.meshgrid(np.arange(-128, 128), np.arange(-128, 128)), axis=-1)
    y = table_softmax(RULE, x, scale=scale)
    assert set(y.sum(axis=-1).ravel().tolist()) <= {255, 256, 257}
    assert (np.diff(y[..., 0], axis=1) >= 0).all()
    assert np.array_equal(y[..., 0], y[..., 1].T)


EIGHTHS = math.log(2) / 8
"""The scale at which a step of the input is one of the table, so that int8 rows have all exponents that any scale has."""


@pytest.mark.parametrize("length", [2, 3, 4])
def test_every_short_row_of_any_scale_sums_to_one(length):
    """All exponents of which something is left, in order, which is of no account."""
    below = np.stack(np.meshgrid(*[np.arange(118)] * (length - 1)), axis=-1).reshape(-1, length - 1)
    below = below[(np.diff(below, axis=1) >= 0).all(axis=1)]
    x = 127 - np.pad(below, ((0, 0), (1, 0)))
    y = table_softmax(RULE, x, scale=EIGHTHS)
    assert (np.abs(y.sum(axis=1) - 256) <= length // 2).all()
    assert not y[:, -1][below[:, -1] == 117].any()
    assert (np.diff(y, axis=1) <= 0).all()


def test_rows_of_two_values_in_any_proportion_sum_to_one():
    above, under, gap = (part.ravel()[:, None] for part in np.meshgrid(range(1, 13), range(1, 13), range(1, 118)))
    place = np.arange(24)
    mask = (place < above) | ((place >= 12) & (place < 12 + under))
    y = table_softmax(RULE, np.where(place < 12, 127, 127 - gap), scale=EIGHTHS, mask=mask)
    assert (np.abs(y.sum(axis=1) - 256) <= (above + under)[:, 0] / 2).all()


def test_short_reciprocals_do_not_sum_to_one():
    """The limit above is of the widths: with four bits of reciprocal 1/3 is 5/16."""
    assert table_softmax(replace(RULE, reciprocal_bits=4), [0] * 3, scale=0.1).tolist() == [84] * 3


@EVERY_RULE
def test_a_row_of_one_is_one_less_a_step(rule):
    x = np.arange(-128, 128)[:, np.newaxis]
    assert set(table_softmax(rule, x, scale=greatest_scale(rule) / 3).ravel().tolist()) == {2**rule.output_bits - 1}


def over_ideal(x, scale, mask=None):
    """Mean error over that of ``floor(256 * p + 1/2)``, at most 255."""
    taken = np.broadcast_to(True if mask is None else mask, x.shape)
    real = real_softmax(x, scale, taken)
    ideal = np.minimum(np.floor(256 * real + 0.5), 255)
    y = table_softmax(RULE, x, scale=scale, mask=taken)
    return np.abs(y / 256 - real)[taken].mean() / np.abs(ideal / 256 - real)[taken].mean()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("scale", SCALES)
def test_errs_at_most_a_tenth_more_than_the_ideal_on_synthetic_rows(scale, length):
    assert 1 <= over_ideal(heavy_tailed()[scale, length].astype(np.int64), scale) <= 1.1


@pytest.mark.parametrize("columns", [64, 197])
def test_errs_at_most_a_tenth_more_than_the_ideal_on_real_rows(columns):
    captured = of_unit(committed_rows(), "softmax")
    assert len(captured) == 6
    for rows in captured:
        x, mask = rows.codes[:, :columns].astype(np.int64), rows.mask[:, :columns]
        for scale in (rows.scale, *SCALES):
            assert over_ideal(x, scale, mask) <= 1.1, (rows.place, scale)
