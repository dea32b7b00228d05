<<<<<<< HEAD
"""ShiftGelu in hardware: every int8 under every constant, rows of every kind, against the golden model; the cycles."""
=======
"""ShiftGELU in hardware: every int8 of the elementwise kind, rows of the other, negative ones among them."""
>>>>>>> main

from dataclasses import replace

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.golden.nonlinear import shift_gelu
from bitmill.golden.nonlinear.gelu import SIGMOID_SLOPE
from bitmill.golden.nonlinear.shift_exp import integer_reciprocal
from bitmill.hdl.nonlinear.shift_gelu import ShiftGelu
from bitmill.nonlinear import PROFILES

<<<<<<< HEAD
from .gelu_traffic import Streamed
from .row_traffic import beats, drive, exchange, run
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 56
ROW = PROFILES["ivit"].gelu
ELEMENT = replace(ROW, maximum="element")
SCALE = 1 / 32
EVERY_INT8 = list(range(-128, 128))
=======
from .row_traffic import beats, drive, exchange, run
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 57
ROW = PROFILES["ivit"].gelu
ELEMENT = replace(ROW, maximum="element")
SCALES = (1 / 64, 1 / 16, 0.045, 0.9, 3.0)
>>>>>>> main


def x0_of(rule, scale):
    return -integer_reciprocal(
        scale, slope=SIGMOID_SLOPE, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding
    )


<<<<<<< HEAD
def scale_of(rule, x0):
    """A scale whose constant is ``x0``."""
    scale = 1 / (SIGMOID_SLOPE * (x0 - 0.4))
    assert x0_of(rule, scale) == x0
    return scale


def row_of(payload):
    return [payload.elements[lane] for lane in range(len(payload.elements))], payload.keep, payload.last


def build(*, rule=ROW, lanes=4, **arguments):
    if rule.maximum == "row":
        arguments = {"max_length": 64, **arguments}
    return ShiftGelu(rule=rule, lanes=lanes, **arguments)


def golden(rows, *, rule=ROW, scale=SCALE, masks=None):
    """What is masked is not there: the rest of a row is what it is without it, and 0 is what comes out for it."""
    masks = [np.ones(len(row), bool) for row in rows] if masks is None else masks
    results = []
    for row, mask in zip(rows, masks, strict=True):
        result = np.zeros(len(row), np.int64)
        if mask.any():
            result[mask] = shift_gelu(rule, np.array(row)[mask], scale=scale)
        results.append(result.tolist())
    return results


def answers(unit, inputs, rows):
    """Payloads of results for the payloads of rows."""
    return [
        {**given, "elements": expected["elements"]}
        for given, expected in zip(inputs, beats(rows, unit.lanes), strict=True)
    ]


def gelu(rows, *, scale=SCALE, masks=None, stalls=0.0, unit=None):
    """Rows as the hardware gives them, with ``keep`` and ``last`` checked, and the cycles of transfers."""
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
=======
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
>>>>>>> main


def random_rows(lengths, least=-128, greatest=127):
    rng = np.random.default_rng(SEED)
    return [rng.integers(least, greatest, length, endpoint=True).tolist() for length in lengths]


<<<<<<< HEAD
def every_int8(unit, x0s):
    """All 256 codes under each constant."""
    streamed = Streamed(unit)
    inputs, outputs = [], []
    for x0 in x0s:
        rows = list(beats([EVERY_INT8], unit.lanes))
        inputs += [{"beat": beat, "x0": x0} for beat in rows]
        outputs += answers(unit, rows, golden([EVERY_INT8], rule=unit.rule, scale=scale_of(unit.rule, x0)))
    return streamed, job_of(streamed, inputs, outputs, seed=SEED)


@pytest.mark.parametrize(
    ("n", "ob", "x0_bits", "bits_per_stage"),
    [(23, 8, 8, 1), (29, 31, 2, 2), pytest.param(15, 16, 9, 4, marks=pytest.mark.long)],
)
def test_every_int8_under_every_constant(n, ob, x0_bits, bits_per_stage):
    rule = replace(ELEMENT, fraction_bits=n, output_bits=ob)
    unit = build(rule=rule, x0_bits=x0_bits, bits_per_stage=bits_per_stage)
    assert plays(*every_int8(unit, range(1, 1 << x0_bits))) is None


@pytest.mark.parametrize("bits_per_stage", [3, pytest.param(1, marks=pytest.mark.long)])
def test_every_int8_in_the_netlist(bits_per_stage):
    unit = build(rule=ELEMENT, lanes=1, bits_per_stage=bits_per_stage)
    assert plays(*every_int8(unit, [1, 2, 3, 18, 37, 64, 127, 128, 129, 255]), kind="generic") is None


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("scale", [1 / 64, 0.045, 3.0])
@pytest.mark.parametrize("rule", [ROW, ELEMENT])
def test_rows_of_all_lengths_back_to_back(rule, scale, stalls):
    rows = random_rows([1, 64, 2, 3, 4, 5, 33, 1, 63, 64, 7])
    got, _, _ = gelu(rows, scale=scale, stalls=stalls, unit=build(rule=rule))
    assert got == golden(rows, rule=rule, scale=scale)


