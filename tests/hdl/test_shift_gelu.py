"""ShiftGELU in hardware: every int8 of the elementwise kind, rows of the other, negative ones among them."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.config.nonlinear import PROFILES, ShiftGeluRule
from bitmill.golden.gelu.shift_gelu import SIGMOID_SLOPE
from bitmill.golden.nonlinear import shift_gelu
from bitmill.golden.rows.shift_exp import integer_reciprocal
from bitmill.hdl.gelu.shift_gelu import ShiftGelu

from .row_traffic import beats, drive, exchange, run
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 57
ROW = PROFILES["ivit"].gelu
assert isinstance(ROW, ShiftGeluRule)
ELEMENT = replace(ROW, maximum="element")
SCALES = (1 / 64, 1 / 16, 0.045, 0.9, 3.0)
MOSTLY_LONG = [3.0, *(pytest.param(scale, marks=pytest.mark.long) for scale in SCALES[:-1])]


def x0_of(rule, scale):
    return -integer_reciprocal(
        scale, slope=SIGMOID_SLOPE, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding
    )


def build(rule, *, lanes=2, max_length=40, **arguments):
    length = {"max_length": max_length} if rule.maximum == "row" else {}
    return ShiftGelu(rule=rule, lanes=lanes, **length, **arguments)


def traffic(unit, rows, scale, masks=None):
    """Beats of rows and what they must give; what is masked takes no part."""
    masks = [np.ones(len(row), dtype=bool) for row in rows] if masks is None else masks
    golden = []
    for row, mask in zip(rows, masks, strict=True):
        out = np.zeros(len(row), dtype=np.int64)
        if mask.any():
            out[mask] = shift_gelu(unit.rule, np.array(row)[mask], scale=scale)
        golden.append(out.tolist())
    return list(beats(rows, unit.lanes, masks, junk=127)), list(beats(golden, unit.lanes, masks))


def check(unit, rows, scale, *, masks=None, kind=None, **arguments):
    tied = Tied(unit, x0=x0_of(unit.rule, scale))
    assert plays(tied, job_of(tied, *traffic(unit, rows, scale, masks), seed=SEED, **arguments), kind=kind) is None


def random_rows(lengths, least=-128, greatest=127):
    rng = np.random.default_rng(SEED)
    return [rng.integers(least, greatest, length, endpoint=True).tolist() for length in lengths]


@pytest.mark.parametrize("scale", SCALES)
def test_every_int8_of_the_elementwise_kind(scale):
    check(build(ELEMENT), [list(range(-128, 128))], scale, resets=(1, 30))


@pytest.mark.parametrize("scale", [1 / 64, *MOSTLY_LONG[2:]])
def test_netlist_of_every_int8(scale):
    check(build(ELEMENT, lanes=1), [list(range(-128, 128))], scale, kind="generic")


@pytest.mark.parametrize(("n", "ob"), [(16, 8), (8, 12), (12, 31), (30, 8), (1, 2)])
def test_other_fractions_and_outputs(n, ob):
    rule = replace(ELEMENT, fraction_bits=n, output_bits=ob)
    check(build(rule), [list(range(-128, 128))], 1 / 32 if n < 24 else 3.0)


MASKED = [np.array([True]), np.arange(40) % 3 > 0, np.zeros(7, dtype=bool), np.ones(40, dtype=bool)]


@pytest.mark.parametrize("scale", MOSTLY_LONG)
def test_rows(scale):
    rows = random_rows([1, 40, 2, 3, 39, 1, 1, 17])
    rows += random_rows([40, 1, 5], -128, -1) + random_rows([20], -128, -100) + [[-128], [0], [-1]]
    unit = build(ROW)
    check(unit, rows, scale, resets=(1, 20, 30))
    masked = random_rows([1, 40, 7, 40])
    check(unit, masked, scale, masks=MASKED)


def test_stalls_between_short_rows():
    """The next row's exponential of its maximum must not come before the sums of this row are done."""
    rng = np.random.default_rng(SEED)
    rows = [
        rng.integers(*((-60, 0) if number % 2 else (0, 20)), int(rng.integers(1, 5))).tolist() for number in range(300)
    ]
    check(build(ROW), rows, 1 / 16, stalls=0.8)


@pytest.mark.parametrize("scale", MOSTLY_LONG[1:3])
def test_every_int8_under_many_maxima(scale):
    rows = [[greatest, *range(-128, greatest)] for greatest in (*range(-128, 128, 16), -1, 1, 127)]
    check(build(ROW, lanes=4, max_length=256), rows, scale)


