"""Sign and position: from a sign-magnitude product with an exponent to fixed point."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..formats import Product, signed_bits
from .layouts import product_exponent_offset, product_layout, significand_product_bits, term_layout


def aligned_bits(product: Product) -> int:
    """Width of an aligned term; its one's complement reaches one further down than the product itself."""
    return signed_bits(product.fixed_min - int(product.sign_bit), product.fixed_max)


class Aligner(wiring.Component):
    """Negate by one's complement and shift left into fixed point. Combinational.

    ``(term.significand + term.carry) * 2**min_exponent`` is the product's value. Shifting after the XOR with the sign and
    filling both ends with it makes the XOR part of the first multiplexer, a single LUT4 a bit. Small shifts come first: the
    value is then as narrow as it can be in every stage.

    Parameters
    ----------
    product
        Facts about the operand formats.
    shift
        If false only the sign is applied and the exponent is passed on, for accumulators that align by themselves.

    Members
    -------
    product : In(product_layout)
    term : Out(term_layout)
    """

    def __init__(self, *, product: Product, shift: bool = True) -> None:
        self.facts = product
        self.shift = shift and product.exponent_span > 0
        super().__init__({"product": In(product_layout(product)), "term": Out(self.layout(product, shift=shift))})

    @staticmethod
    def layout(product: Product, *, shift: bool):  # noqa: ANN205 - the layout's own type
        if shift:
            return term_layout(aligned_bits(product), carry=product.sign_bit)
        exponent_bits = product_layout(product)["exponent"].width
        bits = significand_product_bits(product) + int(not product.significand_signed)
        return term_layout(bits, carry=product.sign_bit, exponent_bits=exponent_bits)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sign: Value = self.product.sign if self.facts.sign_bit else Value.cast(0)[:1]
        bits = Cat(bit ^ sign for bit in Value.cast(self.product.significand)) if self.facts.sign_bit else Cat(
            self.product.significand)  # fmt: skip
        fixed = self._shifted(m, bits, sign) if self.shift else Cat(bits, self._fill(bits, sign))
        m.d.comb += [
            self.term.significand.eq(fixed.as_signed()),
            self.term.carry.eq(sign),
        ]
        if not self.shift:
            m.d.comb += self.term.exponent.eq(self.product.exponent)
        return m

    def _fill(self, bits: Value, sign: Value) -> Value:
        return bits[-1] if self.facts.significand_signed else sign

    def _shifted(self, m: Module, bits: Value, sign: Value) -> Value:
        offset = product_exponent_offset(self.facts)
        width = aligned_bits(self.facts) + offset
        high = self._fill(bits, sign)
        for index, select in enumerate(self.product.exponent):
            distance = 1 << index
            grown = min(len(bits) + distance, width)
            kept = Cat(bits, high.replicate(grown - len(bits)))
            moved = Cat(sign.replicate(distance), bits)[:grown]
            bits = Mux(select, moved, kept)
        return Cat(bits, high.replicate(width - len(bits)))[offset:]