def test_rows_whose_maximum_is_negative():
    """The exponential of the maximum's distance from 0 rises far past 31 bits."""
    rows = [*random_rows([40], 100, 127), *random_rows([40, 20, 3], -128, -60), [-1], [-128] * 5, [-1, -128], [-2] * 9]
    for scale in (1 / 64, 1 / 16, 0.5):
        got, _, _ = gelu(rows, scale=scale)
        assert got == golden(rows, scale=scale)


def test_rows_of_length_one():
    rows = [[value] for value in EVERY_INT8]
    got, _, _ = gelu(rows, unit=build(lanes=1, max_length=1))
    assert got == golden(rows)


def test_a_row_that_spans_everything_has_the_longest_quotient():
    """By ``x0 = 1`` both exponentials are 1 where the least element meets the greatest maximum: S is 2."""
    scale = scale_of(ROW, 1)
    rows = [[-128, 127], EVERY_INT8, EVERY_INT8[::-1]]
    got, _, _ = gelu(rows, scale=scale, unit=build(max_length=256))
    assert got == golden(rows, scale=scale)


@pytest.mark.parametrize("rule", [ROW, ELEMENT])
def test_masks(rule):
    rng = np.random.default_rng(SEED)
    rows = random_rows([33, 8, 12, 1, 33, 5])
    masks = [rng.random(len(row)) < 0.4 for row in rows]
    masks[1][:], masks[2][4:8], masks[3][:], masks[4][:] = True, False, True, False
    got, _, _ = gelu(rows, masks=masks, stalls=0.2, unit=build(rule=rule))
    assert got == golden(rows, rule=rule, masks=masks)


def test_order_does_not_matter():
    (row,) = random_rows([50])
    orders = [np.random.default_rng(number).permutation(50) for number in range(4)]
    orders += [np.argsort(row), np.argsort(row)[::-1]]
    got, _, _ = gelu([np.array(row)[order].tolist() for order in orders])
    (expected,) = golden([row])
    for found, order in zip(got, orders, strict=True):
        assert found == np.array(expected)[order].tolist()


