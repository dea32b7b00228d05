"""The square of an integer, for less than a product of two."""

from __future__ import annotations

from amaranth import Array, Cat, Const, Module, Shape, Signal, Value

from ..products.digit_product import digit_product
from ..wires.adders import add

TABLE_BITS = 4
"""Widest operand whose square is a truth table: a LUT4 a bit."""


def square(m: Module, value: Value) -> Value:
    """``value**2``, unsigned, of twice the width of ``value``, which may be signed.

    ``(16 * h + l)**2 = 256 * h**2 + 32 * h * l + l**2`` for the lowest four bits ``l``, until ``h`` has no more than four: the
    squares of four bits are tables, and half of what a multiplier adds up is not there.
    """
    width = 2 * len(value)
    if len(value) <= TABLE_BITS:
        table = [
            (code - (code >> (len(value) - 1) << len(value)) * value.shape().signed) ** 2
            for code in range(1 << len(value))
        ]
        squared = Signal(width, name="squared")
        m.d.comb += squared.eq(Array(Const(entry, width) for entry in table)[value.as_unsigned()])
        return squared
    low, high = value[:TABLE_BITS], value[TABLE_BITS:]
    if value.shape().signed:
        high = high.as_signed()
    outer = Cat(square(m, low), square(m, high))
    cross, carry = digit_product(m, low, high, Shape(width - TABLE_BITS - 1, signed=True))
    # What is taken up to its place has a whole carry there, too.
    upper = add(m, outer[TABLE_BITS + 1 :], cross, Shape(width - TABLE_BITS - 1), carry=carry, name="square")
    return Cat(outer[: TABLE_BITS + 1], upper)
