"""Products of integers by signed radix-4 digits, left as bits, with a wire per multiple for and-or gates of standard cells."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Shape, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product
from ..mac.layouts import decoded_layout
from ..sums.weights import Weights
from .digit_product import digit_rows_size, signed_digits


def digit_weights(product: Product) -> Weights:
    """What the bits of ``DigitMultiplier`` are worth, and the constant: together they are the negated product."""
    rows, width = _size(product)
    bits: list[int] = []
    constant = 0
    for row in range(rows):
        places = [1 << 2 * row + bit for bit in range(width)]
        bits += [*places, places[0]]
        # All but the sign bit are complements.
        constant -= sum(places[:-1]) + places[0]
    return Weights(tuple(bits), constant)


def digits_layout(product: Product) -> data.StructLayout:
    """Layout of a term that is left as the bits of a row per digit, each row's complement flag above it."""
    rows, width = _size(product)
    return data.StructLayout({"bits": rows * (width + 1)})


class DigitMultiplier(wiring.Component):
    """``-a * b = sum of weight * bit + constant``, for digits -1, 0, 1, 2 of the narrower operand, the top one -2 .. 2.

    Combinational.

    A row bit is ``a[i] & once | a[i - 1] & twice | ~a[i] & minus``, one and-or-invert gate of standard cells, where a LUT takes
    its selects encoded (``digit_product``). Nothing is added up here; rows are three fifths of the bits that ``BitMultiplier``
    leaves, for 8 by 8 bits. The product is negated because those gates invert.

    Parameters
    ----------
    product
        Facts about the operand formats, without exponents and sign bits.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(digits_layout)
    """

    def __init__(self, *, product: Product) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"DigitMultiplier product must be a Product, not {product!r}")
        self.facts = product
        super().__init__({
            "weight": In(decoded_layout(product.a)),
            "activation": In(decoded_layout(product.b)),
            "product": Out(digits_layout(product)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a, b = self.weight.significand, self.activation.significand
        if len(a) < len(b):
            a, b = b, a
        _, width = _size(self.facts)
        once = Cat(a, a[-1] if a.shape().signed else Const(0, 1), Const(0, 1))[:width]
        twice = Cat(Const(0, 1), once)[:width]
        bits: list[Value] = []
        *lower, top = signed_digits(m, b)
        for one, two, _ in lower:
            plus, minus, double = (select.replicate(width) for select in (one & ~two, one & two, two & ~one))
            bits += _complemented(once & plus | twice & double | ~once & minus, one & two)
        one, two, negative = top
        row = once & one.replicate(width) | twice & two.replicate(width)
        bits += _complemented(row ^ negative.replicate(width), negative)
        m.d.comb += self.product.bits.eq(Cat(bits))
        return m


def _complemented(row: Value, negative: Value) -> list[Value]:
    """Bits of the row and its flag, negated but for the constant: those that count positively are complements."""
    return [~row[:-1], row[-1], ~negative]


def _size(product: Product) -> tuple[int, int]:
    a, b = (Shape.cast(decoded_layout(fmt)["significand"].shape) for fmt in (product.a, product.b))
    return digit_rows_size(a, b)
