"""A PE of bit planes: the products of two planes are counted, shifted by their place and added to the sum."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.bit_planes import BitPlanesConfig
from ...config.checks import check_class
from ..wires.adders import add
from ..wires.balanced import balanced


class PlanePE(wiring.Component):
    """``total = (first ? 0 : total) + (count << place)``, where ``count`` is of the planes one enabled cycle before.

    ``count`` is the number of lanes in which both bits are 1, negated by ``negative``; of bipolar planes the lanes whose bits are
    alike less those whose bits are not, and less ``padding``.

    LATENCY: 2 enabled cycles from planes to ``total``.

    Parameters
    ----------
    config
        The tile.

    Members
    -------
    advance : In(1)
    weight, activation : In(lanes)
        A plane of each.
    negative : In(1)
        Exactly one of the planes counts negatively. Where an operand is signed.
    padding : In(range(lanes))
        Lanes that are no operands. Where operands are bipolar.
    place : In(range(places))
        Of the planes that were given one enabled cycle before.
    first, joins : In(1)
        Of those as well: nothing was before them; they are there and this is an enabled cycle.
    total : Out(signed(total_bits))
        With them, in the same cycle.
    """

    def __init__(self, *, config: BitPlanesConfig) -> None:
        self.config = check_class(config, BitPlanesConfig, "PlanePE")
        super().__init__({
            "advance": In(1),
            "weight": In(config.lanes),
            "activation": In(config.lanes),
            **({"negative": In(1)} if config.is_signed else {}),
            **({"padding": In(range(config.lanes))} if config.is_bipolar else {}),
            "place": In(range(config.places)),
            "first": In(1),
            "joins": In(1),
            "total": Out(signed(config.total_bits)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.total_bits
        lanes = self.config.lanes
        # -lanes to lanes; of bipolar planes down to lanes less the padding.
        least = 2 * lanes - 1 if self.config.is_bipolar else lanes
        count = Signal(range(-least, lanes + 1), reset_less=True)
        total = Signal(signed(bits), reset_less=True)
        with m.If(self.advance):
            m.d.sync += count.eq(self._bipolar() if self.config.is_bipolar else self._count())
        shifted = Signal(signed(bits))
        m.d.comb += shifted.eq(count << self.place)
        before = Mux(self.first, Const(0, signed(bits)), total)
        m.d.comb += self.total.eq(add(m, before, shifted, signed(bits), name="sum"))
        with m.If(self.joins):
            m.d.sync += total.eq(self.total)
        return m

    def _count(self) -> Value:
        ones = _ones(self.weight & self.activation)
        if not self.config.is_signed:
            return ones
        signs = self.negative.replicate(len(ones) + 1)
        return (Cat(ones, Const(0, 1)) ^ signs).as_signed() + self.negative

    def _bipolar(self) -> Value:
        alike = Cat(Const(0, 1), _ones(~(self.weight ^ self.activation)))
        return alike - self.config.lanes - self.padding


def _ones(bits: Value) -> Value:
    """How many bits are 1."""
    return balanced(list(bits), lambda left, right, _name: left + right)
