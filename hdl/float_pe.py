"""A lean FP16 x FP16 PE: one exact product a cycle under a running largest exponent. The baseline of bit-serial PEs."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .. import formats
from ..formats import Minifloat
from .adders import add
from .decoder import Decoder
from .serial_pe import moved_down


class FloatPE(wiring.Component):
    """``acc = round_half_up(acc / 2**grows) + round_half_up(product / 2**joins)``, of which one moves at a time.

    Nothing is normalised: the same kind of accumulator as the bit-serial PE's, but the exponents are the PE's own business,
    because those of products differ from PE to PE. One shifter serves accumulator and product.

    LATENCY: 2 enabled cycles from operands to ``total``.

    Parameters
    ----------
    fmt
        ``FP16`` or ``BF16``; operands must be numbers.
    bits, headroom
        Width of the accumulator, and its bits between sign and product.

    Members
    -------
    enable : In(1)
        The first stage moves on.
    weight, activation : In(codes)
    step, last : In(1)
        A product is in the second stage; it is the sum's last, after which the accumulator starts anew.
    total : Out(signed(bits))
        The sum with it, in the same cycle.
    exponent : Out
        The sum's biased exponent, of both operands together.
    """

    def __init__(self, *, fmt: str = "FP16", bits: int = 32, headroom: int = 7) -> None:
        row = formats.get(fmt)
        if not isinstance(row, Minifloat):
            raise ValueError(f"FloatPE fmt must be a float, not {fmt!r}")
        self.fmt = row
        self.bits = bits
        self.guard = bits - 1 - headroom - 2 * row.significand_bits
        if self.guard < 0:
            raise ValueError(f"FloatPE bits must be at least {bits - self.guard}, not {bits!r}")
        super().__init__({
            "enable": In(1),
            "weight": In(row.bits),
            "activation": In(row.bits),
            "step": In(1),
            "last": In(1),
            "total": Out(signed(bits)),
            "exponent": Out(row.exponent_bits + 1),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decode_weight = weight = Decoder(fmt=self.fmt)
        m.submodules.decode_activation = activation = Decoder(fmt=self.fmt)
        m.d.comb += [weight.code.eq(self.weight), activation.code.eq(self.activation)]
        factor = weight.decoded.significand
        significand = Signal(signed(self.fmt.significand_bits + 1))
        m.d.comb += significand.eq(Mux(weight.decoded.sign ^ activation.decoded.sign, -factor, factor))
        product = Signal(signed(2 * self.fmt.significand_bits + 1), reset_less=True)
        exponent = Signal(self.fmt.exponent_bits + 1, reset_less=True)
        with m.If(self.enable):
            m.d.sync += [
                product.eq(significand * activation.decoded.significand),
                exponent.eq(weight.decoded.exponent + activation.decoded.exponent),
            ]

        accumulator, reference = Signal(signed(self.bits)), Signal.like(exponent)
        above = Signal(signed(len(exponent) + 1))
        grows, distance = Signal(), Signal(len(exponent))
        placed = Signal(signed(self.bits))
        m.d.comb += [
            above.eq(exponent - reference),
            grows.eq(~above[-1]),
            distance.eq(Mux(grows, above, -above)),
            placed.eq(product << self.guard),
        ]
        lesser, greater = Signal(signed(self.bits)), Signal(signed(self.bits))
        m.d.comb += [lesser.eq(Mux(grows, accumulator, placed)), greater.eq(Mux(grows, placed, accumulator))]
        moved, half = moved_down(m, lesser, distance)
        total = add(m, moved, greater, signed(self.bits), carry=half, name="total")
        m.d.comb += [self.total.eq(total), self.exponent.eq(Mux(grows, exponent, reference))]
        with m.If(self.step):
            m.d.sync += Cat(accumulator, reference).eq(Cat(total, self.exponent))
        with m.If(self.step & self.last):
            m.d.sync += Cat(accumulator, reference).eq(0)
        return m
