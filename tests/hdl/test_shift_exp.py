"""ExpTerms in hardware: every difference of int8 for every scale constant, against the golden model, in RTL and netlist."""

import numpy as np
import pytest
from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from bitmill.golden.nonlinear import shift_exp
from bitmill.hdl.emit.verilog import emit_component
from bitmill.hdl.rows.shift_exp import ShiftExp
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.netlist import netlist
from bitmill.sim.pattern import Pattern
from bitmill.sim.rows import PayloadRows
from bitmill.sim.runner import simulate

SEED = 53
BITS = 9


class Streamed(wiring.Component):
    """A unit between streams. Its scale constant comes with each difference and goes along with it."""

    def __init__(self, **arguments):
        self.unit = ShiftExp(difference_bits=BITS, **arguments)
        self.operands = data.StructLayout({"difference": signed(BITS), "x0": self.unit.terms.x0_bits})
        super().__init__({
            "i": In(stream.Signature(self.operands)),
            "o": Out(stream.Signature(self.unit.result_bits)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        waits = Signal(unit.LATENCY)
        x0 = Signal(unit.terms.x0_bits)
        m.d.comb += [
            unit.enable.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(unit.enable & (~waits.any() | (x0 == self.i.payload.x0))),
            unit.difference.eq(self.i.payload.difference),
            unit.x0.eq(x0),
            self.o.valid.eq(waits[-1]),
            self.o.payload.eq(unit.result),
        ]
        with m.If(unit.enable):
            m.d.sync += waits.eq(waits << 1 | (self.i.valid & self.i.ready))
            with m.If(self.i.valid & self.i.ready):
                m.d.sync += x0.eq(self.i.payload.x0)
        return m


def job_of(streamed, x0s, differences, *patterns):
    """All differences under each constant, one constant after the other."""
    unit = streamed.unit
    inputs, outputs = [], []
    for x0 in x0s:
        inputs.append((differences & ((1 << BITS) - 1)) | (x0 << BITS))
        outputs.append(shift_exp(differences, -x0, fraction_bits=unit.terms.fraction_bits))
    widths = len(streamed.i.payload.as_value()), unit.result_bits
    given, expected = (
        PayloadRows.of(np.concatenate(part).tolist(), width)
        for part, width in zip((inputs, outputs), widths, strict=True)
    )
    return Job(widths[0], widths[1], (Phase("every difference", given, expected, *patterns),))


def check(job, text):
    simulation = CompiledSimulation(text, "streamed", input_bits=job.input_bits, output_bits=job.output_bits)
    assert simulation.run(job).failure is None


FALLING = np.arange(-256, 1)
BOTH = np.arange(-256, 256)
VARIANTS = [(15, 9, False), (23, 8, False), (23, 8, True), (14, 9, True), (20, 11, False)]
OTHERS = [(16, 9, False), (15, 9, True), (1, 12, True), (30, 1, True)]


@pytest.mark.parametrize(
    ("n", "x0_bits", "rises"), [*VARIANTS, *(pytest.param(*one, marks=pytest.mark.long) for one in OTHERS)]
)
def test_every_difference_of_int8_under_every_constant(n, x0_bits, rises):
    streamed = Streamed(fraction_bits=n, x0_bits=x0_bits, rises=rises)
    differences = BOTH if rises else FALLING
    check(job_of(streamed, range(1, 1 << x0_bits), differences), emit_component(streamed, top="streamed"))


X0_OF_NETLISTS = [1, 2, 3, 7, 16, 23, 37, 64, 100, 127, 128, 200, 255]


@pytest.mark.parametrize(("n", "x0_bits", "rises"), VARIANTS[:3])
def test_netlists_of_every_difference(n, x0_bits, rises):
    streamed = Streamed(fraction_bits=n, x0_bits=x0_bits, rises=rises)
    stalls = Pattern("random", 0.3, seed=SEED), Pattern("random", 0.3, seed=SEED + 1)
    gates = netlist(emit_component(streamed, top="streamed"), "streamed", "generic")
    check(job_of(streamed, X0_OF_NETLISTS, BOTH if rises else FALLING, *stalls), gates)


@pytest.mark.parametrize("rises", [False, True])
def test_icarus_sees_no_unknowns(rises):
    streamed = Streamed(fraction_bits=23, x0_bits=8, rises=rises)
    stalls = Pattern("random", 0.3, seed=SEED), Pattern("random", 0.3, seed=SEED + 1)
    job = job_of(streamed, [1, 19, 255], BOTH if rises else FALLING, *stalls)
    assert simulate(emit_component(streamed, top="streamed"), "streamed", job).phases[0].mismatches == 0


def test_a_constant_of_zero_waits_for_nothing():
    streamed = Streamed(fraction_bits=15, x0_bits=9)
    zeros = [0] * len(FALLING)
    inputs = (FALLING & ((1 << BITS) - 1)).tolist()
    text = emit_component(streamed, top="streamed")
    check(Job(BITS + 9, streamed.unit.result_bits, (Phase("zero", inputs, zeros),)), text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fraction_bits": 0}, "ExpTerms fraction_bits must be from 1 to 30, not 0"),
        ({"fraction_bits": True}, "ExpTerms fraction_bits must be from 1 to 30, not True"),
        ({"difference_bits": 1}, "ExpTerms difference_bits must be an integer of at least 2, not 1"),
        ({"x0_bits": 17}, "ExpTerms x0_bits must be from 1 to 16, not 17"),
        ({"x0_bits": 0}, "ExpTerms x0_bits must be from 1 to 16, not 0"),
    ],
)
def test_init_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ShiftExp(**{"fraction_bits": 15, "difference_bits": 9, "x0_bits": 9, **arguments})
