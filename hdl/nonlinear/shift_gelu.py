<<<<<<< HEAD
"""I-ViT's ShiftGELU: each element times a sigmoid of itself, from shifts, adds and one quotient an element."""
=======
"""I-ViT's ShiftGELU: a sigmoid of two shifted exponentials and a division in each lane."""
>>>>>>> main

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

<<<<<<< HEAD

class ShiftGelu(wiring.Component):
    """GELU of each element in units of ``golden.nonlinear.gelu_scale``; with ``n`` and ``ob`` of the rule::
=======
PASSES = 2


class ShiftGelu(wiring.Component):
    """``golden.nonlinear.shift_gelu`` of each element, in units of ``scale * 2**(1 - ob)``; masked elements give 0.

    With ``m`` the maximum of the row, or ``max(x, 0)`` if the rule says ``element``::
>>>>>>> main

        e = shift_exp(x - m);  e2 = shift_exp(-m);  S = min(e + e2, 2**31 - 1)
        y = x * ((e * ((2**31 - 1) // S)) >> (32 - ob))

<<<<<<< HEAD
    ``element``: ``m = max(x, 0)``, so that one of the two is 1.0 and the other ``shift_exp(-abs(x))``; one pass.
    ``row``: ``m`` is the greatest kept element; a pass for the maximum and one for the output, ``e2`` shared by all lanes, and
    quotients that are as long as those of a row whose elements are far apart.

    A significand is multiplied before it moves, so that the multiplier is narrow: what an exponential's shift cuts is 0.
    Elements that are not kept give 0.

    Throughput: ``lanes`` elements a cycle in each pass. A row of ``L`` elements takes ``row_cycles(L)`` cycles until the next
    one is taken, and gives its first output ``latency(L)`` cycles after its first beat was taken, without stalls. The pipeline
    moves as a whole whenever its output register is free or being taken.
=======
    ``element``: one pass, and one exponential a lane, because of ``x - m`` and ``-m`` one is 0. ``S`` is at least ``x0 << n``, so
    that a quotient has no more than ``31 - n`` bits, each of them a stage. ``row``: the row is kept, the first pass finds its
    maximum, and quotients have 30 bits, because ``S`` is at least 2.

    Throughput: ``lanes`` elements a cycle in each pass. With ``row`` a row of ``L`` elements takes ``row_cycles(L)`` cycles
    until the next one is taken.
>>>>>>> main

    Parameters
    ----------
    rule
<<<<<<< HEAD
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
=======
        Widths and which maximum; the rounding of ``x0`` is the business of whoever sets it.
    lanes
        Elements of a beat, at least 1.
    max_length
        ``row`` only, where it must be given: elements of the longest row. A row of more, rounded up to beats, is cut.
    input_bits
        Width of the signed elements.
    x0_bits
        Width of ``x0``; ``x0 << n`` must fit 31 bits. As many as do, but no more than 9, if None.
>>>>>>> main

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, signed(input_bits + ob - 1))))
    constants : In(StructLayout({"x0": x0_bits}))
<<<<<<< HEAD
        The magnitude of ``golden.nonlinear.integer_reciprocal`` for the slope of ``shift_gelu``, 1 or more; stable while a row
        is inside.
    error : Out(1)
        With ``row``: a row was cut; stays until reset.
=======
        The magnitude of ``golden.nonlinear.integer_reciprocal``, 1 or more; stable while elements are inside.
    error : Out(1)
        A row was cut; stays until reset. Never with ``element``.
>>>>>>> main

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
<<<<<<< HEAD
        x0_bits: int = 8,
        bits_per_stage: int = 1,
=======
        x0_bits: int | None = None,
>>>>>>> main
    ) -> None:
        if not isinstance(rule, ShiftGeluRule):
            raise TypeError(f"ShiftGelu rule must be a ShiftGeluRule, not {rule!r}")
        self.by_row = rule.maximum == "row"
