"""Placement among zeros: no sign is extended; what negative terms lack is counted over all lanes, a count per group of places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from ...formats import Product
from ..mac.layouts import product_exponent_offset, product_width
from .aligner import Aligner
from .weights import Weights


@dataclass(frozen=True)
class Group:
    """Exponents that share their high bits: a field of the term, and where it begins.

    Attributes
    ----------
    coarse
        The high bits.
    unused
        Low bits of the shifted significand that no exponent of the group reaches.
    place
        Of the field's least bit in the term.
    bits
        The field's width.
    """

    coarse: int
    unused: int
    place: int
    bits: int


_SHIFTED, _CHOSEN, _COUNTED = 2.2, 1.7, 5.0
"""Gates a lane for a bit that is shifted or not, a bit that a group gets or not, and a group's count, as found on sky130."""


@lru_cache
def fine_bits(product: Product) -> int:
    """Exponent bits that shift before the others choose a group: as many as make the least of shifters, groups and counts."""
    exponent_bits = (product.exponent_span + product_exponent_offset(product)).bit_length()

    def cost(fine: int) -> float:
        found = groups(product, fine=fine)
        shifted = fine * product_width(product) + (2 << fine) - 2 - fine
        return _SHIFTED * shifted + _CHOSEN * sum(group.bits for group in found) + _COUNTED * len(found)

    return min(range(1, exponent_bits + 1), key=cost)


def groups(product: Product, *, fine: int | None = None) -> tuple[Group, ...]:
    """The groups that exponents reach, lowest first, for so many ``fine_bits``."""
    offset, size = product_exponent_offset(product), 1 << (fine_bits(product) if fine is None else fine)
    top = product.exponent_span + offset
    found = []
    for coarse in range(offset // size, top // size + 1):
        unused = max(0, offset - coarse * size)
        highest = min(size - 1, top - coarse * size)
        found.append(Group(coarse, unused, max(0, coarse * size - offset), product_width(product) + highest - unused))
    return tuple(found)


def counted_layout(product: Product) -> data.StructLayout:
    """``bits``, each worth its place, and which group's field, if any, is a one's complement."""
    found = groups(product)
    width = max(group.place + group.bits for group in found)
    return data.StructLayout({"bits": width, "negative": len(found) if product.sign_bit else 0})


def counted_weights(product: Product) -> Weights:
    """What the bits of a term are worth: a one's complement of n bits that is negative is ``2**n - 1`` too much."""
    layout = counted_layout(product)
    negative = (-((1 << group.bits) - 1) << group.place for group in groups(product))
    return Weights((*(1 << place for place in range(layout["bits"].width)), *negative)[: layout.size])


class CountedAligner(Aligner):
    """Shift by the low exponent bits, then let the high ones choose the field of the term that it goes to. Combinational.

    A significand takes its sign, as a one's complement, while it is short, and the shift fills with the sign. Around the field
    stand zeros: nothing is extended to the ends of the term. The product is ``sum of bits[i] * 2**i - sum over groups of
    negative[g] * (2**n - 1) * 2**place``, for a group's field of n bits; the second sum is a count a group for all lanes.

    Parameters
    ----------
    product
        Facts about the operand formats, with signs, magnitudes and exponents.
    shift
        True: nothing but fixed point is made.

    Members
    -------
    product : In(product_layout)
    term : Out(counted_layout)
    """

    @staticmethod
    def layout(product: Product, *, shift: bool) -> data.StructLayout:
        """Layout of the term."""
        if not shift:
            raise ValueError("CountedAligner shift must be True, not False")
        return counted_layout(product)

    @staticmethod
    def biased(product: Product) -> bool:
        """Never: there is no sign to invert."""
        return False

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts, exponent = self.facts, self.product.exponent
        sign: Value = self.product.sign if facts.sign_bit else Const(0, 1)
        field: Value = Signal(product_width(facts), name="significand_signed")
        m.d.comb += field.eq(self.product.significand ^ sign.replicate(len(field)))
        low_bits = min(fine_bits(facts), len(exponent))
        for index in range(low_bits):
            fill = sign.replicate(1 << index)
            moved = Signal(len(field) + (1 << index), name=f"shifted{1 << index}")
            m.d.comb += moved.eq(Mux(exponent[index], Cat(fill, field), Cat(field, fill)))
            field = moved
        found = groups(facts)
        here = Signal(len(found))
        m.d.comb += here.eq(Cat(exponent[low_bits:] == group.coarse for group in found))
        for place in range(len(self.term.bits)):
            chosen: Value = Const(0, 1)
            for index, group in enumerate(found):
                if 0 <= place - group.place < group.bits:
                    chosen = chosen | (here[index] & field[place - group.place + group.unused])
            m.d.comb += self.term.bits[place].eq(chosen)
        if facts.sign_bit:
            m.d.comb += self.term.negative.eq(here & sign.replicate(len(found)))
        return m
