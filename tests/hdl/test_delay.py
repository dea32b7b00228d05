"""Registers behind one another: how long they wait, what holds them, what resets them."""

import pytest
from amaranth import Module, Signal
from amaranth.sim import Simulator

from bitmill.hdl.wires.delay import delayed, stages
from bitmill.hdl.wires.delay_line import DelayLine


def _played(m, enable, value, shown, values, enables):
    """What ``shown`` is before every edge."""
    found = []

    async def bench(ctx):
        for number, moves in zip(values, enables, strict=True):
            ctx.set(value, number)
            ctx.set(enable, moves)
            found.append(ctx.get(shown))
            await ctx.tick()

    simulator = Simulator(m)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_value_waits_as_many_enabled_cycles_as_there_are_registers(count):
    m, enable, value = Module(), Signal(), Signal(8)
    shown = delayed(m, enable, value, count, "late{}")
    enables = [1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 1]
    values = list(range(1, len(enables) + 1))
    # Something must be synchronous for the clock to be there.
    m.d.sync += Signal(name="other").eq(1)
    found = _played(m, enable, value, shown, values, enables)
    taken: list[int] = []
    for number, moves, seen in zip(values, enables, found, strict=True):
        if count == 0:
            assert seen == number
        elif len(taken) >= count:
            assert seen == taken[-count]
        taken += [number] * moves


def test_names_shapes_and_resets_are_what_was_asked_for():
    m, value = Module(), Signal(8)
    held = stages(m, 1, value, 3, "a{}_of_b", shape=4, init=5)
    assert [register.name for register in held] == ["a0_of_b", "a1_of_b", "a2_of_b"]
    assert [(len(register), register.init, register.reset_less) for register in held] == [(4, 5, False)] * 3
    (free,) = stages(m, 1, value, 1, "free")
    assert (len(free), free.reset_less) == (8, True)


def test_a_line_is_the_same_as_a_module():
    line = DelayLine(bits=8, stages=3)
    found = _played(line, line.enable, line.i, line.o, range(1, 8), [1] * 7)
    assert found[3:] == [1, 2, 3, 4]
