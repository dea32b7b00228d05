"""Shiftmax in hardware: rows of every kind against the golden model, degenerate ones by name, and the cycles promised."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.config.nonlinear import PROFILES, ShiftmaxRule
from bitmill.golden.nonlinear import integer_reciprocal, shiftmax
from bitmill.hdl.softmax.shiftmax import Shiftmax

from .row_traffic import beats, drive, exchange, run

SEED = 54
RULE = PROFILES["ivit"].softmax
assert isinstance(RULE, ShiftmaxRule)
OB8 = replace(RULE, output_bits=8)
SCALE = 1 / 16


def x0_of(rule, scale):
    return -integer_reciprocal(scale, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding)


def row_of(payload):
    return [payload.elements[lane] for lane in range(len(payload.elements))], payload.keep, payload.last


def build(*, lanes=4, max_length=64, rule=RULE, **arguments):
    return Shiftmax(rule=rule, lanes=lanes, max_length=max_length, **arguments)


def softmax(rows, *, scale=SCALE, masks=None, stalls=0.0, unit=None):
    """Rows of outputs as the hardware gives them, ``keep`` and ``last`` checked, and the cycles of transfers."""
    unit = unit or build()
    inputs = list(beats(rows, unit.lanes, masks, junk=127))

    async def constants(ctx):
        ctx.set(unit.constants.x0, x0_of(unit.rule, scale))

    got, taken, given = exchange(unit, inputs, len(inputs), stalls=stalls, seed=SEED, look=row_of, before=constants)
    assert [(keep, last) for _, keep, last in got] == [(one["keep"], one["last"]) for one in inputs]
    flat = [element for elements, _, _ in got for element in elements]
    out, position = [], 0
    for row in rows:
        count = -(-len(row) // unit.lanes) * unit.lanes
        assert not any(flat[position + len(row) : position + count]), "what is past the end is 0"
        out.append(flat[position : position + len(row)])
        position += count
    return out, taken, given


def golden(rows, *, rule=RULE, scale=SCALE, masks=None):
    masks = [None] * len(rows) if masks is None else masks
    return [
        shiftmax(rule, np.array(row), scale=scale, mask=mask).tolist() for row, mask in zip(rows, masks, strict=True)
    ]


def random_rows(lengths, least=-128, greatest=127):
    rng = np.random.default_rng(SEED)
    return [rng.integers(least, greatest, length, endpoint=True).tolist() for length in lengths]


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("rule", [OB8, RULE], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("scale", [1 / 64, 0.045, 3.0])
def test_rows_of_all_lengths_back_to_back(scale, rule, stalls):
    rows = random_rows([1, 64, 2, 3, 4, 5, 33, 1, 63, 64, 7])
    got, _, _ = softmax(rows, scale=scale, stalls=stalls, unit=build(rule=rule))
    assert got == golden(rows, rule=rule, scale=scale)


OTHERS = [
    replace(RULE, fraction_bits=n, output_bits=ob) for n, ob in ((1, 2), (1, 31), (8, 25), (16, 8), (20, 20), (30, 8))
]


@pytest.mark.parametrize("rule", OTHERS, ids=lambda rule: f"n = {rule.fraction_bits}, ob = {rule.output_bits}")
def test_other_fractions_and_outputs(rule):
    n = rule.fraction_bits
    x0_bits = min(9, 31 - n)
    scale = 1 / ((1 << x0_bits) - 1) if n < 30 else 3.0
    rows = random_rows([1, 2, 9, 20, 5], -20, 20)
    got, _, _ = softmax(rows, scale=scale, unit=build(rule=rule, x0_bits=x0_bits))
    assert got == golden(rows, rule=rule, scale=scale)


@pytest.mark.parametrize("lanes", [1, 3, 8])
def test_any_number_of_lanes(lanes):
    rows = random_rows([1, 24, 8, 9, 17])
    got, _, _ = softmax(rows, unit=build(lanes=lanes, max_length=24))
    assert got == golden(rows)


def test_stalls_while_a_maximum_is_found():
    """The last beat of a first pass waits for outputs of the row before, the maximum stands in the first one."""
    rows = []
    for row in random_rows([64, 8, 33, 12, 20, 16, 40, 8, 64, 20], -128, 20):
        rows.append([100, *row[1:]])
    got, _, _ = softmax(rows, stalls=0.7)
    assert got == golden(rows)


def test_masks():
    rng = np.random.default_rng(SEED)
    rows = random_rows([33, 8, 12, 1, 33])
    masks = [rng.random(len(row)) < 0.4 for row in rows]
    masks[1][:], masks[2][4:8], masks[3][:] = True, False, True
    got, _, _ = softmax(rows, masks=masks, stalls=0.2)
    assert got == golden(rows, masks=masks)


def test_a_row_masked_altogether_gives_zeros_and_the_next_row_is_right():
    rows = random_rows([9, 9, 3, 9])
    masks = [np.full(len(row), number % 2 == 1) for number, row in enumerate(rows)]
    got, _, _ = softmax(rows, masks=masks)
    assert got[0] == [0] * 9
    assert got[2] == [0] * 3
    assert got == golden(rows, masks=masks)


def test_equal_elements_vanish_from_128_on_at_eight_bits():
    rows = [[value] * length for value in (-128, 0, 127) for length in (127, 128)]
    got, _, _ = softmax(rows, unit=build(rule=OB8, max_length=128))
    assert got == [[1] * 127, [0] * 128] * 3


def test_a_row_of_length_one_gives_nearly_one():
    rows = [[value] for value in (-128, -1, 0, 127)]
    assert softmax(rows, unit=build(rule=OB8))[0] == [[127]] * 4
    assert softmax(rows)[0] == [[32760]] * 4


def test_a_sum_past_31_bits_saturates():
    """L * |x0| = 65536 passes 31 bits by one; both sides of it and far beyond."""
    rows = [[5] * 127 + [4], [5] * 128, [5] * 129, [5] * 1000]
    unit = build(lanes=8, max_length=1000, x0_bits=10)
    got, _, _ = softmax(rows, scale=1 / 512, unit=unit)
    assert got == golden(rows, scale=1 / 512)


def test_2048_equal_elements_do_not_wrap():
    rows = [[3] * 2048, [3] * 2047 + [2]]
    got, _, _ = softmax(rows, unit=build(lanes=16, max_length=2048))
    assert got == golden(rows)
    assert got[0] == [8] * 2048


def test_rows_of_negative_numbers_alone():
    """A running maximum that starts at 0, or at the last row's, fails here."""
    rows = [*random_rows([40], 100, 127), *random_rows([40, 20, 3], -128, -60), [-128] * 5]
    got, _, _ = softmax(rows)
    assert got == golden(rows)


