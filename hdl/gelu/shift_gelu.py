"""I-ViT's ShiftGELU: a sigmoid of two shifted exponentials and a division in each lane."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import LARGEST, WIDTH, ShiftGeluRule
from ..rows.exp_terms import ExpTerms
from ..rows.layouts import row_layout
from ..rows.pipelined_divider import PipelinedDivider
from ..rows.row_maximum import RowMaximum
from ..rows.row_replay import RowReplay
from ..rows.row_unit import Cycles, RowUnit
from ..rows.shift_exp import ShiftExp
from ..wires.adders import add
from ..wires.at_least import check_at_least
from ..wires.follow import Follow
from ..wires.handshake import free

PASSES = 2


class ShiftGelu(RowUnit):
    """``golden.nonlinear.shift_gelu`` of each element, in units of ``scale * 2**(1 - ob)``; masked elements give 0.

    With ``m`` the maximum of the row, or ``max(x, 0)`` if the rule says ``element``::

        e = shift_exp(x - m);  e2 = shift_exp(-m);  S = min(e + e2, 2**31 - 1)
        y = x * ((e * ((2**31 - 1) // S)) >> (32 - ob))

    ``element``: one pass, and one exponential a lane, because of ``x - m`` and ``-m`` one is 0. ``S`` is at least ``x0 << n``, so
    that a quotient has no more than ``31 - n`` bits, each of them a stage. ``row``: the row is kept, the first pass finds its
    maximum, and quotients have 30 bits, because ``S`` is at least 2.

    Throughput: ``lanes`` elements a cycle in each pass. With ``row`` a row of ``L`` elements takes ``row_cycles(L)`` cycles
    until the next one is taken.

    Parameters
    ----------
    rule
        Widths and which maximum; the rounding of ``x0`` is the business of whoever sets it.
    lanes
        Elements of a beat, at least 1.
    max_length
        ``row`` only, where it must be given: elements of the longest row. A row of more, rounded up to beats, is cut.
    input_bits
        Width of the signed elements.
    x0_bits
        Width of ``x0``; ``x0 << n`` must fit 31 bits. As many as do, but no more than 9, if None.
    states_error
        Whether there is a port ``error``; with ``row`` there must be.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, signed(input_bits))))
    o : Out(stream.Signature(row_layout(lanes, signed(input_bits + ob - 1))))
    constants : In(StructLayout({"x0": x0_bits}))
        The magnitude of ``golden.nonlinear.integer_reciprocal``, 1 or more; stable while elements are inside.
    error : Out(1)
        A row was cut; stays until reset. Nothing drives it with ``element``. Not there without ``states_error``.

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
        x0_bits: int | None = None,
        states_error: bool = True,
    ) -> None:
        check_class(rule, ShiftGeluRule, "ShiftGelu", "rule")
        self.by_row = rule.maximum == "row"
        if (max_length is None) == self.by_row:
            raise ValueError(f"ShiftGelu max_length must be given with the maximum of the row only, not {max_length!r}")
        longest = 1 if max_length is None else max_length
        check_at_least("ShiftGelu", 1, lanes=lanes, max_length=longest)
        check_at_least("ShiftGelu", 2, input_bits=input_bits)
        most = WIDTH - rule.fraction_bits
        x0_bits = min(9, most) if x0_bits is None else x0_bits
        if isinstance(x0_bits, bool) or x0_bits not in range(1, most + 1):
            raise ValueError(f"ShiftGelu x0_bits must be from 1 to {most}, not {x0_bits!r}")
        self.rule = rule
        self.lanes = lanes
        self.max_length = max_length
        self.input_bits = input_bits
        self.x0_bits = x0_bits
        self.quotient_bits = WIDTH - 1 if self.by_row else WIDTH - rule.fraction_bits
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, signed(input_bits)))),
            "o": Out(stream.Signature(row_layout(lanes, signed(input_bits + rule.output_bits - 1)))),
            "constants": In(data.StructLayout({"x0": x0_bits})),
            **({"error": Out(1)} if states_error else {}),
        })  # fmt: skip

    @property
    def _divided(self) -> int:
        """Stages up to the quotient: difference, exponential, sum, division."""
        return 1 + ShiftExp.LATENCY + 1 + self.quotient_bits

    @property
    def STAGES(self) -> int:
        """Cycles from a beat's transfer, or its turn in the second pass, to ``o.valid`` with its output, without stalls."""
        return self._divided + 3

    @property
    def row_period(self) -> Cycles:
        return Cycles(PASSES, RowReplay.GAP) if self.by_row else Cycles(1, 0)

    @property
    def first_result(self) -> Cycles:
        replayed = RowReplay.LATENCY + RowReplay.GAP
        return Cycles(1, replayed + self.STAGES) if self.by_row else Cycles(0, self.STAGES)

    def row_cycles(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to that of the next row's."""
        return self.row_period.of(-(-length // self.lanes))

    def latency(self, length: int) -> int:
        """Cycles from the transfer of a row's first beat to ``o.valid`` with its first output."""
        return self.first_result.of(-(-length // self.lanes))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        m.d.comb += advance.eq(free(self.o))
        if self.by_row:
            valid, beat, greatest, other = self._row(m, advance)
        else:
            m.d.comb += self.i.ready.eq(advance)
            valid, beat, greatest, other = self.i.valid, self.i.payload, None, None
        follow = Follow(m, advance, self.STAGES)
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
        m.submodules.other = other = ShiftExp(
            fraction_bits=self.rule.fraction_bits,
            difference_bits=self.input_bits + 1,
            x0_bits=self.x0_bits,
            rises=True,
        )
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
