"""A unit whose constants are tied, so that it has nothing but its two streams, and jobs of what goes through them."""

from amaranth import Module
from amaranth.lib import wiring

from bitmill.hdl.emit.verilog import emit_component
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.netlist import netlist
from bitmill.sim.pattern import Pattern
from bitmill.sim.runner import simulate

TOP = "tied"


class Tied(wiring.Component):
    """``unit`` with ``constants`` given once and for all."""

    def __init__(self, unit, **constants):
        self.unit = unit
        self.constants = constants
        super().__init__({name: unit.signature.members[name] for name in ("i", "o")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        wiring.connect(m, unit.i, wiring.flipped(self.i))
        wiring.connect(m, wiring.flipped(self.o), unit.o)
        for name, value in self.constants.items():
            m.d.comb += unit.constants[name].eq(value)
        return m


def job_of(tied, inputs, outputs, *, seed=0, stalls=0.3, resets=()):
    """Payloads that must give others: back to back, then with stalls, and with resets in between."""

    def packed(port, values):
        layout = port.payload.shape()
        return [layout.const(value).as_value().value for value in values]

    taken, given = packed(tied.i, inputs), packed(tied.o, outputs)
    patterns = Pattern("random", stalls, seed=seed), Pattern("random", stalls, seed=seed + 1)
    phases = Phase("back to back", taken, given), Phase("stalls", taken, given, *patterns, resets=resets)
    return Job(tied.i.payload.shape().size, tied.o.payload.shape().size, phases)


def plays(tied, job, *, kind=None, text=None):
    """What compiled simulation finds wrong with a unit's RTL, or with its netlist of that ``kind``: None if nothing is."""
    text = text or emit_component(tied, top=TOP)
    text = text if kind is None else netlist(text, TOP, kind)
    simulation = CompiledSimulation(text, TOP, input_bits=job.input_bits, output_bits=job.output_bits)
    return simulation.run(job).failure


def plays_in_icarus(tied, job):
    """The same in Icarus, which sees unknowns; raises where something is wrong."""
    return simulate(emit_component(tied, top=TOP), TOP, job)