<<<<<<< HEAD
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
=======
        if (max_length is None) == self.by_row:
            raise ValueError(f"ShiftGelu max_length must be given with the maximum of the row only, not {max_length!r}")
        longest = 1 if max_length is None else max_length
        for name, value, least in (("lanes", lanes, 1), ("max_length", longest, 1), ("input_bits", input_bits, 2)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"ShiftGelu {name} must be an integer of at least {least}, not {value!r}")
        most = WIDTH - rule.fraction_bits
        x0_bits = min(9, most) if x0_bits is None else x0_bits
        if isinstance(x0_bits, bool) or x0_bits not in range(1, most + 1):
            raise ValueError(f"ShiftGelu x0_bits must be from 1 to {most}, not {x0_bits!r}")
>>>>>>> main
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        self.input_bits = input_bits
        self.x0_bits = x0_bits
<<<<<<< HEAD
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
=======
        self.quotient_bits = WIDTH - 1 if self.by_row else WIDTH - rule.fraction_bits
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(input_bits + rule.output_bits - 1)))),
            "constants": In(data.StructLayout({"x0": x0_bits})),
            "error": Out(1),
        })  # fmt: skip

    @property
    def _divided(self) -> int:
        """Stages up to the quotient: difference, exponential, sum, division."""
        return 1 + ShiftExp.LATENCY + 1 + self.quotient_bits

    @property
    def LATENCY(self) -> int:
        """Cycles from a beat, or its place in the second pass, to ``o.valid`` with its output, without stalls."""
        return self._divided + 3
