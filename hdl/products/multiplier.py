"""The exact product of two decoded operands."""

from __future__ import annotations

from typing import Literal

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product
from ..mac.layouts import decoded_layout, product_has_carry, product_layout
from .digit_product import digit_product
from .table_product import table_product


class Multiplier(wiring.Component):
    """Multiply significands, add exponents, XOR signs. Combinational and exact for any pair of formats.

    Parameters
    ----------
    product
        Facts about the operand formats.
    style
        ``logic``: structures that fit LUTs and carry chains, signed radix-4 digits where an operand is signed and two bits at
        a time where none is; ``operator``: ``*``, for DSP blocks or the synthesizer's own multiplier.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(product_layout)
    """

    def __init__(self, *, product: Product, style: Literal["logic", "operator"] = "logic") -> None:
        if not isinstance(product, Product):
            raise TypeError(f"Multiplier product must be a Product, not {product!r}")
        if style not in ("logic", "operator"):
            raise ValueError(f"Multiplier style must be 'logic' or 'operator', not {style!r}")
        self.facts = product
        self.style = style
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(product_layout(product)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.weight, self.activation
        if self.style == "operator":
            m.d.comb += self.product.significand.eq(a.significand * b.significand)
        elif not product_has_carry(self.facts):
            m.d.comb += self.product.significand.eq(table_product(m, a.significand, b.significand))
        else:
            significand, carry = digit_product(m, a.significand, b.significand, self.product.significand.shape())
            m.d.comb += [self.product.significand.eq(significand), self.product.carry.eq(carry)]
        signs = [operand.sign for operand in (a, b) if len(operand.sign)]
        exponents = [operand.exponent for operand in (a, b) if len(operand.exponent)]
        if signs:
            m.d.comb += self.product.sign.eq(Cat(signs).xor())
        if exponents:
            m.d.comb += self.product.exponent.eq(sum(exponents[1:], exponents[0]))
        return m
