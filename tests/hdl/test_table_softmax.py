"""Our softmax in hardware: RTL, Verilog and netlist against the golden model; degenerate rows by name; the cycles promised."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from amaranth import ResetInserter, Signal

from bitmill.config.nonlinear import PROFILES
from bitmill.golden.nonlinear import table_softmax, table_softmax_slope
from bitmill.hdl.softmax.normalized_reciprocal import NormalizedReciprocal
from bitmill.hdl.softmax.power_table import PowerTable
from bitmill.hdl.softmax.table_softmax import TableSoftmax, TableSoftmaxPasses

from .row_traffic import beats, drive, exchange, run
from .tied import Tied, job_of, plays, plays_in_icarus

SEED = 71
RULE = PROFILES["accurate"].softmax
FINE = replace(RULE, fraction_bits=4, guard_bits=2, table_bits=7, reciprocal_bits=9, entry_bits=11)


def build(rule=RULE, *, lanes=4, max_length=64, slope=None):
    return TableSoftmax(rule=rule, lanes=lanes, max_length=max_length, slope=slope)


def expected(rule, rows, masks, scale):
    masks = [None] * len(rows) if masks is None else masks
    return [
        table_softmax(rule, np.array(row), scale=scale, mask=mask).tolist()
        for row, mask in zip(rows, masks, strict=True)
    ]


def softmax(unit, rows, *, scale, masks=None, stalls=0.0):
    inputs = list(beats(rows, unit.lanes, masks, junk=127))

    async def constants(ctx):
        if "constants" in unit.signature.members:
            ctx.set(unit.constants.slope, table_softmax_slope(unit.rule, scale=scale))

    def look(payload):
        return [payload.elements[lane] for lane in range(unit.lanes)], payload.keep, payload.last

    got, taken, given = exchange(unit, inputs, len(inputs), stalls=stalls, seed=SEED, look=look, before=constants)
    assert [(keep, last) for _, keep, last in got] == [(one["keep"], one["last"]) for one in inputs]
    flat, out = iter([element for elements, _, _ in got for element in elements]), []
    for row in rows:
        padded = [next(flat) for _ in range(-(-len(row) // unit.lanes) * unit.lanes)]
        assert not any(padded[len(row) :]), "what is past the end is 0"
        out.append(padded[: len(row)])
    return out, taken, given


def random_rows(lengths, seed=SEED):
    rng = np.random.default_rng(seed)
    rows = [np.clip(np.rint(rng.standard_t(3, length) * 16), -128, 127).astype(int).tolist() for length in lengths]
    masks = [rng.random(length) < rng.choice([0.0, 0.5, 1.0, 1.0]) for length in lengths]
    return rows, masks


LENGTHS = [1, 13, 4, 30, 2, 5]


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(("rule", "lanes", "scale"), [(RULE, 4, 0.53), (FINE, 3, 0.045), (RULE, 2, 1 / 16)])
def test_rows_are_golden(rule, lanes, scale, stalls):
    rows, masks = random_rows(LENGTHS)
    got, _, _ = softmax(build(rule, lanes=lanes), rows, scale=scale, masks=masks, stalls=stalls)
    assert got == expected(rule, rows, masks, scale)


@pytest.mark.parametrize("scale", [1 / 16, np.log(2) / 32])
def test_a_fixed_slope_computes_the_same(scale):
    rows, masks = random_rows(LENGTHS)
    slope = table_softmax_slope(RULE, scale=float(scale))
    got, _, _ = softmax(build(slope=slope), rows, scale=float(scale), masks=masks)
    assert got == expected(RULE, rows, masks, float(scale))


DEGENERATE = {
    "all equal": [5] * 64,
    "a row of one": [-128],
    "a row of one at the top": [127],
    "two that are equal": [9, 9],
    "all negative": [-100, -90, -128, -90],
    "all as small as can be": [-128] * 17,
    "both ends": [127, -128, 127, -128],
    "an element whose entry rounds up to 2": [59, 27],
    "one among many small ones": [127] + [30] * 63,
}


def test_degenerate_rows_in_a_sequence():
    for scale in (1 / 16, 0.3):
        got, _, _ = softmax(build(), list(DEGENERATE.values()), scale=scale)
        for name, row, want in zip(DEGENERATE, got, expected(RULE, DEGENERATE.values(), None, scale), strict=True):
            assert row == want, name
    assert got[0] == [4] * 64
    assert got[1] == got[2] == [255]
    assert got[3] == [128, 128]


def test_a_row_that_is_masked_altogether_gives_zeros_and_the_next_one_is_right():
    rows, masks = [[3, 4, 5, 6, 7], [1, 2, 3]], [np.zeros(5, dtype=bool), np.ones(3, dtype=bool)]
    got, _, _ = softmax(build(), rows, scale=1 / 16, masks=masks)
    assert got == [[0] * 5, expected(RULE, rows[1:], None, 1 / 16)[0]]


def test_the_order_of_elements_does_not_matter():
    row = random_rows([48])[0][0]
    shuffled = np.random.default_rng(SEED).permutation(48)
    got, _, _ = softmax(build(), [row, [row[place] for place in shuffled]], scale=0.1)
    assert got[1] == [got[0][place] for place in shuffled]


@pytest.mark.parametrize(("lanes", "max_length", "rule"), [(4, 64, RULE), (3, 40, RULE), (2, 16, FINE)])
def test_rows_take_the_cycles_that_are_promised(lanes, max_length, rule):
    lengths = [max_length, 1, 7, max_length, 5, 16]
    unit = build(rule, lanes=lanes, max_length=max_length)
    _, taken, given = softmax(unit, random_rows(lengths)[0], scale=1 / 16)
    ends = np.cumsum([-(-length // lanes) for length in lengths]) - 1
    counts = [-(-length // lanes) for length in lengths]
    assert np.diff([given[end] for end in ends]).tolist() == [3 * beats + unit.OVERHEAD for beats in counts[1:]]
    first_result = given[ends[0] - counts[0] + 1]
    replayed = unit.replay.LATENCY + unit.passes.LATENCY
    assert first_result - taken[0] == unit.OVERHEAD + 2 * counts[0] + replayed == unit.first_result.of(counts[0])


def test_reset_in_mid_row_leaves_nothing():
    unit = build()
    reset = Signal()
    rows, _ = random_rows([30, 11])
    first, second = list(beats(rows[:1], 4)), list(beats(rows[1:], 4))
    inserted = ResetInserter(reset)(unit)
    inserted.i, inserted.o, inserted.error = unit.i, unit.o, unit.error
    for cut in (3, 8, 20, 40, 60):
        seen = []

        async def bench(ctx, cut=cut, seen=seen):
            ctx.set(unit.constants.slope, table_softmax_slope(RULE, scale=1 / 16))
            await drive(ctx, unit, first, cut, lambda payload: None)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            got, error = await drive(ctx, unit, second, 120, lambda payload: list(payload.elements))
            seen.append(([element for beat in got for element in beat], error))

        run(inserted, bench)
        out, error = seen[0]
        assert out[:11] == expected(RULE, rows[1:], None, 1 / 16)[0], cut
        assert len(out) == 12
        assert not error


def test_a_row_that_is_too_long_is_cut_and_reported():
    unit = build(max_length=8)
    rows, _ = random_rows([20, 5])
    seen = []

    async def bench(ctx):
        ctx.set(unit.constants.slope, table_softmax_slope(RULE, scale=1 / 16))
        seen.append(await drive(ctx, unit, list(beats(rows, 4)), 250, lambda payload: list(payload.elements)))

    run(unit, bench)
    got, error = seen[0]
    flat = [element for beat in got for element in beat]
    assert error
    assert flat[:8] == expected(RULE, [rows[0][:8]], None, 1 / 16)[0]
    assert flat[8:13] == expected(RULE, rows[1:], None, 1 / 16)[0]


def everything(rule, *, lanes, lengths, scale, max_length):
    unit = build(rule, lanes=lanes, max_length=max_length)
    rows, masks = random_rows(lengths)
    inputs = list(beats(rows, lanes, masks, junk=-128))
    outputs = [
        {**given, "elements": row["elements"]}
        for given, row in zip(inputs, beats(expected(rule, rows, masks, scale), lanes), strict=True)
    ]
    tied = Tied(unit, slope=table_softmax_slope(rule, scale=scale))
    return tied, job_of(tied, inputs, outputs, seed=SEED, resets=(1, 7, 12))


@pytest.mark.parametrize("kind", [None, "generic"])
@pytest.mark.parametrize(("lanes", "scale"), [(3, 0.045), pytest.param(16, 0.4, marks=pytest.mark.long)])
def test_long_rows_in_verilog_and_netlist(lanes, scale, kind):
    lengths = [384, 1, 64, 197, 2, 16, 17, 384, 15, 33]
    tied, job = everything(RULE, lanes=lanes, lengths=lengths, scale=scale, max_length=384)
    assert plays(tied, job, kind=kind) is None


def test_icarus_sees_no_unknowns():
    plays_in_icarus(*everything(RULE, lanes=3, lengths=[20, 1, 7, 12], scale=1 / 16, max_length=24))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rule": PROFILES["ivit"].softmax}, "rule must be a TableSoftmaxRule, not "),
        ({"lanes": 0}, "lanes must be at least 1, not 0"),
        ({"max_length": 0}, "max_length must be at least 1, not 0"),
        ({"slope": 0}, "slope must be from 1 to 8191, or None, not 0"),
        ({"slope": 8192}, "slope must be from 1 to 8191, or None, not 8192"),
    ],
)
@pytest.mark.parametrize("unit", [TableSoftmax, TableSoftmaxPasses])
def test_init_wrong(unit, wrong, message):
    with pytest.raises((TypeError, ValueError), match=message):
        unit(**({"rule": RULE, "lanes": 4, "max_length": 16} | wrong))


def test_init_wrong_parts():
    with pytest.raises(TypeError, match="rule must be a TableSoftmaxRule, not 3"):
        PowerTable(rule=cast(Any, 3))
    for name in ("fraction_bits", "reciprocal_bits"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
            NormalizedReciprocal(**({"fraction_bits": 4, "most_zeros": 2, "reciprocal_bits": 4} | {name: 0}))
    with pytest.raises(ValueError, match="most_zeros must be at least 0, not -1"):
        NormalizedReciprocal(fraction_bits=4, most_zeros=-1, reciprocal_bits=4)


def test_the_reciprocal_of_every_sum():
    unit = NormalizedReciprocal(fraction_bits=4, most_zeros=3, reciprocal_bits=5)
    found = {}

    async def bench(ctx):
        for total in range(1 << 4, (1 << 7) + 1):
            ctx.set(unit.sum, total)
            ctx.set(unit.start, 1)
            await ctx.tick()
            ctx.set(unit.start, 0)
            zeros = cycles = 0
            done = False
            while not done:
                _, _, zero, done = await ctx.tick().sample(unit.zero, unit.done)
                zeros, cycles = zeros + zero, cycles + 1
            assert cycles == unit.LATENCY
            found[total] = zeros, ctx.get(unit.reciprocal)

    run(unit, bench)
    for total, (zeros, reciprocal) in found.items():
        assert reciprocal == (1 << (4 + zeros + 5)) // total
        assert 32 <= reciprocal <= 63
