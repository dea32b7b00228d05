"""Softmax by a short table of powers of two: three passes over a row."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from ...nonlinear import TableSoftmaxRule
from ...nonlinear.softmax_rules import INPUT_BITS
from ..adders import add
from ..balanced import balanced
from . import table_lane
from .layouts import pass_layout, row_layout
from .normalized_reciprocal import NormalizedReciprocal
from .power_table import PowerTable

MAXIMUM, SUM, OUTPUT = range(3)
"""What each pass over a row is for."""
LEAST = -(1 << (INPUT_BITS - 1))


class TableSoftmaxPasses(wiring.Component):
    """``golden.nonlinear.table_softmax`` of a row that comes three times: for its maximum, for its sum, for its outputs.

    Every pass takes ``lanes`` elements a cycle. All lanes share the slope's triple, the table of powers, the reciprocal
    and one small multiplier; a lane has no multiplier. The pipeline moves as a whole whenever its output register is free
    or being taken.

    Parameters
    ----------
    rule
        Widths.
    lanes
        Elements of a beat, at least 1.
    max_length
        The longest row, in elements.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a beat of the last pass to ``o.valid``, without stalls.
    AFTER_MAXIMUM, AFTER_SUM
        Cycles from the transfer of a pass's last beat to ``proceed``, without stalls.

    Members
    -------
    i : In(stream.Signature(pass_layout(lanes, signed(8), 3)))
        The same row three times; after the last beat of the first and of the second pass none until ``proceed``.
    proceed : Out(1)
        For one cycle when the next pass may come.
    slope : In(slope_bits)
        ``golden.nonlinear.table_softmax_slope``; constant while a row is inside.
    o : Out(stream.Signature(row_layout(lanes, unsigned(output_bits))))

    Raises
    ------
    TypeError
        If ``rule`` is not a ``TableSoftmaxRule``.
    ValueError
        If ``lanes`` or ``max_length`` is not positive.
    """

    AFTER_MAXIMUM = 5

    def __init__(self, *, rule: TableSoftmaxRule, lanes: int, max_length: int) -> None:
        if not isinstance(rule, TableSoftmaxRule):
            raise TypeError(f"{type(self).__name__} rule must be a TableSoftmaxRule, not {rule!r}")
        for name, value in (("lanes", lanes), ("max_length", max_length)):
            if value < 1:
                raise ValueError(f"{type(self).__name__} {name} must be at least 1, not {value!r}")
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        super().__init__({
            "i": In(stream.Signature(pass_layout(lanes, signed(INPUT_BITS), 3))),
            "proceed": Out(1),
            "slope": In(rule.slope_bits),
            "o": Out(stream.Signature(row_layout(lanes, unsigned(rule.output_bits)))),
        })  # fmt: skip

    LATENCY = 5

    @property
    def AFTER_SUM(self) -> int:
        return self.LATENCY + self._reciprocal().LATENCY + PowerTable(rule=self.rule).LATENCY

    def _reciprocal(self) -> NormalizedReciprocal:
        return NormalizedReciprocal(
            fraction_bits=self.rule.sum_fraction_bits,
            most_zeros=(self.max_length - 1).bit_length(),
            reciprocal_bits=self.rule.reciprocal_bits,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += [advance.eq(~self.o.valid | self.o.ready), self.i.ready.eq(advance)]
        m.submodules.table = table = PowerTable(rule=self.rule)
        m.submodules.reciprocal = reciprocal = self._reciprocal()
        valids = Signal(self.LATENCY - 1)
        with m.If(advance):
            m.d.sync += valids.eq(Cat(self.i.valid, valids))
        beat = Signal(self.i.payload.shape(), reset_less=True)
        injected = self._maximum(m, advance, beat, valids[0])
        exponents, keep1, last1, index1 = self._exponents(m, advance, beat)
        offset = self._offset(m, advance, exponents[0], injected, reciprocal.zero)
        reduced, keep2, last2, index2 = self._reduce(m, advance, exponents, offset, keep1, last1, index1)
        powers, keep3, last3, index3 = self._powers(m, advance, reduced, table.entries, keep2, last2, index2)
        self._sum(m, valids[3] & advance & (index3 == SUM), last3, powers, reciprocal, table)
        # The first of these is high in the cycle in which the offset is written, and a beat needs three to be there.
        m.d.comb += [
            table.fill.eq(reciprocal.done_register),
            table.restore.eq(valids[3] & advance & (index3 == OUTPUT) & last3),
            self.proceed.eq(injected | table.done),
        ]
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(valids[3] & (index3 == OUTPUT)),
                self.o.payload.keep.eq(keep3),
                self.o.payload.last.eq(last3),
                *(
                    self.o.payload.elements[lane].eq(table_lane.output(m, self.rule, value, name=f"lane{lane}"))
                    for lane, value in enumerate(powers)
                ),
            ]
        return m
