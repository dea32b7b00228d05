"""GELU units on streams, with the constant of each beat beside it, so that one unit meets them all."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


class Streamed(wiring.Component):
    """``unit`` with its scale constant in the stream: it is kept until nothing that came with it is inside."""

    def __init__(self, unit):
        self.unit = unit
        beat = unit.i.payload.shape()
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({"beat": beat, "x0": unit.x0_bits}))),
            "o": Out(stream.Signature(unit.o.payload.shape())),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        inside, x0, fits = Signal(16), Signal(unit.x0_bits), Signal()
        m.d.comb += [
            fits.eq((inside == 0) | (x0 == self.i.payload.x0)),
            unit.i.valid.eq(self.i.valid & fits),
            self.i.ready.eq(unit.i.ready & fits),
            unit.i.payload.eq(self.i.payload.beat),
            # Where nothing is inside, the first beat brings its own.
            unit.constants.x0.eq(x0),
        ]
        wiring.connect(m, wiring.flipped(self.o), unit.o)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += x0.eq(self.i.payload.x0)
        m.d.sync += inside.eq(inside + (self.i.valid & self.i.ready) - (self.o.valid & self.o.ready))
        return m
