"""Products of unsigned significands, two bits of one operand at a time."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from ..wires.adders import add

TABLE_BITS = 5
"""Widest operand whose triple is a truth table; beyond it a table bit needs more LUTs than an adder bit."""


def table_product(m: Module, a: Value, b: Value) -> Value:
    """``a * b`` for unsigned operands: one multiple of ``a`` per two bits of ``b``, added up.

    The multiples 0, 1, 2 and 3 times ``a`` are selected by two bits, and three times a narrow ``a`` is a truth table, so that
    synthesis sees functions of few inputs: a 4x4 product takes 29 LUT4 on ECP5, a plain ``*`` 33.
    """
    width = len(a) + len(b)
    triple = _triple(m, a)
    partials = [_multiple(m, index, a, triple, b[index : index + 2]) for index in range(0, len(b), 2)]
    total, low = partials[0], Cat()
    for index, partial in enumerate(partials[1:], start=1):
        low = Cat(low, total[:2])
        total = add(m, total[2:], partial, Shape(width - 2 * index), name=f"partial_sum{index}")
    return Cat(low, total)[:width]


def _multiple(m: Module, index: int, a: Value, triple: Value, digit: Value) -> Value:
    multiple = Signal(len(a) + len(digit), name=f"multiple{index}")
    if len(digit) == 1:
        m.d.comb += multiple.eq(Mux(digit, a, 0))
    else:
        m.d.comb += multiple.eq(Mux(digit[1], Mux(digit[0], triple, Cat(Const(0, 1), a)), Mux(digit[0], a, 0)))
    return multiple


def _triple(m: Module, a: Value) -> Value:
    width = len(a) + 2
    if len(a) > TABLE_BITS:
        return add(m, a, Cat(Const(0, 1), a), Shape(width), name="triple")
    triple = Signal(width)
    # Bit i of 3a depends on the lower i + 1 bits of a.
    for bit in range(width):
        inputs = a[: bit + 1]
        table = sum((3 * code >> bit & 1) << code for code in range(1 << len(inputs)))
        m.d.comb += triple[bit].eq((Const(table, 1 << len(inputs)) >> inputs)[0])
    return triple