def test_a_row_whose_maximum_is_negative_saturates():
    """exp(-max) is shifted by far more than its fraction bits; a shift that wraps gives something else."""
    rows = [[-128], [-100, -128, -101], [-1, -2, -128], [-30] * 5]
    for scale in (1 / 64, 3.0):
        unit = build(ROW)
        inputs, outputs = traffic(unit, rows, scale)

        async def constants(ctx, unit=unit, scale=scale):
            ctx.set(unit.constants.x0, x0_of(ROW, scale))

        got, _, _ = exchange(
            unit, inputs, len(inputs), before=constants, look=lambda p: [p.elements[0], p.elements[1]], stalls=0.4
        )
        assert got == [one["elements"] for one in outputs]
        assert scale < 1 or got[0] == [0, 0]


def test_rows_do_not_depend_on_their_order():
    (row,) = random_rows([39])
    order = np.random.default_rng(SEED).permutation(39)
    unit = build(ROW)
    first, second = (traffic(unit, [one], 1 / 16)[1] for one in (row, np.array(row)[order].tolist()))
    flat = [[e for beat in out for e in beat["elements"]][:39] for out in (first, second)]
    assert flat[1] == np.array(flat[0])[order].tolist()
    check(unit, [row, np.array(row)[order].tolist()], 1 / 16)


@pytest.mark.parametrize("rule", [ELEMENT, ROW], ids=["element", "row"])
def test_cycles_are_those_promised(rule):
    unit, lengths = build(rule), [9, 1, 40, 2, 2, 7]
    rows = random_rows(lengths)
    inputs, _ = traffic(unit, rows, 1 / 16)

    async def constants(ctx):
        ctx.set(unit.constants.x0, x0_of(rule, 1 / 16))

    _, taken, given = exchange(unit, inputs, len(inputs), before=constants)
    start, first = 0, 0
    for length in lengths:
        count = -(-length // 2)
        assert taken[first : first + count] == list(range(start, start + count))
        begins = start + unit.latency(length)
        assert given[first : first + count] == list(range(begins, begins + count))
        start, first = start + unit.row_cycles(length), first + count
    assert (unit.row_cycles(9), unit.STAGES) == ((5, 16) if rule is ELEMENT else (11, 38))


@pytest.mark.parametrize("rule", [ELEMENT, ROW], ids=["element", "row"])
def test_icarus_sees_no_unknowns(rule):
    unit = build(rule, lanes=1)
    tied = Tied(unit, x0=x0_of(rule, 1 / 16))
    plays_in_icarus(tied, job_of(tied, *traffic(unit, random_rows([5, 1, 9]), 1 / 16), seed=SEED, resets=(3, 6)))


def test_a_row_that_is_too_long_is_cut_and_said_so():
    unit, rows = build(ROW, max_length=8), random_rows([9, 8])

    async def bench(ctx):
        ctx.set(unit.constants.x0, x0_of(ROW, 1 / 16))
        got, error = await drive(ctx, unit, beats(rows[1:], 2), 100, lambda payload: payload.elements[0])
        assert not error
        assert len(got) == 4
        got, error = await drive(ctx, unit, beats(rows, 2), 120, lambda payload: payload.elements[0])
        assert error
        _, outputs = traffic(unit, [rows[0][:8], rows[1]], 1 / 16)
        assert got == [one["elements"][0] for one in outputs]

    run(ResetInserter(Signal())(unit), bench)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rule": "row"}, TypeError, "ShiftGelu rule must be a ShiftGeluRule, not 'row'"),
        ({"max_length": None}, ValueError, "max_length must be given with the maximum of the row only, not None"),
        ({"rule": ELEMENT}, ValueError, "max_length must be given with the maximum of the row only, not 8"),
        ({"lanes": 0}, ValueError, "ShiftGelu lanes must be an integer of at least 1, not 0"),
        ({"max_length": 0}, ValueError, "ShiftGelu max_length must be an integer of at least 1, not 0"),
        ({"input_bits": 1}, ValueError, "ShiftGelu input_bits must be an integer of at least 2, not 1"),
        ({"x0_bits": 9}, ValueError, "ShiftGelu x0_bits must be from 1 to 8, not 9"),
    ],
)
def test_init_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        ShiftGelu(**{"rule": ROW, "lanes": 1, "max_length": 8, **arguments})