def test_order_does_not_matter():
    (row,) = random_rows([50])
    mask = np.random.default_rng(SEED).random(50) < 0.7
    orders = [np.random.default_rng(number).permutation(50) for number in range(4)]
    orders += [np.argsort(row), np.argsort(row)[::-1]]
    got, _, _ = softmax([np.array(row)[order].tolist() for order in orders], masks=[mask[order] for order in orders])
    (expected,) = golden([row], masks=[mask])
    for found, order in zip(got, orders, strict=True):
        assert found == np.array(expected)[order].tolist()


def test_a_greater_input_gives_no_smaller_output_and_sums_stay_below_one():
    row = list(range(-128, 128))
    for scale in (1 / 64, 0.045):
        got, _, _ = softmax([row], scale=scale, unit=build(max_length=256))
        assert got[0] == sorted(got[0])
        assert sum(got[0]) <= 1 << 15


def test_cycles_are_those_promised():
    lengths = [64, 1, 4, 5, 33, 64, 1, 1, 20]
    unit = build()
    _, taken, given = softmax(random_rows(lengths), unit=unit)
    starts, first = [0], 0
    for length in lengths:
        starts.append(starts[-1] + unit.row_cycles(length))
    for number, length in enumerate(lengths):
        count = -(-length // 4)
        assert taken[first : first + count] == list(range(starts[number], starts[number] + count))
        begins = starts[number] + unit.latency(length)
        assert given[first : first + count] == list(range(begins, begins + count))
        first += count
    assert unit.row_cycles(64) == 3 * 16 + 1 + 7 + 17


@pytest.mark.parametrize("cycles", [1, 3, 10, 17, 18, 19, 25, 30, 40, 45, 60])
def test_after_a_reset_in_mid_row_the_next_row_is_right(cycles):
    unit, reset = build(), Signal()
    rows = random_rows([40, 9])

    async def bench(ctx):
        ctx.set(unit.constants.x0, x0_of(RULE, SCALE))
        await drive(ctx, unit, beats(rows[:1], 4), cycles, row_of)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        got, _ = await drive(ctx, unit, beats(rows[1:], 4), 60, row_of)
        assert [element for row, _, _ in got for element in row] == golden(rows[1:])[0] + [0] * 3

    run(ResetInserter(reset)(unit), bench)


def test_a_row_that_is_too_long_is_cut_and_said_so():
    unit, rows = build(max_length=8), random_rows([9, 8, 8])

    async def bench(ctx):
        ctx.set(unit.constants.x0, x0_of(RULE, SCALE))
        whole, error = await drive(ctx, unit, beats(rows[1:], 4), 90, row_of)
        assert not error
        cut, error = await drive(ctx, unit, beats(rows[:2], 4), 90, row_of)
        assert error
        first, *others = golden([row[:8] for row in rows])
        assert [element for row, _, _ in whole + cut for element in row] == [*others[0], *others[1], *first, *others[0]]

    run(unit, bench)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rule": "ivit"}, TypeError, "Shiftmax rule must be a ShiftmaxRule, not 'ivit'"),
        ({"lanes": 0}, ValueError, "Shiftmax lanes must be an integer of at least 1, not 0"),
        ({"max_length": 1.5}, ValueError, "Shiftmax max_length must be an integer of at least 1, not 1.5"),
        ({"input_bits": True}, ValueError, "Shiftmax input_bits must be an integer of at least 2, not True"),
        ({"x0_bits": 17}, ValueError, "Shiftmax x0_bits must be from 1 to 16, not 17"),
    ],
)
def test_init_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        build(**arguments)
