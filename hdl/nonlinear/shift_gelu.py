"""I-ViT's ShiftGELU: each element times a sigmoid of itself, from shifts, adds and one quotient an element."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...nonlinear import LARGEST, WIDTH, ShiftGeluRule
from ..adders import add
from .exp_terms import ExpTerms
from .follow import Follow
from .layouts import row_layout
from .pipelined_divider import PipelinedDivider
from .row_maximum import RowMaximum
from .row_replay import RowReplay
from .shift_exp import ShiftExp


class ShiftGelu(wiring.Component):
    """GELU of each element in units of ``golden.nonlinear.gelu_scale``; with ``n`` and ``ob`` of the rule::

        e = shift_exp(x - m);  e2 = shift_exp(-m);  S = min(e + e2, 2**31 - 1)
        y = x * ((e * ((2**31 - 1) // S)) >> (32 - ob))

    ``element``: ``m = max(x, 0)``, so that one of the two is 1.0 and the other ``shift_exp(-abs(x))``; one pass.
    ``row``: ``m`` is the greatest kept element; a pass for the maximum and one for the output, ``e2`` shared by all lanes, and
    quotients that are as long as those of a row whose elements are far apart.

    A significand is multiplied before it moves, so that the multiplier is narrow: what an exponential's shift cuts is 0.
    Elements that are not kept give 0.

    Throughput: ``lanes`` elements a cycle in each pass. A row of ``L`` elements takes ``row_cycles(L)`` cycles until the next
    one is taken, and gives its first output ``latency(L)`` cycles after its first beat was taken, without stalls. The pipeline
    moves as a whole whenever its output register is free or being taken.

    Parameters
    ----------
    rule
        Widths and the maximum; the rounding of ``x0`` is the business of whoever sets it.
    lanes
        Elements of a beat, at least 1.
    max_length
        With ``row``: elements of the longest row, at least 1; a row of more than that many, rounded up to beats, is cut. None
        with ``element``, where rows have no limit.
    input_bits
        Width of the signed elements.
    x0_bits
        Width of ``x0``; ``x0 << n`` must fit 31 bits.
    bits_per_stage
        Bits of a quotient found in a cycle: more take fewer registers and a slower clock.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a beat to ``o.valid`` without stalls; with ``row``, of a beat of the second pass.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, signed(input_bits + ob - 1))))
    constants : In(StructLayout({"x0": x0_bits}))
        The magnitude of ``golden.nonlinear.integer_reciprocal`` for the slope of ``shift_gelu``, 1 or more; stable while a row
        is inside.
    error : Out(1)
        With ``row``: a row was cut; stays until reset.

    Raises
    ------
    TypeError
        If ``rule`` is something else.
    ValueError
        If a width or a length is out of range.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only GELU: ShiftGELU", algorithm 2; ``element`` and masks are ours.
    """

    def __init__(
        self,
        *,
        rule: ShiftGeluRule,
        lanes: int,
        max_length: int | None = None,
        input_bits: int = 8,
        x0_bits: int = 8,
        bits_per_stage: int = 1,
    ) -> None:
        if not isinstance(rule, ShiftGeluRule):
            raise TypeError(f"ShiftGelu rule must be a ShiftGeluRule, not {rule!r}")
        self.by_row = rule.maximum == "row"
        for name, value, least in (("lanes", lanes, 1), ("max_length", max_length, 1), ("input_bits", input_bits, 2)):
            if name == "max_length" and not self.by_row:
                if value is not None:
                    raise ValueError(f"ShiftGelu max_length must be None where the maximum is element, not {value!r}")
            elif isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"ShiftGelu {name} must be an integer of at least {least}, not {value!r}")
        most = WIDTH - rule.fraction_bits
        if isinstance(x0_bits, bool) or x0_bits not in range(1, most + 1):
            raise ValueError(f"ShiftGelu x0_bits must be from 1 to {most}, not {x0_bits!r}")
        # S is above 1.0, which is at least 2**n; by row it is at least 2 * x0, for neither exponential is below x0.
        self.quotient_bits = WIDTH - 1 if self.by_row else WIDTH - rule.fraction_bits
        if isinstance(bits_per_stage, bool) or bits_per_stage not in range(1, self.quotient_bits + 1):
            raise ValueError(f"ShiftGelu bits_per_stage must be from 1 to {self.quotient_bits}, not {bits_per_stage!r}")
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        self.input_bits = input_bits
        self.x0_bits = x0_bits
        self.bits_per_stage = bits_per_stage
        self.sum_bits = WIDTH if self.by_row else min(WIDTH, x0_bits + rule.fraction_bits + 1)
        self.result = signed(input_bits + rule.output_bits - 1)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, self.result))),
            "constants": In(data.StructLayout({"x0": x0_bits})),
            **({"error": Out(1)} if self.by_row else {}),
        })  # fmt: skip

    @property
    def _division(self) -> int:
        return -(-self.quotient_bits // self.bits_per_stage)

    @property
    def LATENCY(self) -> int:
        # Difference, terms, exponential, sum; quotient; product, sigmoid, output.
        return ExpTerms.LATENCY + 3 + self._division + 3

    def row_cycles(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to that of the next row's."""
        beats = -(-length // self.lanes)
        return 2 * beats + RowReplay.GAP if self.by_row else beats

    def latency(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to ``o.valid`` with its first output."""
        if not self.by_row:
            return self.LATENCY
        return -(-length // self.lanes) + RowReplay.GAP + RowReplay.LATENCY + self.LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)
        greatest, other = None, None
        if self.by_row:
            valid, beat, greatest = self._rows(m, advance)
            other = self._other(m, advance, greatest)
        else:
            valid, beat = self.i.valid, self.i.payload
            m.d.comb += self.i.ready.eq(advance)
        along = Follow(m, advance, self.LATENCY)
        m.d.comb += [
            self.o.valid.eq(along.down(valid, "valid")[-1]),
            self.o.payload.keep.eq(along.down(beat.keep, "keep", reset_less=True)[-1]),
            self.o.payload.last.eq(along.down(beat.last, "last", reset_less=True)[-1]),
        ]
        for lane in range(self.lanes):
            result = self._lane(m, lane, advance, beat.elements[lane], beat.keep[lane], greatest, other)
            m.d.comb += self.o.payload.elements[lane].eq(result)
        return m

    def _rows(self, m: Module, advance: Signal) -> tuple[Value, data.View[data.StructLayout], Value]:
        """Beats of the second pass, and the row's maximum, which is there with the first of them."""
        shape = signed(self.input_bits)
        assert self.max_length is not None
        m.submodules.replay = replay = RowReplay(
            lanes=self.lanes, shape=shape, depth=-(-self.max_length // self.lanes), passes=2
        )
        m.submodules.maximum = maximum = RowMaximum(lanes=self.lanes, shape=shape)
        wiring.connect(m, replay.i, wiring.flipped(self.i))
        beat, second = replay.o.payload.beat, replay.o.payload.turn
        m.d.comb += [
            replay.o.ready.eq(advance),
            replay.proceed.eq(maximum.done),
            self.error.eq(replay.error),
            maximum.step.eq(replay.o.valid & advance & ~second),
            maximum.beat.eq(beat),
        ]
        return replay.o.valid & second, beat, maximum.greatest

    def _other(self, m: Module, advance: Signal, greatest: Value) -> Value:
        """The exponential that all lanes add to their own, step by step with theirs."""
        m.submodules.other = other = ShiftExp(
            fraction_bits=self.rule.fraction_bits,
            difference_bits=self.input_bits + 1,
            x0_bits=self.x0_bits,
            rises=True,
        )
        below = Signal(signed(self.input_bits + 1), name="below_zero", reset_less=True)
        m.d.comb += [other.enable.eq(advance), other.difference.eq(below), other.x0.eq(self.constants.x0)]
        with m.If(advance):
            m.d.sync += below.eq(-greatest)
        return other.result

    def _lane(
        self,
        m: Module,
        lane: int,
        advance: Signal,
        element: Value,
        keep: Value,
        greatest: Value | None,
        other: Value | None,
    ) -> Value:
        m.submodules[f"exp{lane}"] = terms = ExpTerms(
            fraction_bits=self.rule.fraction_bits, difference_bits=self.input_bits + 1, x0_bits=self.x0_bits
        )
        m.submodules[f"divide{lane}"] = divider = PipelinedDivider(
            dividend=LARGEST,
            divisor_bits=self.sum_bits,
            quotient_bits=self.quotient_bits,
            bits_per_stage=self.bits_per_stage,
        )
        elements = Follow(m, advance, self.LATENCY - 1).down(
            element.as_unsigned() & keep.replicate(self.input_bits), f"element{lane}_", reset_less=True
        )
        below = Signal(signed(self.input_bits + 1), name=f"below{lane}", reset_less=True)
        significand, places = terms.significand, terms.places
        if greatest is None:
            # What 1.0 is made of, where the element's own exponential is the one of 0.
            own_is_one = ~elements[ExpTerms.LATENCY][-1]
            significand = Mux(own_is_one, self.constants.x0 << 1, significand)
            places = Mux(own_is_one, 0, places)
            difference = Mux(element[-1], element, -element)
        else:
            difference = element - greatest
        # Until they meet the quotient.
        behind = self._division + 2
        significand = Follow(m, advance, behind).down(significand, f"significand{lane}_", reset_less=True)[-1]
        places = Follow(m, advance, behind + 1).down(places, f"places{lane}_", reset_less=True)[-1]
        exponential = Signal(self.x0_bits + self.rule.fraction_bits, name=f"exponential{lane}", reset_less=True)
        product = Signal(len(significand) + self.quotient_bits, name=f"product{lane}", reset_less=True)
        sigmoid = Signal(self.rule.output_bits - 1, name=f"sigmoid{lane}", reset_less=True)
        result = Signal(self.result, name=f"result{lane}", reset_less=True)
        one = self.constants.x0 << self.rule.fraction_bits
        m.d.comb += [
            terms.enable.eq(advance),
            terms.difference.eq(below),
            terms.x0.eq(self.constants.x0),
            divider.enable.eq(advance),
            divider.divisor.eq(self._sum(m, lane, advance, exponential, one if other is None else other)),
        ]
        with m.If(advance):
            m.d.sync += [
                below.eq(difference),
                exponential.eq(self._moved(terms.significand, terms.places)),
                product.eq(significand * divider.quotient),
                sigmoid.eq(self._moved(product, places)[WIDTH + 1 - self.rule.output_bits :]),
                result.eq(elements[-1].as_signed() * sigmoid),
            ]
        return result

    def _moved(self, significand: Value, places: Value) -> Value:
        """``significand << n >> 1 >> places``."""
        return Cat(Const(0, self.rule.fraction_bits), significand)[1:] >> places

    def _sum(self, m: Module, lane: int, advance: Signal, own: Value, other: Value) -> Signal:
        """Both exponentials, saturated."""
        total = Signal(self.sum_bits, name=f"total{lane}", reset_less=True)
        grown = add(m, own, other, unsigned(max(len(own), len(other)) + 1), name=f"grown{lane}")
        with m.If(advance):
            m.d.sync += total.eq(grown[:WIDTH] | grown[WIDTH:].any().replicate(self.sum_bits))
        return total
