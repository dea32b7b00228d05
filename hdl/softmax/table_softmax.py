# amaranth: UnusedElaboratable=no
"""Softmax by a short table of powers of two: three passes over a row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from amaranth import Cat, Const, Module, Shape, Signal, Value, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.data import StructLayout, View
from amaranth.lib.wiring import In, Out, connect, flipped

from ...config.checks import check_class
from ...config.nonlinear import TableSoftmaxRule
from ...config.nonlinear.softmax_rules import DIGIT_BITS, INPUT_BITS
from ..rows.layouts import row_layout
from ..rows.row_replay import RowReplay, pass_layout
from ..rows.row_unit import Cycles, RowUnit
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.greatest import greatest_of
from ..wires.handshake import free
from . import table_lane
from .normalized_reciprocal import NormalizedReciprocal
from .power_table import PowerTable

MAXIMUM, SUM, OUTPUT = range(3)
"""What each pass over a row is for."""
LEAST = -(1 << (INPUT_BITS - 1))


def constants_layout(rule: TableSoftmaxRule) -> StructLayout:
    """What depends on the scale."""
    return StructLayout({"slope": rule.slope_bits})


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
    slope
        Fixes the slope; None makes it an input. A power of two of at least 64 takes one adder a lane.

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
    constants : In(constants_layout(rule))
        ``slope`` is ``golden.nonlinear.table_softmax_slope``; stays while a row is inside. Not there where it is fixed.
    o : Out(stream.Signature(row_layout(lanes, unsigned(output_bits))))

    Raises
    ------
    TypeError
        If ``rule`` is not a ``TableSoftmaxRule``.
    ValueError
        If ``lanes`` or ``max_length`` is not positive, or the slope does not fit.
    """

    AFTER_MAXIMUM = 3

    def __init__(self, *, rule: TableSoftmaxRule, lanes: int, max_length: int, slope: int | None = None) -> None:
        check_class(rule, TableSoftmaxRule, type(self).__name__, "rule")
        for name, value in (("lanes", lanes), ("max_length", max_length)):
            if value < 1:
                raise ValueError(f"{type(self).__name__} {name} must be at least 1, not {value!r}")
        if slope is not None and not 1 <= slope < 1 << rule.slope_bits:
            greatest = (1 << rule.slope_bits) - 1
            raise ValueError(f"{type(self).__name__} slope must be from 1 to {greatest}, or None, not {slope!r}")
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        self.fixed_slope = slope
        super().__init__({
            "i": In(stream.Signature(pass_layout(lanes, signed(INPUT_BITS), 3))),
            "proceed": Out(1),
            **({"constants": In(constants_layout(rule))} if slope is None else {}),
            "o": Out(stream.Signature(row_layout(lanes, unsigned(rule.output_bits)))),
        })  # fmt: skip

    LATENCY = 4

    @property
    def AFTER_SUM(self) -> int:
        return self.after_sum(self.rule, max_length=self.max_length)

    @classmethod
    def after_sum(cls, rule: TableSoftmaxRule, *, max_length: int) -> int:
        """``AFTER_SUM`` of a unit with these parameters."""
        most_zeros = (max_length - 1).bit_length()
        division = NormalizedReciprocal.latency(most_zeros=most_zeros, reciprocal_bits=rule.reciprocal_bits)
        return cls.LATENCY + division + PowerTable.latency(rule)

    @property
    def _most_zeros(self) -> int:
        return (self.max_length - 1).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.table = table = PowerTable(rule=self.rule)
        m.submodules.reciprocal = reciprocal = NormalizedReciprocal(
            fraction_bits=self.rule.sum_fraction_bits,
            most_zeros=self._most_zeros,
            reciprocal_bits=self.rule.reciprocal_bits,
        )
        advance = Signal()
        m.d.comb += [advance.eq(free(self.o)), self.i.ready.eq(advance)]
        elements, maximum_known, beats = self._beats(m, advance)
        reduced = self._reduced(m, advance, elements, beats[0].keep, maximum_known, reciprocal.zero)
        powers = self._powers(m, advance, reduced, list(table.entries))
        summed = beats[2].valid & (beats[2].turn == SUM)
        shown = beats[2].valid & (beats[2].turn == OUTPUT)
        self._sum(m, advance & summed, beats[2].last, powers, reciprocal, table)
        m.d.comb += [
            table.restore.eq(advance & shown & beats[2].last),
            self.proceed.eq(maximum_known[-1] & advance | table.done),
        ]
        with m.If(advance):
            m.d.sync += [
                self.o.valid.eq(shown),
                self.o.payload.keep.eq(beats[2].keep),
                self.o.payload.last.eq(beats[2].last),
            ]
            for lane, power in enumerate(powers):
                rounded = table_lane.output(m, self.rule, power, name=f"lane{lane}")
                m.d.sync += self.o.payload.elements[lane].eq(rounded)
        return m

    def _beats(self, m: Module, advance: Signal) -> tuple[list[Signal], Signal, list[_Beat]]:
        """The elements of the first stage, the steps that follow a row's maximum, and what goes with the beat of each stage.

        After the first pass the maximum itself takes the place of the first element, so that it has its exponent computed.
        """
        elements = [Signal(signed(INPUT_BITS), name=f"element{lane}", reset_less=True) for lane in range(self.lanes)]
        beats = [_Beat(self.lanes, stage) for stage in range(3)]
        greatest = Signal(signed(INPUT_BITS), init=LEAST)
        maximum_known = Signal(2)
        searched = beats[0].valid & (beats[0].turn == MAXIMUM)
        with m.If(advance):
            m.d.sync += [
                *(element.eq(self.i.payload.beat.elements[lane]) for lane, element in enumerate(elements)),
                beats[0].valid.eq(self.i.valid),
                beats[0].keep.eq(self.i.payload.beat.keep),
                beats[0].last.eq(self.i.payload.beat.last),
                beats[0].turn.eq(self.i.payload.turn),
                *(new.state().eq(old.state()) for old, new in pairwise(beats)),
                maximum_known.eq(Cat(searched & beats[0].last, maximum_known)),
            ]
            with m.If(searched):
                m.d.sync += greatest.eq(
                    greatest_of(m, [greatest, *elements], [Const(1, 1), *beats[0].keep], name="greater")
                )
            with m.If(maximum_known[0]):
                m.d.sync += [elements[0].eq(greatest), greatest.eq(LEAST)]
        return elements, maximum_known, beats

    def _reduced(
        self, m: Module, advance: Signal, elements: list[Signal], keep: Signal, known: Signal, zero: Signal
    ) -> list[View[StructLayout]]:
        """Exponents less that of the maximum, with a rounding half, and with the places of the reciprocal in the last pass."""
        rule = self.rule
        most = (1 << table_lane.exponent_width(rule)) + (self._most_zeros << rule.exponent_bits)
        offset = Signal(most.bit_length())
        exponent = self._exponent_of(m, offset)
        stage: list[View[StructLayout]] = []
        for lane, element in enumerate(elements):
            moved = exponent(element, f"lane{lane}")
            register = Signal(table_lane.reduced_layout(rule), name=f"reduced{lane}", reset_less=True)
            with m.If(advance):
                m.d.sync += register.eq(table_lane.reduce(m, rule, moved, keep[lane], name=f"lane{lane}"))
            stage.append(register)
            if lane == 0:
                with m.If(known[1] & advance):
                    m.d.sync += offset.eq((1 << (rule.guard_bits - 1)) - moved)
        with m.If(zero):
            m.d.sync += offset[rule.exponent_bits :].eq(offset[rule.exponent_bits :] + 1)
        with m.If(known[0] & advance):
            m.d.sync += offset.eq(0)
        return stage

    def _exponent_of(self, m: Module, offset: Signal) -> Callable[[Value, str], Value]:
        rule, fixed = self.rule, self.fixed_slope
        if fixed is not None and fixed.bit_count() == 1 and fixed >> (INPUT_BITS - DIGIT_BITS):
            return lambda x, name: table_lane.shifted_exponent(m, rule, x, fixed, offset, name=name)
        slope = Const(fixed, rule.slope_bits) if fixed is not None else self.constants.slope
        multiples = [Const(0), slope, Cat(0, slope)]
        multiples.append(add(m, slope, multiples[2], Shape(rule.slope_bits + 2), name="slope3"))
        offsets: list[Value] = [offset]
        for factor, multiple in enumerate(multiples[1:], start=1):
            offsets.append(add(m, offset, multiple, offset.shape(), name=f"offset{factor}"))
        return lambda x, name: table_lane.exponent(m, rule, x, multiples, offsets, name=name)

    def _powers(
        self, m: Module, advance: Signal, reduced: list[View[StructLayout]], entries: list[Value]
    ) -> list[Signal]:
        powers: list[Signal] = []
        for lane, at in enumerate(reduced):
            value = table_lane.power(m, self.rule, entries, at, name=f"lane{lane}")
            register = Signal(len(value), name=f"power{lane}", reset_less=True)
            with m.If(advance):
                m.d.sync += register.eq(value)
            powers.append(register)
        return powers

    def _sum(
        self,
        m: Module,
        step: Value,
        last: Value,
        powers: list[Signal],
        reciprocal: NormalizedReciprocal,
        table: PowerTable,
    ) -> None:
        total = Signal(len(reciprocal.sum))

        def joined(a: Value, b: Value, name: str) -> Value:
            return add(m, a, b, Shape(min(len(total), max(len(a), len(b)) + 1)), name=f"sum{name}")

        terms = balanced(powers, joined)
        start = Signal()
        m.d.sync += start.eq(step & last)
        m.d.comb += [
            reciprocal.start.eq(start),
            reciprocal.sum.eq(total),
            table.fill.eq(reciprocal.done),
            table.reciprocal.eq(reciprocal.reciprocal),
        ]
        with m.If(step):
            m.d.sync += total.eq(add(m, total, terms, total.shape(), name="total_sum"))
        with m.Elif(table.done):
            m.d.sync += total.eq(0)


