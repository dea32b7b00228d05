"""LayerNorm and RMSNorm with an exact root as hardware, against golden."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.sim import Simulator

from bitmill.golden.nonlinear import NormConstants, root_norm
from bitmill.hdl.nonlinear.root_norm import RootNorm
from bitmill.nonlinear import NormWidths, RootNormRule

from .row_traffic import beats, exchange

SEED = 52
LAYER, RMS = RootNormRule(), RootNormRule(centred=False)
FINE = RootNormRule(
    ties="even", root_fraction_bits=14, factor_guard_bits=15, normalized_fraction_bits=13, multiplier_bits=24, shift_bits=2
)  # fmt: skip
ROUGH = RootNormRule(
    ties="even", root_fraction_bits=2, epsilon_fraction_bits=0, factor_guard_bits=1, normalized_fraction_bits=1,
    multiplier_bits=3, shift_bits=0,
)  # fmt: skip


def constants_of(widths, rng, *, epsilon=0):
    """Channels of every kind: gamma 0, at both ends, of either sign, and biases that saturate."""
    channels, top, top_bias = widths.max_length, 1 << (widths.rule.multiplier_bits - 1), 1 << (widths.bias_bits - 1)
    multiplier = rng.integers(-top, top, channels)
    multiplier[rng.random(channels) < 0.1] = 0
    multiplier[rng.random(channels) < 0.05] = -top
    bias = (rng.integers(-top_bias, top_bias, channels) * rng.choice([0.001, 0.05, 1], channels)).astype(np.int64)
    shift = int(rng.integers(widths.least_shift, widths.greatest_shift + 1))
    return NormConstants(widths=widths, multiplier=multiplier, bias=bias, shift=shift, epsilon=epsilon)


def set_constants(unit, constants):
    async def before(ctx):
        ctx.set(unit.constants.epsilon, constants.epsilon)
        ctx.set(unit.constants.shift, constants.shift - constants.widths.least_shift)
        for channel, (multiplier, bias) in enumerate(zip(constants.multiplier, constants.bias, strict=True)):
            written = {"multiplier": int(multiplier), "bias": int(bias)}
            ctx.set(unit.channels.enable, 1 << channel % unit.lanes)
            ctx.set(unit.channels.beat, channel // unit.lanes)
            ctx.set(unit.channels.constants, written)
            await ctx.tick()
        ctx.set(unit.channels.enable, 0)

    return before


def golden(constants, row):
    row = np.asarray(row)
    part = replace(constants, multiplier=constants.multiplier[: row.size], bias=constants.bias[: row.size])
    return root_norm(part, row).tolist()


def rows_of(widths, rng):
    """Random rows, and those that have gone wrong elsewhere."""
    least, greatest, longest = -(1 << (widths.input_bits - 1)), (1 << (widths.input_bits - 1)) - 1, widths.max_length
    lengths = [longest, 1, 2, longest - 1, *rng.integers(1, longest + 1, 5).tolist(), 3]
    rows = [
        np.clip(np.rint(rng.standard_t(3, n) * greatest / 10 ** rng.uniform(0, 2)), least, greatest) for n in lengths
    ]
    rows += [np.full(longest, value) for value in (least, greatest, 0)]
    rows += [np.where(np.arange(longest) % 2, least, greatest), np.full(longest, greatest) - (np.arange(longest) == 3)]
    rows += [np.array([least]), np.array([least, greatest]), np.arange(longest) == 0, np.array([1, 1, 1])]
    return [row.astype(np.int64) for row in rows]


def elements_of(payload):
    return [list(payload.elements), int(payload.keep), int(payload.last)]


def as_rows(results, lanes):
    """Elements that were kept, row by row; the others must be 0."""
    rows, row = [], []
    for elements, keep, last in results:
        row += [x for lane, x in enumerate(elements) if keep >> lane & 1]
        assert not any(x for lane, x in enumerate(elements) if not keep >> lane & 1)
        if last:
            rows, row = [*rows, row], []
    assert not row
    return rows


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize(
    ("rule", "lanes", "bits", "out", "longest"),
    [
        (LAYER, 4, 8, 8, 24), (LAYER, 1, 8, 8, 7), (RMS, 3, 8, 8, 12), (LAYER, 2, 16, 8, 10), (FINE, 4, 16, 16, 16),
        (ROUGH, 2, 2, 2, 4), (replace(FINE, centred=False), 5, 16, 12, 25), (LAYER, 16, 8, 8, 64),
    ],
)  # fmt: skip
def test_rows_are_golden(rule, lanes, bits, out, longest, stalls):
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=rule, input_bits=bits, output_bits=out, max_length=longest)
    for epsilon in (0, int(rng.integers(1 << widths.epsilon_bits)) >> int(rng.integers(widths.epsilon_bits))):
        constants = constants_of(widths, rng, epsilon=epsilon)
        rows = rows_of(widths, rng)
        inputs = list(beats(rows, lanes, junk=-1))
        unit = RootNorm(widths=widths, lanes=lanes)
        results, _, _ = exchange(
            unit, inputs, len(inputs), stalls=stalls, seed=SEED, look=elements_of, before=set_constants(unit, constants)
        )  # fmt: skip
        assert as_rows(results, lanes) == [golden(constants, row) for row in rows]


@pytest.mark.parametrize(
    ("rule", "lanes", "bits", "longest"), [(LAYER, 4, 8, 32), (LAYER, 1, 8, 6), (RMS, 2, 16, 12), (FINE, 16, 8, 32)]
)
def test_rows_take_what_is_promised(rule, lanes, bits, longest):
    """Two cycles a beat and a gap that no row's length or content changes, the row behind at once."""
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=rule, input_bits=bits, output_bits=8, max_length=longest)
    unit = RootNorm(widths=widths, lanes=lanes)
    rows = [
        row[: max(1, longest // part)] for part, row in zip((1, 3, 1, 2, 9, 1, 1), rows_of(widths, rng), strict=False)
    ]
    rows += [np.zeros(longest, dtype=int), np.ones(1, dtype=int), rows[0]]
    inputs = list(beats(rows, lanes))
    constants = constants_of(widths, rng)
    results, taken, given = exchange(
        unit, inputs, len(inputs), look=elements_of, before=set_constants(unit, constants)
    )  # fmt: skip
    assert as_rows(results, lanes) == [golden(constants, row) for row in rows]
    start, position = taken[0], 0
    for row in rows:
        count = -(-len(row) // lanes)
        mine = slice(position, position + count)
        position += count
        assert taken[mine] == list(range(start, start + count))
        first = start + count - 1 + unit.LATENCY
        assert given[mine] == list(range(first, first + count))
        start += 2 * count + unit.GAP - 1


def test_a_row_that_is_too_long_is_cut_and_reported():
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    unit = RootNorm(widths=widths, lanes=2)
    constants = constants_of(widths, rng)
    rows = [rng.integers(-128, 128, n) for n in (8, 13, 5)]
    errors = []

    def look(payload):
        return elements_of(payload)

    results, _, _ = exchange(
        unit, list(beats(rows, 2)), 4 + 4 + 3, look=look, before=set_constants(unit, constants), stalls=0.2, seed=SEED
    )  # fmt: skip
    assert as_rows(results, 2) == [golden(constants, row[:8]) for row in rows]
    assert not errors


def test_what_is_masked_takes_no_part_wherever_it_stands():
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=16)
    unit = RootNorm(widths=widths, lanes=4)
    constants = constants_of(widths, rng, epsilon=77)
    rows = [rng.integers(-128, 128, n) for n in (16, 9, 4, 12, 1)]
    masks = [rng.random(row.size) < 0.6 for row in rows]
    masks[2][:] = False
    inputs = list(beats(rows, 4, masks, junk=93))
    results, _, _ = exchange(unit, inputs, len(inputs), look=elements_of, before=set_constants(unit, constants))
    wanted = []
    for row, mask in zip(rows, masks, strict=True):
        channels = np.flatnonzero(mask)
        part = replace(constants, multiplier=constants.multiplier[channels], bias=constants.bias[channels])
        wanted.append(root_norm(part, row[mask]).tolist() if mask.any() else [])
    assert as_rows(results, 4) == wanted


@pytest.mark.parametrize("moment", [1, 3, 20, 80, 88, 90, 91, 95])
def test_reset_in_the_middle_of_a_row(moment):
    """In each of the passes and between them; the row after it is whole."""
    rng = np.random.default_rng(SEED)
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    unit = RootNorm(widths=widths, lanes=2)
    constants = constants_of(widths, rng)
    first, second = (list(beats([rng.integers(-128, 128, n)], 2)) for n in (8, 6))
    found = []

    async def bench(ctx):
        await set_constants(unit, constants)(ctx)
        ctx.set(unit.o.ready, 1)
        for beat in (first * 9)[:moment]:
            ctx.set(unit.i.payload, beat)
            ctx.set(unit.i.valid, 1)
            await ctx.tick()
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert not ctx.get(unit.o.valid)
        ctx.set(unit.i.valid, 1)
        for beat in second:
            ctx.set(unit.i.payload, beat)
            await ctx.tick().until(unit.i.ready)
        ctx.set(unit.i.valid, 0)
        for _ in second:
            (payload,) = await ctx.tick().sample(unit.o.payload).until(unit.o.valid)
            found.append(elements_of(payload))

    resettable, reset = with_reset(unit)
    simulator = Simulator(resettable)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    row = [x for beat in second for x in beat["elements"]]
    assert as_rows(found, 2) == [golden(constants, row)]


def with_reset(unit):
    """A module around the unit whose reset is a signal."""
    m, reset = Module(), Signal()
    m.submodules.unit = ResetInserter(reset)(unit)
    return m, reset


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"widths": "x"}, TypeError, "RootNorm widths must be a NormWidths, not 'x'"),
        ({"lanes": 0}, ValueError, "RootNorm lanes must be an integer of at least 1, not 0"),
        ({"lanes": True}, ValueError, "RootNorm lanes must be an integer of at least 1, not True"),
        ({"lanes": 3}, ValueError, "RootNorm lanes must divide max_length 8, not 3"),
    ],
)
def test_init_errors(arguments, error, message):
    widths = NormWidths(rule=LAYER, input_bits=8, output_bits=8, max_length=8)
    with pytest.raises(error, match=message):
        RootNorm(**{"widths": widths, "lanes": 2} | arguments)
