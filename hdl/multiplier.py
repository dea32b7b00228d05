"""The exact product of two decoded operands."""

from __future__ import annotations

from typing import Literal

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..formats import Product
from .adders import add
from .layouts import decoded_layout, product_layout


class Multiplier(wiring.Component):
    """Multiply significands, add exponents, XOR signs. Combinational and exact for any pair of formats.

    Parameters
    ----------
    product
        Facts about the operand formats.
    style
        ``logic``: AND rows summed in a balanced tree of carry chains; ``operator``: ``*``, for DSP blocks or the
        synthesizer's own multiplier.

    Members
    -------
    weight, activation : In(decoded_layout)
    product : Out(product_layout)
    """

    def __init__(self, *, product: Product, style: Literal["logic", "operator"] = "logic") -> None:
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
        else:
            m.d.comb += self.product.significand.eq(row_product(m, a.significand, b.significand))
        signs = [operand.sign for operand in (a, b) if len(operand.sign)]
        exponents = [operand.exponent for operand in (a, b) if len(operand.exponent)]
        if signs:
            m.d.comb += self.product.sign.eq(Cat(signs).xor())
        if exponents:
            m.d.comb += self.product.exponent.eq(sum(exponents[1:], exponents[0]))
        return m


def row_product(m: Module, a: Value, b: Value) -> Value:
    """``a * b`` from one AND row per bit of the narrower operand; the sign bit of a signed operand is a negative row."""
    if len(a) < len(b):
        a, b = b, a
    rows: list[tuple[int, Value]] = []
    for index, bit in enumerate(b):
        negative = b.shape().signed and index == len(b) - 1
        row = Signal(Shape(len(a), a.shape().signed), name=f"row{index}")
        m.d.comb += row.eq(Cat(a_bit & bit for a_bit in a))
        rows.append((index, -row if negative else row))
    while len(rows) > 1:
        pairs = zip(rows[0::2], rows[1::2], strict=False)
        rows = [_joined(m, low, high) for low, high in pairs] + rows[len(rows) & ~1 :]
    return rows[0][1]


def _joined(m: Module, low: tuple[int, Value], high: tuple[int, Value]) -> tuple[int, Value]:
    """The sum of two rows; the bits of the lower one that the higher one does not reach bypass the adder."""
    distance = high[0] - low[0]
    upper = low[1][distance:]
    if low[1].shape().signed:
        upper = upper.as_signed()
    total = upper + high[1]
    summed = add(m, upper, high[1], total.shape(), name=f"rows{low[0]}_{high[0]}")
    joined = Cat(low[1][:distance], summed)
    return low[0], joined.as_signed() if summed.shape().signed else joined
