"""Rows through a unit in Amaranth's simulator, with stalls on both sides."""

import numpy as np
from amaranth import Value
from amaranth.sim import Simulator


def beats(rows, lanes, masks=None, *, junk=0):
    """Beats of rows, as a row layout takes them; what is masked or past the end of a row holds ``junk``."""
    for number, row in enumerate(rows):
        mask = [True] * len(row) if masks is None else masks[number]
        for start in range(0, len(row), lanes):
            taken = [bool(one) for one in mask[start : start + lanes]]
            elements = [x if here else junk for x, here in zip(row[start : start + lanes], taken, strict=True)]
            missing = lanes - len(taken)
            yield {
                "elements": [int(x) for x in elements] + [junk] * missing,
                "keep": sum(here << lane for lane, here in enumerate(taken)),
                "last": int(start + lanes >= len(row)),
            }


def exchange(unit, inputs, count, *, stalls=0.0, seed=0, look=None, proceed=None, before=None):
    """Payloads that ``unit`` gives for ``inputs``, and the cycles of both sides' transfers.

    Parameters
    ----------
    unit
        Has streams ``i`` and ``o``.
    inputs
        Payloads as the layout's ``const`` takes them.
    count
        How many payloads to wait for.
    stalls
        Probability of a stall in each cycle, on each side.
    look
        What of an output payload to return; the whole as an integer if None.
    proceed
        A function of the payload that was taken in this cycle, or None, and the cycle: what ``unit.proceed`` shall be next.
    before
        A coroutine function of the simulation's context that sets the unit's other inputs.
    """
    rng = np.random.default_rng(seed)
    inputs = [one if isinstance(one, int) else unit.i.payload.shape().const(one).as_value().value for one in inputs]
    source = Value.cast(unit.i.payload)
    width = len(source)
    taken, given, results = [], [], []

    async def bench(ctx):
        if before is not None:
            await before(ctx)
        position, cycle, quiet, held = 0, 0, 0, None
        offered = False
        while len(results) < count:
            if not offered and position < len(inputs) and rng.random() >= stalls:
                offered = True
            ctx.set(unit.i.valid, offered)
            # What stands at the input without valid must not matter.
            noise = int.from_bytes(rng.bytes(width // 8 + 1), "little") % (1 << width)
            ctx.set(source, inputs[position] if offered else noise)
            ready = rng.random() >= stalls
            ctx.set(unit.o.ready, ready)
            _, _, accepted, valid, payload = await ctx.tick().sample(
                unit.i.ready, unit.o.valid, Value.cast(unit.o.payload)
            )
            assert held is None or (valid and payload == held), f"seed {seed}: an offer changed in cycle {cycle}"
            held = payload if valid and not ready else None
            if offered and accepted:
                taken.append(cycle)
                position, offered = position + 1, False
            arrived = None
            if valid and ready:
                given.append(cycle)
                arrived = payload if look is None else unit.o.payload.shape().from_bits(payload)
                results.append(payload if look is None else look(arrived))
            if proceed is not None:
                ctx.set(unit.proceed, proceed(arrived, cycle))
            quiet = 0 if arrived is not None or (offered and accepted) else quiet + 1
            assert quiet < 5000, f"seed {seed}: nothing moves after {len(results)} of {count} results"
            cycle += 1
        for _ in range(20):
            ctx.set(unit.i.valid, 0)
            ctx.set(unit.o.ready, 1)
            _, _, valid = await ctx.tick().sample(unit.o.valid)
            assert not valid or position < len(inputs), f"seed {seed}: more than {count} results"

    run(unit, bench)
    return results, taken, given


async def drive(ctx, unit, inputs, cycles, look):
    """What comes out in so many cycles without stalls, and whether ``unit.error``, where it has one, is high in the end."""
    got, left = [], list(inputs)
    ctx.set(unit.o.ready, 1)
    for _ in range(cycles):
        ctx.set(unit.i.valid, bool(left))
        if left:
            ctx.set(unit.i.payload, left[0])
        _, _, ready, valid, payload = await ctx.tick().sample(unit.i.ready, unit.o.valid, unit.o.payload)
        if left and ready:
            left.pop(0)
        if valid:
            got.append(look(payload))
    return got, hasattr(unit, "error") and bool(ctx.get(unit.error))


def run(unit, bench):
    """Play a coroutine function of the simulation's context."""
    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
