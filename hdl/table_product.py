"""Products of unsigned significands, two bits of one operand at a time."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Const, Module, Shape, Value

from .adders import add

TABLE_BITS = 5
"""Widest operand whose partial products are truth tables; beyond it a table bit needs more LUTs than an adder bit."""


def table_product(m: Module, a: Value, b: Value) -> Value:
    """``a * b`` for unsigned operands: one partial product per two bits of ``b``, added up.

    Bit ``i`` of a partial product depends on the lower ``i + 1`` bits of ``a`` and on two bits of ``b``, so most of its bits
    are one LUT4 where ``a`` is narrow; wide partial products are sums of two rows. A 4x4 product takes 28 LUT4 on ECP5, a
    plain ``*`` 33.
    """
    width = len(a) + len(b)
    partials = [_partial(m, a, b[index : index + 2]) for index in range(0, len(b), 2)]
    total, low = partials[0], Cat()
    for index, partial in enumerate(partials[1:], start=1):
        low = Cat(low, total[:2])
        total = add(m, total[2:], partial, Shape(width - 2 * index), name=f"partial_sum{index}")
    return Cat(low, total)[:width]


def _partial(m: Module, a: Value, digit: Value) -> Value:
    if len(a) > TABLE_BITS:
        rows = [Cat(Const(0, index), a & bit.replicate(len(a))) for index, bit in enumerate(digit)]
        return add(m, rows[0], rows[1], Shape(len(a) + 2), name="partial") if len(rows) == 2 else rows[0]
    bits = []
    for index in range(len(a) + len(digit)):
        reach = min(index + 1, len(a))
        bits.append(_truth_table(Cat(a[:reach], digit), lambda code, r=reach, i=index: _product_bit(code, r, i)))
    return Cat(bits)


def _product_bit(code: int, reach: int, index: int) -> int:
    return ((code & ((1 << reach) - 1)) * (code >> reach)) >> index & 1


def _truth_table(inputs: Value, function: Callable[[int], int]) -> Value:
    size = 1 << len(inputs)
    return Const(sum(function(code) << code for code in range(size)), size).bit_select(inputs, 1)