class _Beat:
    """What goes with the elements of a stage."""

    def __init__(self, lanes: int, stage: int) -> None:
        self.valid = Signal(name=f"valid{stage}")
        self.keep = Signal(lanes, name=f"keep{stage}", reset_less=True)
        self.last = Signal(name=f"last{stage}", reset_less=True)
        self.turn = Signal(range(3), name=f"turn{stage}", reset_less=True)

    def state(self) -> Value:
        """All of it, in a fixed order."""
        return Cat(self.valid, self.keep, self.last, self.turn)


class TableSoftmax(RowUnit):
    """``golden.nonlinear.table_softmax`` of rows of any length up to ``max_length``: a row's memory and the three passes.

    A row of B beats takes ``3 * B + OVERHEAD`` cycles; the next one follows without another gap. Its first result comes two
    passes, ``OVERHEAD`` and the stages of replay and last pass after its first beat.

    Parameters
    ----------
    rule, lanes, max_length, slope
        Of ``TableSoftmaxPasses``.

    Attributes
    ----------
    OVERHEAD
        Cycles of a row in which no element is taken.
    first_result, row_period

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(8))))
    constants : In(constants_layout(rule))
        Stay while a row is inside. Not there where the slope is fixed.
    o : Out(stream.Signature(row_layout(lanes, unsigned(output_bits))))
    error : Out(1)
        A row was longer than ``max_length`` rounded up to whole beats, and was cut; stays until reset.

    Raises
    ------
    TypeError, ValueError
        As ``TableSoftmaxPasses``.
    """

    def __init__(self, *, rule: TableSoftmaxRule, lanes: int, max_length: int, slope: int | None = None) -> None:
        self.passes = TableSoftmaxPasses(rule=rule, lanes=lanes, max_length=max_length, slope=slope)
        self.rule = rule
        self.lanes = lanes
        self.replay = RowReplay(lanes=lanes, shape=signed(INPUT_BITS), depth=-(-max_length // lanes), passes=3)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(INPUT_BITS)))),
            **({"constants": In(constants_layout(rule))} if slope is None else {}),
            "o": Out(stream.Signature(row_layout(lanes, unsigned(rule.output_bits)))),
            "error": Out(1),
        })  # fmt: skip

    @property
    def first_result(self) -> Cycles:
        return Cycles(2, self.OVERHEAD + self.replay.LATENCY + self.passes.LATENCY)

    @property
    def row_period(self) -> Cycles:
        return Cycles(3, self.OVERHEAD)

    @property
    def OVERHEAD(self) -> int:
        return self.passes.AFTER_MAXIMUM + self.passes.AFTER_SUM

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.replay = replay = self.replay
        m.submodules.passes = passes = self.passes
        connect(m, flipped(self.i), replay.i)
        connect(m, replay.o, passes.i)
        connect(m, passes.o, flipped(self.o))
        m.d.comb += [replay.proceed.eq(passes.proceed), self.error.eq(replay.error)]
        if passes.fixed_slope is None:
            m.d.comb += passes.constants.eq(self.constants)
        return m
