"""A group's sum times its 8-bit scale, a bit a cycle, and the sum over groups: the second half of a bit-serial PE."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_serial import BitSerialConfig
from ...config.checks import check_class
from ...formats.block import GROUP_SCALE_BITS
from ..wires.adders import add
from .serial_aligner import exponent_bits

COMMANDS = ("capture", "multiply", "lower", "lift", "join", "clear")
"""What a row tells all its scalers, at most one thing about the product and one about the total in a cycle."""


class SerialScaler(wiring.Component):
    """``total = round_half_up(total / 2**grows) + round_half_up(round_half_up(sum / 2**drop) * scale / 2**joins)``.

    ``capture`` takes the sum; eight times ``multiply`` adds the sum where the scale has a one, from its lowest bit, and moves the
    product down; ``lower`` moves the product, ``lift`` the total down by a place each; ``join`` adds them, with the last bit that
    left either. One adder as wide as the sum, one as wide as the total.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    sum : In(signed(group_bits))
    scale_bit : In(1)
    capture, multiply, lower, lift, join, clear : In(1)
    total : Out(signed(total_bits))

    Source: BitMoD (HPCA 2025), section IV, bit-serial dequantization.
    """

    def __init__(self, *, config: BitSerialConfig) -> None:
        check_class(config, BitSerialConfig, "SerialScaler")
        self.config = config
        super().__init__({
            "sum": In(signed(config.group_bits)),
            "scale_bit": In(1),
            **{name: In(1) for name in COMMANDS},
            "total": Out(signed(config.total_bits)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        partial = Signal(signed(config.partial_bits), reset_less=True)
        round_up = Signal(reset_less=True)
        high = Signal(signed(config.partial_bits), reset_less=True)
        low = Signal(GROUP_SCALE_BITS, reset_less=True)
        half = Signal(reset_less=True)
        total = Signal(signed(config.total_bits))
        m.d.comb += self.total.eq(total)

        addend = Signal(signed(config.partial_bits))
        m.d.comb += addend.eq(Mux(self.scale_bit, partial, 0))
        added = add(m, high, addend, signed(config.partial_bits + 1), carry=self.scale_bit & round_up, name="added")
        with m.If(self.capture):
            m.d.sync += [partial.eq(self.sum >> config.drop), high.eq(0), half.eq(0)]
            if config.drop:
                m.d.sync += round_up.eq(self.sum[config.drop - 1])
        with m.Elif(self.multiply):
            m.d.sync += Cat(low, high).eq(Cat(low[1:], added))
        with m.Elif(self.lower):
            m.d.sync += Cat(low, high).eq(Cat(low[1:], high, high[-1]))
        with m.If(self.lower):
            m.d.sync += half.eq(low[0])
        with m.Elif(self.lift):
            m.d.sync += half.eq(total[0])

        product: Value = Cat(low, high).as_signed()
        joined = add(m, total, product, total.shape(), carry=half, name="joined")
        with m.If(self.clear):
            m.d.sync += total.eq(0)
        with m.Elif(self.join):
            m.d.sync += total.eq(joined)
        with m.Elif(self.lift):
            m.d.sync += total.eq(total >> 1)
        return m


class ScalerControl(wiring.Component):
    """When a row's scalers do what: multiply, bring the lower of product and total to the other's exponent, join.

    A group takes ``8 + joins`` cycles after its capture, or ``grows`` if that is more, and one to join.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    capture : In(1)
        A group's sum is there; not while ``busy``.
    first : In(1)
        It is its tile's first.
    group_exponent : In(exponent_bits)
    busy : Out(1)
        From the cycle after ``capture`` until the one in which the product joins, that one included.
    multiply, lower, lift, join : Out(1)
    exponent : Out(exponent_bits)
        That of the total.
    """

    def __init__(self, *, config: BitSerialConfig) -> None:
        check_class(config, BitSerialConfig, "ScalerControl")
        self.config = config
        exponent = exponent_bits(config)
        super().__init__({
            "capture": In(1),
            "first": In(1),
            "group_exponent": In(exponent),
            "busy": Out(1),
            "multiply": Out(1),
            "lower": Out(1),
            "lift": Out(1),
            "join": Out(1),
            "exponent": Out(exponent),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        busy, bits_left = Signal(), Signal(range(GROUP_SCALE_BITS + 1))
        joins, grows = (
            Signal(range(self.most(self.config.scaled_bits) + 1)),
            Signal(range(self.most(self.config.total_bits) + 1)),
        )
        m.d.comb += [
            self.busy.eq(busy),
            self.multiply.eq(bits_left.any()),
            self.lower.eq(~bits_left.any() & joins.any()),
            self.lift.eq(grows.any()),
            self.join.eq(busy & ~bits_left.any() & ~joins.any() & ~grows.any()),
        ]
        with m.If(self.multiply):
            m.d.sync += bits_left.eq(bits_left - 1)
        with m.If(self.lower):
            m.d.sync += joins.eq(joins - 1)
        with m.If(self.lift):
            m.d.sync += grows.eq(grows - 1)
        with m.If(self.join):
            m.d.sync += busy.eq(0)
        with m.If(self.capture):
            m.d.sync += [busy.eq(1), bits_left.eq(GROUP_SCALE_BITS)]
        if not self.config.is_integer:
            self._exponents(m, joins, grows)
        return m

    def most(self, bits: int) -> int:
        """The greatest number of places to move something of so many bits."""
        if self.config.is_integer:
            return 0
        fmt = self.config.activation_float
        # What is given may be any code of an exponent, 0 and the one of infinities among them.
        span = (1 << fmt.exponent_bits) - 1 if self.config.exponents_given else fmt.max_exponent - fmt.min_exponent
        return min(bits, span)

    def _exponents(self, m: Module, joins: Signal, grows: Signal) -> None:
        exponent = Signal.like(self.exponent)
        above, below = Signal(len(exponent)), Signal(len(exponent))
        m.d.comb += [
            self.exponent.eq(exponent),
            above.eq(self.group_exponent - exponent),
            below.eq(exponent - self.group_exponent),
        ]
        with m.If(self.capture):
            with m.If(self.first):
                m.d.sync += exponent.eq(self.group_exponent)
            with m.Elif(self.group_exponent > exponent):
                m.d.sync += [
                    exponent.eq(self.group_exponent),
                    grows.eq(_at_most(above, self.most(self.config.total_bits))),
                ]
            with m.Else():
                m.d.sync += joins.eq(_at_most(below, self.most(self.config.scaled_bits)))


def _at_most(value: Value, limit: int) -> Value:
    return value if (1 << len(value)) - 1 <= limit else Mux(value > limit, limit, value)