>>>>>>> main

    def row_cycles(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to that of the next row's."""
        beats = -(-length // self.lanes)
<<<<<<< HEAD
        return 2 * beats + RowReplay.GAP if self.by_row else beats

    def latency(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to ``o.valid`` with its first output."""
        if not self.by_row:
            return self.LATENCY
        return -(-length // self.lanes) + RowReplay.GAP + RowReplay.LATENCY + self.LATENCY
=======
        return PASSES * beats + RowReplay.GAP if self.by_row else beats

    def latency(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to ``o.valid`` with its first output."""
        beats = -(-length // self.lanes)
        return (RowReplay.LATENCY + beats + RowReplay.GAP if self.by_row else 0) + self.LATENCY
>>>>>>> main

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += advance.eq(~self.o.valid | self.o.ready)
<<<<<<< HEAD
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
=======
        if self.by_row:
            valid, beat, greatest, other = self._row(m, advance)
        else:
            m.d.comb += self.i.ready.eq(advance)
            valid, beat, greatest, other = self.i.valid, self.i.payload, None, None
        follow = Follow(m, advance, self.LATENCY)
        valids = follow.down(valid, "valids")
        m.d.comb += [
            self.o.valid.eq(valids[-1]),
            self.o.payload.last.eq(follow.down(beat.last, "lasts", reset_less=True)[-1]),
            self.o.payload.keep.eq(follow.down(beat.keep, "keeps", reset_less=True)[-1]),
        ]
        for lane in range(self.lanes):
            kept = Signal(signed(self.input_bits), name=f"kept{lane}")
            m.d.comb += kept.eq(beat.elements[lane] & beat.keep[lane].replicate(self.input_bits))
            m.d.comb += self.o.payload.elements[lane].eq(self._lane(m, lane, advance, kept, greatest, other))
        return m

    def _row(self, m: Module, advance: Signal) -> tuple[Value, data.View, Value, Value]:
        """The beats of the second pass, the row's maximum, and the exponential of its negation in time for their sums."""
        shape = signed(self.input_bits)
        assert self.max_length is not None
        m.submodules.replay = replay = RowReplay(
            lanes=self.lanes, shape=shape, depth=-(-self.max_length // self.lanes), passes=PASSES
        )
        m.submodules.maximum = maximum = RowMaximum(lanes=self.lanes, shape=shape)
>>>>>>> main
        m.submodules.other = other = ShiftExp(
            fraction_bits=self.rule.fraction_bits,
            difference_bits=self.input_bits + 1,
            x0_bits=self.x0_bits,
            rises=True,
        )
<<<<<<< HEAD
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
=======
        wiring.connect(m, replay.i, wiring.flipped(self.i))
        payload = replay.o.payload
        m.d.comb += [
            replay.o.ready.eq(advance),
            replay.proceed.eq(maximum.done),
            self.error.eq(replay.error),
            maximum.step.eq(replay.o.valid & advance & (payload.turn == 0)),
            maximum.beat.eq(payload.beat),
            # It moves with the lanes, so that the next row's does not come before the sums of this one are done.
            other.enable.eq(advance),
            other.difference.eq(-maximum.greatest),
            other.x0.eq(self.constants.x0),
        ]
        return replay.o.valid & (payload.turn == 1), payload.beat, maximum.greatest, other.result

    def _lane(
        self, m: Module, lane: int, advance: Signal, element: Value, greatest: Value | None, other: Value | None
    ) -> Value:
        """The output of the element, ``LATENCY`` enabled cycles later."""
        n, x0 = self.rule.fraction_bits, self.constants.x0
        m.submodules[f"exp{lane}"] = exp = ShiftExp(
            fraction_bits=n, difference_bits=self.input_bits + 1, x0_bits=self.x0_bits
        )
        m.submodules[f"divide{lane}"] = divide = PipelinedDivider(
            dividend=LARGEST, divisor_bits=WIDTH, quotient_bits=self.quotient_bits
        )
        elements = Follow(m, advance, self._divided + 2).down(element, f"element{lane}_", reset_less=True)
        below = Signal(signed(self.input_bits + 1), name=f"below{lane}", reset_less=True)
        total = Signal(WIDTH, name=f"total{lane}", reset_less=True)
        own, one = exp.result, x0 << n
        grown = add(m, own, one if other is None else other, unsigned(WIDTH + 1), name=f"grown{lane}")
        m.d.comb += [
            exp.enable.eq(advance),
            exp.x0.eq(x0),
            exp.difference.eq(below),
            divide.enable.eq(advance),
            divide.divisor.eq(total),
        ]
        with m.If(advance):
            m.d.sync += [
                below.eq(Mux(element < 0, element, -element) if greatest is None else element - greatest),
                total.eq(grown[:WIDTH] | grown[WIDTH].replicate(WIDTH)),
            ]
        # The terms of the exponential wait for the quotient beside it.
        waits = Follow(m, advance, self._divided - 1 - ExpTerms.LATENCY)
        significand = waits.down(exp.terms.significand, f"significand{lane}_", reset_less=True)[-1]
        places = waits.down(exp.terms.places, f"places{lane}_", reset_less=True)[-1]
        if greatest is None:
            negative = elements[self._divided - 1][-1]
            significand, places = Mux(negative, significand, x0 << 1), Mux(negative, places, 0)
        sigmoid = self._sigmoid(m, lane, advance, significand, places, divide.quotient)
        output = Signal(signed(self.input_bits + self.rule.output_bits - 1), name=f"output{lane}", reset_less=True)
        with m.If(advance):
            m.d.sync += output.eq(elements[-1] * sigmoid)
        return output

    def _sigmoid(
        self, m: Module, lane: int, advance: Signal, significand: Value, places: Value, quotient: Value
    ) -> Signal:
        """``(significand * quotient << n >> 1 >> places) >> (32 - ob)``, two enabled cycles later."""
        n, ob = self.rule.fraction_bits, self.rule.output_bits
        left, right = max(0, ob + n - WIDTH - 2), max(0, WIDTH + 2 - ob - n)
        product = Signal(len(significand) + len(quotient), name=f"product{lane}", reset_less=True)
        moves = Signal(len(places), name=f"moves{lane}", reset_less=True)
        sigmoid = Signal(ob - 1, name=f"sigmoid{lane}", reset_less=True)
        with m.If(advance):
            m.d.sync += [
                product.eq(significand * quotient),
                moves.eq(places),
                sigmoid.eq((Cat(Const(0, left), product) >> moves) >> right),
            ]
        return sigmoid
>>>>>>> main
