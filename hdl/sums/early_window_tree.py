"""The aligned window with less in its lanes: signs before the shift, short shifts before long ones, no comparators."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ...formats import Product
from ..mac.layouts import product_exponent_offset, product_layout, product_width
from ..wires.greatest import greatest_of
from .aligner import Aligner
from .window_tree import WindowTree


class EarlyAligner(Aligner):
    """The product as it is, and whether it takes part in the search. Combinational, of signs, magnitudes and exponents.

    Parameters and members are those of ``Aligner``; the term has a sign and a magnitude.
    """

    @staticmethod
    def layout(product: Product, *, shift: bool) -> data.StructLayout:
        """Layout of the term."""
        if shift:
            raise ValueError("EarlyAligner shift must be False: a window aligns, not True")
        fields = product_layout(product)
        return data.StructLayout({
            "sign": fields["sign"].width,
            "significand": product_width(product),
            "nonzero": 1,
            "exponent": fields["exponent"].width,
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [
            self.term.sign.eq(self.product.sign),
            self.term.significand.eq(self.product.significand),
            self.term.nonzero.eq(self.product.significand.any()),
            self.term.exponent.eq(self.product.exponent),
        ]
        return m


class EarlyWindowTree(WindowTree):
    """The same sum as ``WindowTree``, of lanes with ``EarlyAligner``.

    A significand takes its sign while it is short. The low bits of its distance from the greatest exponent move it to the left
    within its group of places; the high bits choose the group. The greatest exponent is found bit by
    bit over all lanes at once. With registers, one is behind the search.

    Parameters and members are those of ``WindowTree``; products have signs, magnitudes and exponents.
    """

    KEY = "early window"

    @staticmethod
    def term_layout(product: Product) -> data.StructLayout:
        return EarlyAligner.layout(product, shift=False)

    @property
    def _search_latency(self) -> int:
        return int(self._selects and self.registered)

    def _body(self, m: Module, term: data.View, lane: int) -> Value:
        return term.significand

    def _sign(self, term: data.View) -> Value:
        return term.sign if len(term.sign) else Const(0, 1)

    def _greatest(self, m: Module, bodies: list[Value], exponents: list[Value]) -> Value:
        alive = [self.term(lane).nonzero for lane in range(self.lanes)]
        found = greatest_of(m, [Cat(exponent, Const(0, 1)) for exponent in exponents], alive, name="greatest")
        least = product_exponent_offset(self.facts)
        greatest = Signal(len(exponents[0]), name="greatest_exponent")
        m.d.comb += greatest.eq(Mux(Cat(alive).any(), found[: len(greatest)], least))
        return self._registered(m, greatest, "greatest") if self.registered else greatest

    def _cut(self, m: Module, body: Value, sign: Value, distance: Value, lane: int) -> data.View:
        fine = min(len(distance), (len(body) - 1).bit_length())
        size = 1 << fine
        field: Value = Signal(len(body), name=f"signed{lane}")
        m.d.comb += field.eq(body ^ sign.replicate(len(body)))
        for index in range(fine):
            fill = sign.replicate(1 << index)
            moved = Signal(len(field) + (1 << index), name=f"moved{lane}_{1 << index}")
            m.d.comb += moved.eq(Mux(distance[index], Cat(field, fill), Cat(fill, field)))
            field = moved
        # Where the field's least bit stands in the window, for every group; its magnitude's bits below that are lost.
        bases = [self.raised - size + 1 - size * group for group in range((self.facts.exponent_span >> fine) + 1)]
        here = Signal(len(bases), name=f"group{lane}")
        m.d.comb += here.eq(Cat(distance[fine:] == group for group in range(len(bases))))
        bits = [self._bit(place, field, sign, here, bases) for place in range(self.width)]
        if self.jams and self.raised < self.facts.exponent_span:
            lost = Signal(name=f"lost{lane}")
            m.d.comb += lost.eq(
                Cat(here[group] & _differs(field[:-base], sign) for group, base in enumerate(bases) if base < 0).any()
            )
            bits[0] = Mux(lost, ~sign, bits[0])
        term = Signal(self.terms.layout(1), name=f"term{lane}_aligned")
        m.d.comb += [term.significand.eq(Cat(*bits, sign).as_signed()), term.carry.eq(sign)]
        return term

    def _bit(self, place: int, field: Value, sign: Value, here: Value, bases: list[int]) -> Value:
        """One bit of the term: the field's of the group that is here, or the sign beside the field."""
        inside = [
            (here[group], field[place - base]) for group, base in enumerate(bases) if 0 <= place - base < len(field)
        ]
        if len(inside) == 0:
            return sign
        chosen, beside = Const(0, 1), sign
        for hit, bit in inside:
            chosen, beside = chosen | (hit & bit), beside & ~hit
        return chosen | beside


def _differs(bits: Value, sign: Value) -> Value:
    """Whether any bit is not the sign: whether the magnitude has a 1 there."""
    return Mux(sign, ~bits.all(), bits.any())
