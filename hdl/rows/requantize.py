"""Requantization: a multiplication, a rounded shift and saturation, with multiplier and shift of each element."""

from __future__ import annotations

from typing import get_args

from amaranth import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from ...config.nonlinear import MULTIPLIER_BITS, TieRule
from ..products.digit_product import digit_product
from ..wires.adders import add
from ..wires.at_least import check_at_least
from ..wires.handshake import free
from .layouts import row_layout
from .row_unit import Cycles, RowUnit

SHIFT_BITS = 8
"""Width of a shift that is enough for all products there are: one by more than a product's width gives 0 at any rate."""


def requantized_layout(*, in_bits: int, multiplier_bits: int, shift_bits: int) -> data.StructLayout:
    """An element to requantize: ``z``, ``m`` and ``e``. Channels have constants of their own, so they go with the element."""
    return data.StructLayout({"value": signed(in_bits), "multiplier": signed(multiplier_bits + 1), "shift": shift_bits})


class Requantize(RowUnit):
    """``round(z * m / 2**e)``, saturated at signed integers of ``out_bits``; masked elements give 0.

    The product is exact and rounded once, halves to ``even`` or ``up``, toward plus infinity.

    Throughput: ``lanes`` elements a cycle.

    Parameters
    ----------
    lanes
        Elements of a beat, at least 1.
    in_bits
        Width of the signed ``z``, 2 to 33.
    out_bits
        Width of the signed result, 2 to 32.
    multiplier_bits
        Width of the magnitude of ``m``, which has a sign beside, 1 to 31.
    ties
        ``even`` or ``up``.
    shift_bits
        Width of ``e``, 1 to 8.

    Attributes
    ----------
    STAGES
        Cycles from the transfer of a beat to ``o.valid``, without stalls: product, shift, rounding.

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, requantized_layout(...))))
    o : Out(stream.Signature(row_layout(lanes, signed(out_bits))))

    Raises
    ------
    ValueError
        If a width or the tie rule is not one of those listed.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Dyadic arithmetic"; the tie rules are those of the authors' PyTorch
    (even) and TVM (up) code.
    """

    STAGES = 3

    def __init__(
        self,
        *,
        lanes: int,
        in_bits: int,
        out_bits: int,
        multiplier_bits: int = MULTIPLIER_BITS,
        ties: TieRule,
        shift_bits: int = SHIFT_BITS,
    ) -> None:
        check_at_least("Requantize", 1, lanes=lanes)
        ranges = {
            "in_bits": (in_bits, 2, 33),
            "out_bits": (out_bits, 2, 32),
            "multiplier_bits": (multiplier_bits, 1, MULTIPLIER_BITS),
            "shift_bits": (shift_bits, 1, SHIFT_BITS),
        }
        for name, (value, least, most) in ranges.items():
            if isinstance(value, bool) or value not in range(least, most + 1):
                raise ValueError(f"Requantize {name} must be from {least} to {most}, not {value!r}")
        if ties not in get_args(TieRule):
            raise ValueError(f"Requantize ties must be one of {', '.join(get_args(TieRule))}, not {ties!r}")
        self.lanes = lanes
        self.in_bits = in_bits
        self.out_bits = out_bits
        self.multiplier_bits = multiplier_bits
        self.ties: TieRule = ties
        self.shift_bits = shift_bits
        element = requantized_layout(in_bits=in_bits, multiplier_bits=multiplier_bits, shift_bits=shift_bits)
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, element))),
            "o": Out(stream.Signature(row_layout(lanes, signed(out_bits)))),
        })  # fmt: skip

    @property
    def first_result(self) -> Cycles:
        return Cycles(0, self.STAGES)

    @property
    def row_period(self) -> Cycles:
        return Cycles(1, 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        advance = Signal()
        valids = Signal(self.STAGES)
        beside = [Signal(self.lanes + 1, name=f"beside{stage}", reset_less=True) for stage in range(self.STAGES)]
        m.d.comb += [
            advance.eq(free(self.o)),
            self.i.ready.eq(advance),
            self.o.valid.eq(valids[-1]),
            Cat(self.o.payload.last, self.o.payload.keep).eq(beside[-1]),
        ]
        with m.If(advance):
            m.d.sync += valids.eq(Cat(self.i.valid, valids))
            for after, before in zip(beside, [Cat(self.i.payload.last, self.i.payload.keep), *beside], strict=False):
                m.d.sync += after.eq(before)
        for lane in range(self.lanes):
            result = Signal(signed(self.out_bits), name=f"result{lane}", reset_less=True)
            m.d.comb += self.o.payload.elements[lane].eq(result)
            rounded = self._lane(m, lane, advance, self.i.payload.elements[lane])
            with m.If(advance):
                m.d.sync += result.eq(rounded & beside[-2][lane + 1].replicate(self.out_bits))
        return m

    def _lane(self, m: Module, lane: int, advance: Signal, element: data.View) -> Value:
        """The result of the element of two transfers ago, in two's complement."""

        def register(value: Value, name: str) -> Signal:
            held = Signal(value.shape(), name=f"{name}{lane}", reset_less=True)
            with m.If(advance):
                m.d.sync += held.eq(value)
            return held

        bits = self.in_bits + self.multiplier_bits + 1
        significand, carry = digit_product(m, element.value, element.multiplier, signed(bits))
        whole = add(m, significand, carry, signed(bits), name=f"whole{lane}")
        product, shift = register(whole, "product"), register(element.shift, "shift")
        negative = product[-1]
        # Of a negative number the complement is shifted, so that zeros come in; one more bit below is the half of a shift by 0.
        rest: Value = Cat(Const(0, 1), product[:-1]) ^ negative.replicate(bits)
        over, below = [], []
        stages = min(self.shift_bits, bits.bit_length())
        for stage in reversed(range(stages)):
            distance = 1 << stage
            moves = shift[stage]
            lost = rest[:distance] ^ negative.replicate(min(distance, len(rest)))
            below.append(moves & lost.any())
            moved = Signal(len(rest), name=f"moved{lane}_{stage}")
            m.d.comb += moved.eq((rest >> distance) & moves.replicate(len(rest)) | rest & (~moves).replicate(len(rest)))
            # What the shifts that are left cannot bring down any more makes the result too great.
            window = self.out_bits + distance - 1
            rest = moved[:window]
            if len(moved) > window:
                over.append(moved[window:].any())
        far = shift[stages:].any() if self.shift_bits > stages else Const(0, 1)
        return self._rounded(
            m, lane, register(Cat(rest, Const(0, self.out_bits))[: self.out_bits], "kept"), register(negative, "negative"),
            register(Cat(Const(0, 1), over).any(), "over"), register(Cat(below).any(), "below"), register(far, "far"),
        )  # fmt: skip

    def _rounded(
        self, m: Module, lane: int, kept: Value, negative: Value, over: Value, below: Value, far: Value
    ) -> Value:
        """``kept`` is the half and the bits above it, complemented if ``negative``."""
        half, whole = kept[0] ^ negative, kept[1:]
        up = half if self.ties == "up" else half & (below | (whole[0] ^ negative))
        # The greatest number is not rounded up, which is all there is to saturate after rounding.
        up = up & ~(whole.all() & ~negative) & ~over
        limited = whole | over.replicate(len(whole))
        result = Signal(signed(self.out_bits), name=f"rounded{lane}")
        m.d.comb += result.eq(((Cat(limited, Const(0, 1)) ^ negative.replicate(self.out_bits)) + up)[: self.out_bits])
        return result & (~far).replicate(self.out_bits)
