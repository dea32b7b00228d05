"""Rows for normalizations, and what their hardware is asked for beside rows."""

import numpy as np
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator


def rows_of(bits, longest, rng):
    """Random rows, and those that have gone wrong elsewhere."""
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
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


def run_reset(unit, first, moment, second, *, before=None):
    """Offers ``first`` for ``moment`` cycles, resets, and returns what comes out for ``second`` alone."""
    reset, found = Signal(), []

    async def bench(ctx):
        if before is not None:
            await before(ctx)
        ctx.set(unit.o.ready, 1)
        ctx.set(unit.i.valid, 1)
        for beat in first[:moment]:
            ctx.set(unit.i.payload, beat)
            await ctx.tick()
        ctx.set(unit.i.valid, 0)
        for _ in range(moment - len(first)):
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

    simulator = Simulator(ResetInserter(reset)(unit))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def held_up(unit, inputs, *, before, seed):
    """What comes out where the next beat is always there, and the output stalls longer than a row takes to be digested."""
    rng, found = np.random.default_rng(seed), []

    async def offer(ctx):
        await before(ctx)
        ctx.set(unit.i.valid, 1)
        for beat in inputs:
            ctx.set(unit.i.payload, beat)
            await ctx.tick().until(unit.i.ready)
        ctx.set(unit.i.valid, 0)

    async def take(ctx):
        while len(found) < len(inputs):
            for _ in range(int(rng.choice([0, 0, 1, 25, 150]))):
                await ctx.tick()
            ctx.set(unit.o.ready, 1)
            (payload,) = await ctx.tick().sample(unit.o.payload).until(unit.o.valid)
            ctx.set(unit.o.ready, 0)
            found.append(elements_of(payload))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(offer)
    simulator.add_testbench(take)
    simulator.run()
    return found


def errors_of(unit):
    """``error`` after each of six beats without ``last``, to a unit of rows of four beats."""
    found = []

    async def bench(ctx):
        ctx.set(unit.i.valid, 1)
        for _ in range(6):
            ctx.set(unit.i.payload, {"elements": [1] * unit.lanes, "keep": -1, "last": 0})
            await ctx.tick()
            found.append(ctx.get(unit.error))

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def set_constants(unit, constants):
    """Writes a ``RootNorm``'s constants before anything else happens."""

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