@pytest.mark.parametrize(("rule", "bits_per_stage"), [(ROW, 1), (ROW, 7), (ELEMENT, 1), (ELEMENT, 3)])
def test_cycles_are_those_promised(rule, bits_per_stage):
    lengths = [64, 1, 4, 5, 33, 64, 1, 1, 20]
    unit = build(rule=rule, bits_per_stage=bits_per_stage)
    _, taken, given = gelu(random_rows(lengths), unit=unit)
    starts, first = [0], 0
    for length in lengths:
        starts.append(starts[-1] + unit.row_cycles(length))
    for number, length in enumerate(lengths):
        count = -(-length // 4)
        assert taken[first : first + count] == list(range(starts[number], starts[number] + count))
        begins = starts[number] + unit.latency(length)
        assert given[first : first + count] == list(range(begins, begins + count))
        first += count


def test_the_figures_of_the_description():
    assert build(rule=ELEMENT).LATENCY == 16
    assert build(rule=ELEMENT, bits_per_stage=3).LATENCY == 11
    assert build(rule=ELEMENT).row_cycles(64) == 16
    assert build().LATENCY == 38
    assert build().row_cycles(64) == 33
    assert build().latency(64) == 16 + 2 + 38


@pytest.mark.parametrize("cycles", [1, 3, 10, 11, 12, 13, 20, 30, 49, 55, 60])
def test_after_a_reset_in_mid_row_the_next_row_is_right(cycles):
    unit, reset = build(), Signal()
    rows = [random_rows([40])[0], *random_rows([9], -128, -20)]

    async def bench(ctx):
        ctx.set(unit.constants.x0, x0_of(ROW, SCALE))
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
        ctx.set(unit.constants.x0, x0_of(ROW, SCALE))
        whole, error = await drive(ctx, unit, beats(rows[1:], 4), 90, row_of)
        assert not error
        cut, error = await drive(ctx, unit, beats(rows[:2], 4), 90, row_of)
        assert error
        first, *others = golden([row[:8] for row in rows])
        assert [element for row, _, _ in whole + cut for element in row] == [*others[0], *others[1], *first, *others[0]]

    run(unit, bench)


def tied_rows(*, lanes, lengths, max_length):
    unit = build(lanes=lanes, max_length=max_length, bits_per_stage=2)
    rng = np.random.default_rng(SEED)
    rows = [(rng.integers(-128, 127, length) - rng.integers(0, 200)).clip(-128, 127).tolist() for length in lengths]
    masks = [rng.random(length) < rng.choice([0.0, 0.5, 1.0, 1.0]) for length in lengths]
    inputs = list(beats(rows, lanes, masks, junk=127))
    tied = Tied(unit, x0=x0_of(ROW, SCALE))
    return tied, job_of(tied, inputs, answers(unit, inputs, golden(rows, masks=masks)), seed=SEED, resets=(1, 7, 12))


@pytest.mark.parametrize("kind", [None, pytest.param("generic", marks=pytest.mark.long)])
def test_long_rows_with_resets(kind):
    tied, job = tied_rows(lanes=4, lengths=[96, 1, 64, 2, 16, 17, 96, 15, 33, 5], max_length=96)
    assert plays(tied, job, kind=kind) is None


def test_icarus_sees_no_unknowns():
    plays_in_icarus(*tied_rows(lanes=3, lengths=[20, 1, 7, 12], max_length=24))
=======
@pytest.mark.parametrize("scale", SCALES)
def test_every_int8_of_the_elementwise_kind(scale):
    check(build(ELEMENT), [list(range(-128, 128))], scale, resets=(1, 30))


@pytest.mark.parametrize("kind", ["generic"])
@pytest.mark.parametrize("scale", SCALES[:3])
def test_netlist_of_every_int8(scale, kind):
    check(build(ELEMENT, lanes=1), [list(range(-128, 128))], scale, kind=kind)


@pytest.mark.parametrize(("n", "ob"), [(16, 8), (8, 12), (12, 31), (30, 8), (1, 2)])
def test_other_fractions_and_outputs(n, ob):
    rule = replace(ELEMENT, fraction_bits=n, output_bits=ob)
    check(build(rule), [list(range(-128, 128))], 1 / 32 if n < 24 else 3.0)


MASKED = [np.array([True]), np.arange(40) % 3 > 0, np.zeros(7, dtype=bool), np.ones(40, dtype=bool)]


@pytest.mark.parametrize("scale", SCALES)
def test_rows(scale):
    rows = random_rows([1, 40, 2, 3, 39, 1, 1, 17])
    rows += random_rows([40, 1, 5], -128, -1) + random_rows([20], -128, -100) + [[-128], [0], [-1]]
    unit = build(ROW)
    check(unit, rows, scale, resets=(1, 20, 30))
    masked = random_rows([1, 40, 7, 40])
    check(unit, masked, scale, masks=MASKED)


@pytest.mark.parametrize("scale", SCALES[:1])
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
    assert (unit.row_cycles(9), unit.LATENCY) == ((5, 16) if rule is ELEMENT else (11, 38))


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
>>>>>>> main


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
<<<<<<< HEAD
        ({"rule": "ivit"}, TypeError, "ShiftGelu rule must be a ShiftGeluRule, not 'ivit'"),
        ({"lanes": 0}, ValueError, "ShiftGelu lanes must be an integer of at least 1, not 0"),
        ({"max_length": None}, ValueError, "ShiftGelu max_length must be an integer of at least 1, not None"),
        (
            {"rule": ELEMENT, "max_length": 8},
            ValueError,
            "ShiftGelu max_length must be None where the maximum is element, not 8",
        ),
        ({"input_bits": True}, ValueError, "ShiftGelu input_bits must be an integer of at least 2, not True"),
        ({"x0_bits": 9}, ValueError, "ShiftGelu x0_bits must be from 1 to 8, not 9"),
        ({"bits_per_stage": 31}, ValueError, "ShiftGelu bits_per_stage must be from 1 to 30, not 31"),
        (
            {"rule": ELEMENT, "max_length": None, "bits_per_stage": 9},
            ValueError,
            "ShiftGelu bits_per_stage must be from 1 to 8, not 9",
        ),
=======
        ({"rule": "row"}, TypeError, "ShiftGelu rule must be a ShiftGeluRule, not 'row'"),
        ({"max_length": None}, ValueError, "max_length must be given with the maximum of the row only, not None"),
        ({"rule": ELEMENT}, ValueError, "max_length must be given with the maximum of the row only, not 8"),
        ({"lanes": 0}, ValueError, "ShiftGelu lanes must be an integer of at least 1, not 0"),
        ({"max_length": 0}, ValueError, "ShiftGelu max_length must be an integer of at least 1, not 0"),
        ({"input_bits": 1}, ValueError, "ShiftGelu input_bits must be an integer of at least 2, not 1"),
        ({"x0_bits": 9}, ValueError, "ShiftGelu x0_bits must be from 1 to 8, not 9"),
>>>>>>> main
    ],
)
def test_init_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
<<<<<<< HEAD
        ShiftGelu(**{"rule": ROW, "lanes": 4, "max_length": 64, **arguments})
=======
        ShiftGelu(**{"rule": ROW, "lanes": 1, "max_length": 8, **arguments})
>>>>>>> main
