"""GELU, or any function of an int8, by straight lines from a table that is written at run time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from amaranth import Cat, Module, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import PiecewiseGeluRule
from ...config.nonlinear.softmax_rules import INPUT_BITS
from ..rows.layouts import row_layout
from ..rows.row_unit import Cycles, RowUnit
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.handshake import free
from ..wires.one_hot import one_hot

Table = Literal["registers", "memory"]
"""Where the lines stand."""


def line_layout(rule: PiecewiseGeluRule) -> data.StructLayout:
    """A segment's line: its value at the least input with a half added, and its slope."""
    return data.StructLayout({"value": signed(rule.value_bits), "slope": signed(rule.slope_bits)})


def written_layout(rule: PiecewiseGeluRule) -> data.StructLayout:
    """A line and the segment that it is for."""
    return data.StructLayout({"segment": range(rule.segments), "line": line_layout(rule)})


class PiecewiseGelu(RowUnit):
    """``golden.nonlinear.piecewise`` of each element.

    The pipeline moves as a whole whenever its output register is free or being taken.

    Throughput: ``lanes`` elements a cycle.

    Parameters
    ----------
    rule
        Segments and widths.
    lanes
        Elements of a beat, at least 1.
    table
        ``registers`` that all lanes share, or a ``memory`` for each lane, for FPGAs, which have small ones.

    Attributes
    ----------
    STAGES
        Cycles from the transfer of a beat to ``o.valid``, without stalls.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(8))))
    o : Out(stream.Signature(row_layout(lanes, signed(8))))
        An element that is not kept is 0.
    line : In(stream.Signature(written_layout(rule)))
        Writes the table, always ready; a beat that is taken meanwhile may see the old line or the new one.

    Raises
    ------
    TypeError
        If ``rule`` is not a ``PiecewiseGeluRule``.
    ValueError
        If ``lanes`` is not positive, or ``table`` is something else.
    """

    STAGES = 3

    def __init__(self, *, rule: PiecewiseGeluRule, lanes: int, table: Table = "registers") -> None:
        check_class(rule, PiecewiseGeluRule, "PiecewiseGelu", "rule")
        if lanes < 1:
            raise ValueError(f"PiecewiseGelu lanes must be at least 1, not {lanes!r}")
        if table not in get_args(Table):
            raise ValueError(f"PiecewiseGelu table must be one of {', '.join(get_args(Table))}, not {table!r}")
        self.rule = rule
        self.lanes = lanes
        self.table = table
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(INPUT_BITS)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(INPUT_BITS)))),
            "line": In(stream.Signature(written_layout(rule))),
        })  # fmt: skip

    @property
    def first_result(self) -> Cycles:
        return Cycles(0, self.STAGES)

    @property
    def row_period(self) -> Cycles:
        return Cycles(1, 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rule = self.rule
        m.d.comb += self.line.ready.eq(1)
        line_at = self._memories(m) if self.table == "memory" else self._registers(m)
        advance, valid = Signal(), Signal(2)
        beat = Signal(self.i.payload.shape(), reset_less=True)
        ends = Signal(data.StructLayout({"keep": self.lanes, "last": 1}), reset_less=True)
        m.d.comb += [advance.eq(free(self.o)), self.i.ready.eq(advance)]
        with m.If(advance):
            m.d.sync += [
                Cat(valid, self.o.valid).eq(Cat(self.i.valid, valid)),
                beat.eq(self.i.payload),
                ends.keep.eq(beat.keep),
                ends.last.eq(beat.last),
                self.o.payload.keep.eq(ends.keep),
                self.o.payload.last.eq(ends.last),
            ]
        for lane in range(self.lanes):
            # With the sign inverted an int8 counts from its least value.
            element = beat.elements[lane]
            code = Cat(element[: INPUT_BITS - 1], ~element[INPUT_BITS - 1])
            line = Signal(line_layout(rule), name=f"line{lane}", reset_less=True)
            rest = Signal(rule.segment_bits, name=f"rest{lane}", reset_less=True)
            with m.If(advance):
                m.d.sync += [line.eq(line_at(lane, code[rule.segment_bits :])), rest.eq(code[: rule.segment_bits])]
            result = self._result(m, line, rest, name=f"lane{lane}")
            # A register's synchronous reset clears what is not kept, at no cost on an FPGA.
            with m.If(advance & ~ends.keep[lane]):
                m.d.sync += self.o.payload.elements[lane].eq(0)
            with m.Elif(advance):
                m.d.sync += self.o.payload.elements[lane].eq(result)
        return m

    def _registers(self, m: Module) -> Callable[[int, Value], Value]:
        written = self.line.payload
        lines = [Signal(line_layout(self.rule), name=f"segment{s}", reset_less=True) for s in range(self.rule.segments)]
        for segment, line in enumerate(lines):
            with m.If(self.line.valid & (written.segment == segment)):
                m.d.sync += line.eq(written.line)

        def line_at(lane: int, segment: Value) -> Value:
            picks = [(segment == place, Value.cast(line)) for place, line in enumerate(lines)]
            return one_hot(m, picks, name=f"read{lane}")

        return line_at

    def _memories(self, m: Module) -> Callable[[int, Value], Value]:
        written = self.line.payload

        def line_at(lane: int, segment: Value) -> Value:
            table = Memory(shape=line_layout(self.rule), depth=self.rule.segments, init=[])
            m.submodules[f"table{lane}"] = table
            write, read = table.write_port(), table.read_port(domain="comb")
            m.d.comb += [
                write.en.eq(self.line.valid),
                write.addr.eq(written.segment),
                write.data.eq(written.line),
                read.addr.eq(segment),
            ]
            return Value.cast(read.data)

        return line_at

    def _result(self, m: Module, line: data.View[data.StructLayout], rest: Signal, *, name: str) -> Value:
        rule = self.rule
        slope = line.slope
        shape = signed(max(rule.slope_bits + rule.segment_bits, INPUT_BITS + rule.slope_fraction_bits) + 1)

        def joined(a: Value, b: Value, place: str) -> Value:
            width = min(max(len(a), len(b)) + 1, shape.width)
            return add(m, a, b, signed(width), name=f"{name}_part{place}")

        parts = [
            (slope.as_unsigned() & rest[bit].replicate(len(slope))).as_signed() << bit
            for bit in range(rule.segment_bits)
        ]
        rise = balanced(parts, joined)
        lifted = line.value << (rule.slope_fraction_bits - rule.value_fraction_bits)
        total = add(m, lifted, rise, shape, name=f"{name}_total")
        rounded = total[rule.slope_fraction_bits :].as_signed()
        sign, fits = rounded[-1], Signal(name=f"{name}_fits")
        above = rounded[INPUT_BITS - 1 :]
        m.d.comb += fits.eq((above == 0) | above.all())
        bound = Cat((~sign).replicate(INPUT_BITS - 1), sign)
        chosen = Signal(INPUT_BITS, name=f"{name}_output")
        with m.If(fits):
            m.d.comb += chosen.eq(rounded[:INPUT_BITS])
        with m.Else():
            m.d.comb += chosen.eq(bound)
        return chosen
