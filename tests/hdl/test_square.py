"""Squares and scaled sums, exhaustive, as LUTs see them and as operators."""

import pytest
from amaranth import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bitmill.hdl.norm.rounding import rounded, saturated
from bitmill.hdl.norm.scaled_sum import check_style, scaled_sum
from bitmill.hdl.norm.square import square


class Function(wiring.Component):
    """A combinational function of one operand."""

    def __init__(self, shape, result, function):
        self.function = function
        super().__init__({"operand": In(shape), "result": Out(result)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.result.eq(self.function(m, self.operand))
        return m


def results(shape, result, function):
    unit, found = Function(shape, result, function), {}
    least = -(1 << (shape.width - 1)) if shape.signed else 0

    async def bench(ctx):
        for value in range(least, least + (1 << shape.width)):
            ctx.set(unit.operand, value)
            found[value] = ctx.get(unit.result)

    simulator = Simulator(unit)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("is_signed", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 8, 9, 10])
def test_every_square(bits, is_signed):
    found = results(Shape(bits, is_signed), Shape(2 * bits), square)
    assert all(square == value * value for value, square in found.items())


@pytest.mark.parametrize("style", ["logic", "operator"])
@pytest.mark.parametrize("addend", [0, 5, -300])
def test_every_scaled_sum(style, addend):
    def function(m, operand):
        a, b = operand[:5], operand[5:].as_signed()
        return scaled_sum(m, a, b, addend, signed(12), style=style, name="total")

    for operand, total in results(Shape(9), signed(12), function).items():
        a, b = operand & 31, operand >> 5
        assert total == a * (b - 16 * (b >> 3)) + addend


def test_styles():
    with pytest.raises(ValueError, match="Unit multiplier must be 'logic' or 'operator', not 'dsp'"):
        check_style("Unit", "dsp")


def nearest(value, shift, ties):
    """The nearest integer to value / 2**shift, from its neighbours."""
    below = value // (1 << shift)
    rest = 2 * (value - below * (1 << shift)) - (1 << shift)
    return below + (rest > 0 or (rest == 0 and (ties == "up" or below % 2 != 0)))


@pytest.mark.parametrize("ties", ["even", "up"])
@pytest.mark.parametrize("least", [0, 1, 3])
@pytest.mark.parametrize("shift", range(4))
def test_every_rounding(ties, least, shift):
    def function(m, operand):
        moved = Signal(2, init=shift)
        m.d.comb += moved.eq(shift)
        return rounded(operand, moved, least=least, ties=ties)

    for value, found in results(signed(8), signed(10), function).items():
        assert found == nearest(value, least + shift, ties), value


@pytest.mark.parametrize("bits", [2, 5, 8, 9])
def test_every_saturation(bits):
    top = (1 << (bits - 1)) - 1
    found = results(signed(8), signed(10), lambda m, operand: saturated(m, operand, bits))
    assert all(result == min(max(value, -top - 1), top) for value, result in found.items())
