"""Bins by coarse exponent: the high exponent bits choose an adder tree instead of a position."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import data

from ...formats import Product
from ..mac.layouts import product_exponent_offset
from .adder_tree import TermRange
from .aligner import Aligner, stepped, term_has_carry
from .parts_tree import Part, parts_layout


def bin_size(product: Product) -> int:
    """Positions a bin: the power of two that is at least twice as wide as a significand.

    Bins overlap by a significand's width, in which the trees of both have adders; smaller bins would overlap more.
    """
    return 1 << (2 * product.significand_product_bits - 1).bit_length()


def bins(product: Product) -> tuple[Part, ...]:
    """The bins that exponents reach, lowest first, each with the range of its terms."""
    offset, size = product_exponent_offset(product), bin_size(product)
    top = product.exponent_span + offset
    found = []
    for coarse in range(offset // size, top // size + 1):
        # The lowest exponents of the lowest bin do not occur, and terms have no bits for them.
        unused = max(0, offset - coarse * size)
        highest = min(size - 1, top - coarse * size)
        greatest = ((1 << product.significand_product_bits) - 1) << (highest - unused)
        terms = TermRange(-greatest if product.sign_bit else 0, greatest, carry=term_has_carry(product))
        found.append(Part(max(0, coarse * size - offset), terms))
    return tuple(found)


class BinnedAligner(Aligner):
    """Shift by the low exponent bits only; the term is the part of one bin, and all other parts are zero.

    Parameters and members are those of ``Aligner``, for products of sign and magnitude; the term has a part per bin.
    """

    @staticmethod
    def layout(product: Product, *, shift: bool) -> data.StructLayout:
        """Layout of the term: a part per bin, or as ``Aligner`` has it."""
        return parts_layout(bins(product)) if shift else Aligner.layout(product, shift=False)

    @staticmethod
    def biased(product: Product) -> bool:
        """Never: a part that is not chosen is 0."""
        return False

    def _place(self, m: Module, bits: Value, low: Value, high: Value) -> None:
        size, exponent = bin_size(self.facts), self.product.exponent
        low_bits = min(size.bit_length() - 1, len(exponent))
        for index in range(low_bits):
            bits = stepped(m, bits, 1 << index, exponent[index], low, high)
        offset = product_exponent_offset(self.facts)
        for index in range(len(bins(self.facts))):
            part = self.term[f"part{index}"]
            coarse = offset // size + index
            unused = max(0, offset - coarse * size)
            here = Signal(name=f"here{index}")
            m.d.comb += [
                here.eq(exponent[low_bits:] == coarse),
                part.significand.eq((Cat(bits, high)[unused:] & here.replicate(len(bits) + 1 - unused)).as_signed()),
                part.carry.eq(low & here),
            ]
