"""Products left as bits: an AND or a NAND per pair of the operands' bits, for sums over the bits of all lanes."""

from __future__ import annotations

from amaranth import Cat, Module, Shape
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product
from ..mac.layouts import decoded_layout
from ..sums.weights import Weights


def bit_weights(product: Product) -> Weights:
    """What the bits of ``BitMultiplier`` are worth, and the constant: together they are the negated product."""
    pairs = _pairs(product)
    return Weights(
        tuple(1 << place for place, _ in pairs), -sum(1 << place for place, complemented in pairs if complemented)
    )


def bits_layout(product: Product) -> data.StructLayout:
    """Layout of a term that is left as bits."""
    return data.StructLayout({"bits": len(_pairs(product))})


class BitMultiplier(wiring.Component):
    """``-a * b = sum of weight * bit + constant``, a bit for each bit of ``a`` and each of ``b``. Combinational.

    A sign bit counts negatively, and so do its products but for that of two signs. Those that count positively in the negated
    product are ANDs; the others are complemented, ``-x = ~x - 1``, and so are NANDs, which are smaller. Of a product that is not
    negated most would be ANDs.

    Parameters
    ----------
    product
        Facts about the operand formats, without exponents and sign bits.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(bits_layout)

    Source: C. R. Baugh, B. A. Wooley, A Two's Complement Parallel Array Multiplication Algorithm, IEEE Transactions on Computers
    C-22(12), 1973.
    """

    def __init__(self, *, product: Product) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"BitMultiplier product must be a Product, not {product!r}")
        self.facts = product
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(bits_layout(product)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.weight.significand, self.activation.significand
        both = [x & y for x in a for y in b]
        pairs = _pairs(self.facts)
        m.d.comb += self.product.bits.eq(
            Cat(~bit if negated else bit for bit, (_, negated) in zip(both, pairs, strict=True))
        )
        return m


def _pairs(product: Product) -> list[tuple[int, bool]]:
    """Place of each pair of bits, and whether the pair counts positively in the product, negatively in what is summed."""
    a, b = (Shape.cast(decoded_layout(fmt)["significand"].shape) for fmt in (product.a, product.b))
    return [
        (i + j, _is_sign(a, i) == _is_sign(b, j)) for i in range(a.width) for j in range(b.width)
    ]  # fmt: skip


def _is_sign(shape: Shape, bit: int) -> bool:
    return shape.signed and bit == shape.width - 1
