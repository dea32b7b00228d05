"""The FP16 PE that bit-serial ones are measured against: equal to its golden model, which is near exact sums."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill import BitmillError, formats
from bitmill.golden import encode
from bitmill.golden.bit_serial.baseline import float_pe_sum
from bitmill.hdl.float_pe import FloatPE

SEED = 95


def operands(fmt, count, length, spread):
    rng = np.random.default_rng(SEED)
    numbers = rng.normal(size=(2, count, length)) * 2.0 ** rng.uniform(-spread, 0, (2, count, length))
    numbers[rng.random(numbers.shape) < 0.1] = 0
    return encode(fmt, numbers)


@pytest.mark.parametrize("spread", [0, 4, 12])
@pytest.mark.parametrize(("fmt", "bits"), [("FP16", 32), ("FP16", 30), ("BF16", 30)])
def test_golden_is_near_the_exact_sum(fmt, bits, spread):
    weights, activations = operands(fmt, 12, 40, spread)
    total, exponent = float_pe_sum(fmt, weights, activations, bits=bits, headroom=7)
    row = formats.get(fmt)
    guard = bits - 8 - 2 * row.significand_bits
    for index in range(len(weights)):
        pairs = zip(weights[index], activations[index], strict=True)
        exact = sum(row.decode(int(w)).value * row.decode(int(a)).value for w, a in pairs)
        unit = Fraction(2) ** int(exponent[index] + 2 * (row.min_exponent - 1) - guard)
        # Half a unit for every product and, halving each time, for every move of the sum.
        assert abs(int(total[index]) * unit - exact) <= (Fraction(40, 2) + 1) * unit
        assert spread or abs(int(total[index]) * unit - exact) < abs(exact) * Fraction(1, 500) + 40 * unit


@pytest.mark.parametrize(("fmt", "bits"), [("FP16", 32), ("FP16", 30), ("BF16", 30)])
def test_hardware_is_golden(fmt, bits):
    weights, activations = operands(fmt, 6, 20, 12)
    total, exponent = float_pe_sum(fmt, weights, activations, bits=bits, headroom=7)
    pe = FloatPE(fmt=fmt, bits=bits)

    async def bench(ctx):
        ctx.set(pe.enable, 1)
        for index in range(len(weights)):
            for step in range(20):
                ctx.set(pe.weight, int(weights[index, step]))
                ctx.set(pe.activation, int(activations[index, step]))
                ctx.set(pe.step, 0)
                await ctx.tick()
                ctx.set(pe.step, 1)
                ctx.set(pe.last, step == 19)
                ctx.set(pe.enable, 0)
                if step == 19:
                    assert (ctx.get(pe.total), ctx.get(pe.exponent)) == (total[index], exponent[index])
                await ctx.tick()
                ctx.set(pe.enable, 1)

    simulator = Simulator(pe)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_wrong_arguments():
    one = np.array([[0x3C00]])
    with pytest.raises(BitmillError, match="bits must be 30 to 63 for FP16, not 29"):
        float_pe_sum("FP16", one, one, bits=29, headroom=7)
    with pytest.raises(BitmillError, match="activations must be numbers, not NaN or infinite"):
        float_pe_sum("FP16", one, np.array([[0x7C00]]), bits=32, headroom=7)
    with pytest.raises(ValueError, match="FloatPE bits must be at least 30, not 29"):
        FloatPE(bits=29)
    with pytest.raises(ValueError, match="FloatPE fmt must be a float, not 'INT8'"):
        FloatPE(fmt="INT8")
