# amaranth: UnusedElaboratable=no
"""I-ViT's Shiftmax: softmax of rows in three passes, with one divider for all lanes."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import WIDTH, ShiftmaxRule
from ..rows.exp_terms import ExpTerms
from ..rows.layouts import row_layout
from ..rows.row_maximum import RowMaximum
from ..rows.row_replay import RowReplay
from ..rows.row_unit import Cycles, RowUnit
from ..wires.adders import add
from ..wires.at_least import check_at_least
from ..wires.balanced import balanced
from ..wires.follow import Follow
from ..wires.handshake import free
from .reciprocal import Reciprocal

PASSES = 3


class Shiftmax(RowUnit):
    """Softmax of each row in units of ``2**(1 - ob)``; with ``e = shift_exp(x - max(x))``, ``n`` and ``ob`` of the rule::

        S = min(sum(e), 2**31 - 1);  y = (e * ((2**31 - 1) // S)) >> (32 - ob)

    First pass: the maximum; second: the sum; third: the output. A lane multiplies an exponential's significand before it moves
    it, by ``2**(n-1)`` in the second pass and by the row's reciprocal in the third, so that one narrow multiplier and one shifter
    serve both. Masked elements give 0, and a row that keeps nothing gives zeros; ``S`` saturates as of the golden model.

    Throughput: ``lanes`` elements a cycle in each pass. A row of ``L`` elements takes ``row_cycles(L)`` cycles until the next
    one is taken, and gives its first output ``latency(L)`` cycles after its first beat was taken, without stalls.

    Parameters
    ----------
    rule
        Widths; the rounding of ``x0`` is the business of whoever sets it.
    lanes
        Elements of a beat, at least 1.
    max_length
        Elements of the longest row, at least 1. A row of more than that many, rounded up to beats, is cut.
    input_bits
        Width of the signed elements.
    x0_bits
        Width of ``x0``; ``x0 << n`` must fit 31 bits.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, ob - 1)))
    constants : In(StructLayout({"x0": x0_bits}))
        The magnitude of ``golden.nonlinear.integer_reciprocal``, 1 or more; stable while a row is inside.
    error : Out(1)
        A row was cut; stays until reset.

    Raises
    ------
    TypeError
        If ``rule`` is something else.
    ValueError
        If a width or a length is out of range.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax", algorithm 1; masks are ours.
    """

    def __init__(
        self, *, rule: ShiftmaxRule, lanes: int, max_length: int, input_bits: int = 8, x0_bits: int = 9
    ) -> None:
        check_class(rule, ShiftmaxRule, "Shiftmax", "rule")
        check_at_least("Shiftmax", 1, lanes=lanes, max_length=max_length)
        check_at_least("Shiftmax", 2, input_bits=input_bits)
        most = WIDTH - rule.fraction_bits
        if isinstance(x0_bits, bool) or x0_bits not in range(1, most + 1):
            raise ValueError(f"Shiftmax x0_bits must be from 1 to {most}, not {x0_bits!r}")
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        self.input_bits = input_bits
        self.x0_bits = x0_bits
        # S is at least x0 << n, the exponential of the maximum.
        self.factor_bits = WIDTH - rule.fraction_bits
        self.exp_bits = x0_bits + rule.fraction_bits
        self._reciprocal = Reciprocal(quotient_bits=self.factor_bits)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, rule.output_bits - 1))),
            "constants": In(data.StructLayout({"x0": x0_bits})),
            "error": Out(1),
        })  # fmt: skip

    _STAGES = ExpTerms.LATENCY + 3
    """From a replayed beat to ``o``: difference, significand, product, shift."""

    @property
    def row_period(self) -> Cycles:
        # The sum of a beat and the sum of the row come after the shift, then the divider.
        return Cycles(PASSES, RowReplay.GAP + self._STAGES + 2 + self._reciprocal.LATENCY)

    @property
    def first_result(self) -> Cycles:
        return Cycles(PASSES - 1, self.row_period.constant + RowReplay.LATENCY + self._STAGES)

    def row_cycles(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to that of the next row's."""
        return self.row_period.of(self._beats(length))

    def latency(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to ``o.valid`` with its first output."""
        return self.first_result.of(self._beats(length))

    def _beats(self, length: int) -> int:
        return -(-length // self.lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.replay = replay = RowReplay(
            lanes=self.lanes, shape=signed(self.input_bits), depth=self._beats(self.max_length), passes=PASSES
        )
        m.submodules.maximum = maximum = RowMaximum(lanes=self.lanes, shape=signed(self.input_bits))
        wiring.connect(m, replay.i, wiring.flipped(self.i))
        advance, shown, beat = Signal(), Signal(), replay.o.payload.beat
        first = replay.o.payload.turn == 0
        m.d.comb += [
            advance.eq(free(self.o)),
            shown.eq(replay.o.valid & advance),
            replay.o.ready.eq(advance),
            self.error.eq(replay.error),
            maximum.step.eq(shown & first),
            maximum.beat.eq(beat),
        ]
        follow = Follow(m, advance, self._STAGES)
        turns = follow.down(Cat(replay.o.valid & (replay.o.payload.turn == turn) for turn in (1, 2)), "turns")
        lasts = follow.down(beat.last, "lasts", reset_less=True)
        keeps = follow.down(beat.keep, "keeps", reset_less=True)
        factor = Signal(self.factor_bits, reset_less=True)
        shifted = [
            self._lane(m, lane, advance, beat.elements[lane] - maximum.greatest, turns, keeps, factor)
            for lane in range(self.lanes)
        ]
        moved_right = max(0, WIDTH + 2 - self.rule.output_bits - self.rule.fraction_bits)
        m.d.comb += [
            self.o.valid.eq(turns[-1][1]),
            self.o.payload.last.eq(lasts[-1]),
            self.o.payload.keep.eq(keeps[-1]),
            *(self.o.payload.elements[lane].eq(value >> moved_right) for lane, value in enumerate(shifted)),
        ]
        digested = self._factor(m, [value >> self._moved_left for value in shifted], turns[-1][0], lasts[-1], factor)
        m.d.comb += replay.proceed.eq(maximum.done | digested)
        return m

    @property
    def _moved_left(self) -> int:
        """Bits that an output has below the product."""
        return max(0, self.rule.output_bits + self.rule.fraction_bits - WIDTH - 2)

    def _lane(
        self,
        m: Module,
        lane: int,
        advance: Value,
        difference: Value,
        turns: list[Signal],
        keeps: list[Signal],
        factor: Value,
    ) -> Signal:
        """``e << moved_left`` in the second pass, the output and what is cut from it in the third."""
        n = self.rule.fraction_bits
        m.submodules[f"exp{lane}"] = terms = ExpTerms(
            fraction_bits=n, difference_bits=self.input_bits + 1, x0_bits=self.x0_bits
        )
        multiplier = Signal(max(self.factor_bits, n), name=f"multiplier{lane}")
        operand = Signal.like(terms.significand, name=f"operand{lane}")
        product = Signal(len(operand) + len(multiplier), name=f"product{lane}", reset_less=True)
        places = Signal.like(terms.places, name=f"places{lane}", reset_less=True)
        shifted = Signal(len(product) + self._moved_left, name=f"shifted{lane}", reset_less=True)
        at = ExpTerms.LATENCY
        m.d.comb += [
            terms.enable.eq(advance),
            terms.x0.eq(self.constants.x0),
            multiplier.eq(Mux(turns[at][0], 1 << (n - 1), factor)),
            operand.eq(terms.significand & keeps[at][lane].replicate(len(operand))),
        ]
        below = Signal(signed(self.input_bits + 1), name=f"below{lane}", reset_less=True)
        m.d.comb += terms.difference.eq(below)
        with m.If(advance):
            m.d.sync += [
                below.eq(difference),
                product.eq(operand * multiplier),
                places.eq(terms.places),
                shifted.eq(Cat(Const(0, self._moved_left), product) >> places),
            ]
        return shifted

    def _factor(self, m: Module, exponentials: list[Value], step: Value, last: Value, factor: Signal) -> Value:
        """Sum the second pass, divide; high for a cycle when ``factor`` is about to be there."""
        bits = self.exp_bits
        total = balanced(
            [value[:bits] for value in exponentials],
            lambda a, b, place: add(m, a, b, unsigned(max(len(a), len(b)) + 1), name=f"sum{place}"),
        )
        of_beat = Signal(len(total), reset_less=True)
        stepped, ended, divide = Signal(), Signal(), Signal()
        running = Signal(WIDTH)
        grown = add(m, running, of_beat, unsigned(max(WIDTH, len(of_beat)) + 1), name="grown")
        m.submodules.reciprocal = reciprocal = self._reciprocal
        m.d.sync += [of_beat.eq(total), stepped.eq(step), ended.eq(step & last), divide.eq(ended)]
        with m.If(stepped):
            m.d.sync += running.eq(grown[:WIDTH] | grown[WIDTH:].any().replicate(WIDTH))
        with m.If(divide):
            m.d.sync += running.eq(0)
        m.d.comb += [
            reciprocal.i.valid.eq(divide),
            reciprocal.i.payload.eq(running),
            reciprocal.o.ready.eq(1),
        ]
        with m.If(reciprocal.o.valid):
            m.d.sync += factor.eq(reciprocal.o.payload)
        return reciprocal.o.valid
