"""A GELU of lines that loads its own table."""

from amaranth import Array, Const, Module, Signal
from amaranth.lib import wiring

from bitmill.hdl.gelu.piecewise_gelu import line_layout


class Loaded(wiring.Component):
    """The unit behind a loader that writes a table after each reset, before it lets anything in."""

    def __init__(self, unit, table):
        self.unit = unit
        self.lines = list(zip(table.values.tolist(), table.slopes.tolist(), strict=True))
        super().__init__({name: unit.signature.members[name] for name in ("i", "o")})

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit = unit = self.unit
        layout = line_layout(unit.rule)
        lines = Array(
            Const(layout.const({"value": value, "slope": slope}).as_value().value, layout.size)
            for value, slope in self.lines
        )
        segment = Signal(range(len(self.lines) + 1))
        ready = Signal()
        wiring.connect(m, wiring.flipped(self.o), unit.o)
        m.d.comb += [
            ready.eq(segment == len(self.lines)),
            unit.line.valid.eq(~ready),
            unit.line.payload.segment.eq(segment),
            unit.line.payload.line.eq(lines[segment]),
            unit.i.valid.eq(self.i.valid & ready),
            unit.i.payload.eq(self.i.payload),
            self.i.ready.eq(unit.i.ready & ready),
        ]
        with m.If(~ready):
            m.d.sync += segment.eq(segment + 1)
        return m
