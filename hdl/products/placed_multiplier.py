"""Products of minifloats of few exponents, multiplied and put in place at once by one-hot exponents."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Format, Product
from ..mac.layouts import decoded_layout, exponent_offset
from ..sums.aligner import Aligner, aligned_bits
from ..wires.balanced import balanced
from .table_product import table_product


class PlacedMultiplier(wiring.Component):
    """``term = (-1)**sign * a * b * 2**(exponent of a + exponent of b)`` in fixed point, as a one's complement. Combinational.

    Exponents of operands are a wire for each that there is, and so are those of products: an OR of ANDs of two, where an adder
    and a comparison would see exponents that never occur. Bit i of the magnitude is the OR over all places p of ``at[p] &
    significand[i - p]``.

    Parameters
    ----------
    product
        Facts about the operand formats, which have signs, magnitudes and exponents, few of them.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(term_layout)
        What ``Aligner`` gives.
    """

    def __init__(self, *, product: Product) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"PlacedMultiplier product must be a Product, not {product!r}")
        self.facts = product
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(placed_layout(product)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.weight, self.activation
        significand = table_product(m, a.significand, b.significand)
        first, second = self._one_hot(self.facts.a, a.exponent), self._one_hot(self.facts.b, b.exponent)
        at = Signal(self.facts.exponent_span + 1)
        m.d.comb += [
            at[place].eq(_any([x & second[place - i] for i, x in enumerate(first) if 0 <= place - i < len(second)]))
            for place in range(len(at))
        ]
        signs = [operand.sign for operand in (a, b) if len(operand.sign)]
        sign = Cat(signs).xor() if signs else Const(0, 1)
        width = aligned_bits(self.facts)
        magnitude = [
            _any([at[bit - i] & x for i, x in enumerate(significand) if 0 <= bit - i < len(at)]) for bit in range(width)
        ]
        m.d.comb += [
            self.product.significand.eq((Cat(magnitude) ^ sign.replicate(width)).as_signed()),
            self.product.carry.eq(sign),
        ]
        return m

    @staticmethod
    def _one_hot(fmt: Format, exponent: Value) -> list[Value]:
        offset = exponent_offset(fmt)
        return [exponent == offset + step for step in range(fmt.exponent_span + 1)] if len(exponent) else [Const(1, 1)]


def placed_layout(product: Product) -> data.StructLayout:
    """Layout of the term."""
    return Aligner.layout(product, shift=True)


def _any(bits: list[Value]) -> Value:
    return balanced(bits, lambda left, right, _: left | right) if bits else Const(0, 1)
