"""The integer reciprocal, and division of a constant in a pipeline: every border where the quotient changes."""

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from bitmill.hdl.emit.verilog import emit_component
from bitmill.hdl.rows.pipelined_divider import PipelinedDivider
from bitmill.hdl.softmax.reciprocal import Reciprocal
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.pattern import Pattern

from .row_traffic import exchange

SEED = 58
TOP = 2**31 - 1


class Streamed(wiring.Component):
    """A pipelined divider between streams."""

    def __init__(self, **arguments):
        self.unit = PipelinedDivider(**arguments)
        super().__init__({
            "i": In(stream.Signature(self.unit.divisor_bits)),
            "o": Out(stream.Signature(self.unit.quotient_bits)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        valids = Signal(unit.LATENCY)
        m.d.comb += [
            unit.enable.eq(~self.o.valid | self.o.ready),
            unit.divisor.eq(self.i.payload),
            self.i.ready.eq(unit.enable),
            self.o.valid.eq(valids[-1]),
            self.o.payload.eq(unit.quotient),
        ]
        with m.If(unit.enable):
            m.d.sync += valids.eq(valids << 1 | self.i.valid)
        return m


def check(unit, bits, divisors, dividend=TOP):
    """Against Python's own division."""
    quotients = [dividend // one if one else (1 << bits[1]) - 1 for one in divisors]
    stalls = Pattern("random", 0.3, seed=SEED), Pattern("random", 0.3, seed=SEED + 1)
    phases = (Phase("all", divisors, quotients), Phase("stalls", divisors[::7], quotients[::7], *stalls, resets=(1,)))
    simulation = CompiledSimulation(emit_component(unit, top="unit"), "unit", input_bits=bits[0], output_bits=bits[1])
    assert simulation.run(Job(bits[0], bits[1], phases)).failure is None


def borders(least=1):
    """The divisors on both sides of each change of the quotient, near enough: all small ones and those of small quotients."""
    rng = np.random.default_rng(SEED)
    found = {TOP // q + step for q in range(1, 3000) for step in (-1, 0, 1)} | set(range(1, 3000))
    found |= {(1 << k) + step for k in range(31) for step in (-1, 0, 1)}
    found |= {int(rng.integers(1, TOP + 1)) >> int(rng.integers(31)) for _ in range(3000)}
    return sorted(one for one in found if least <= one <= TOP)


def test_borders_of_the_reciprocal():
    check(Reciprocal(), (31, 31), [0, *borders()])


@pytest.mark.parametrize("bits", [8, 16])
def test_short_reciprocals_of_great_values(bits):
    check(Reciprocal(quotient_bits=bits), (31, bits), [0, *borders(1 << (31 - bits))])


def test_a_reciprocal_takes_its_latency():
    unit = Reciprocal(quotient_bits=16)
    values = [1 << 15, TOP, 0, 77777]
    got, taken, given = exchange(unit, values, len(values))
    assert got == [65535, 1, 65535, TOP // 77777]
    assert given == [cycle + unit.LATENCY for cycle in taken]
    assert unit.LATENCY == 17


def test_borders_of_the_pipelined_division():
    check(Streamed(dividend=TOP, divisor_bits=31, quotient_bits=30), (31, 30), [0, *borders(2)])
    check(Streamed(dividend=TOP, divisor_bits=31, quotient_bits=8), (31, 8), [0, *borders(1 << 23)])


@pytest.mark.parametrize(("dividend", "divisor_bits"), [(0, 4), (1, 1), (999, 7), (255, 8), (5, 9)])
def test_every_quotient_of_short_pipelined_divisions(dividend, divisor_bits):
    bits = max(1, dividend.bit_length())
    unit = Streamed(dividend=dividend, divisor_bits=divisor_bits, quotient_bits=bits)
    check(unit, (divisor_bits, bits), list(range(1 << divisor_bits)), dividend)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Reciprocal(quotient_bits=32), "Reciprocal quotient_bits must be from 1 to 31, not 32"),
        (
            lambda: PipelinedDivider(dividend=-1, divisor_bits=1, quotient_bits=1),
            "PipelinedDivider dividend must be an integer of at least 0, not -1",
        ),
        (
            lambda: PipelinedDivider(dividend=1, divisor_bits=0, quotient_bits=1),
            "PipelinedDivider divisor_bits must be an integer of at least 1, not 0",
        ),
    ],
)
def test_init_wrong_arguments(build, message):
    with pytest.raises(ValueError, match=message):
        build()
