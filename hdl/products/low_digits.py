"""Rows of products by digits -2, -1, 0, 1, the digits of wide operands recoded on a carry chain."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value

from .digit_product import extended, top_row

_Digits = tuple[list[tuple[Value, Value]], tuple[Value, Value, Value]]
"""Two bits of each lower digit: its value's parity, and whether it is negative; of the top one: 1 or -1, 2 or -2, negative."""


def low_digit_rows(m: Module, a: Value, b: Value) -> list[tuple[Signal, Value]]:
    """``a * b = sum of (row + negative) * 4**index`` as ``digit_rows`` has it, with digits -2, -1, 0, 1.

    The two bits of such a digit, in two's complement, are all that a row of LUT4 takes, and the higher one is its
    ``negative``. The top digit is -2 .. 2.
    """
    if len(a) < len(b):
        a, b = b, a
    if not b.shape().signed:
        b = Cat(b, Const(0, 1))
    once, twice = extended(a)
    lower, top = _of_short(b) if len(b) <= 4 else _of_wide(m, b)
    rows: list[tuple[Signal, Value]] = []
    for index, (odd, negative) in enumerate(lower):
        row, minus = Signal(len(once), name=f"row{index}"), negative.replicate(len(once))
        m.d.comb += row.eq(Mux(odd, once ^ minus, ~twice & minus))
        rows.append((row, negative))
    selects = Signal(3, name="top_digit")
    m.d.comb += selects.eq(Cat(top))
    return [*rows, (top_row(m, once, twice, (selects[0], selects[1], selects[2])), selects[2])]


def _of_short(b: Value) -> _Digits:
    """Of at most two digits: the lower one is the operand's own bits."""
    bits = Cat(b, b[-1].replicate(len(b) % 2))
    lower = [(bits[0], bits[1])] if len(bits) > 2 else []
    carry, low, high = bits[1] & (len(bits) > 2), bits[-2], bits[-1]
    return lower, (low ^ carry, (high & ~low & ~carry) | (~high & low & carry), high & ~(low & carry))


def _of_wide(m: Module, b: Value) -> _Digits:
    """A digit is 1 less two bits of ``0b..0101 - b``, a carry chain that mapping for speed does not take apart."""
    lower = (len(b) + 1) // 2 - 1
    ones = sum(1 << 2 * index for index in range(lower))
    # The lowest bit is the operand's inverted, and takes nothing from the others; `keep` as in `adders.add`.
    reach = 1 << len(b) - 2
    bounds = range((ones >> 1) - reach + 1, (ones >> 1) + reach + 1)
    upper = Signal(bounds, name="recoded", attrs={"keep": 1})
    m.d.comb += upper.eq((ones >> 1) - b[1:].as_signed())
    recoded = Cat(~b[0], upper)
    digits = [(~recoded[2 * index], recoded[2 * index + 1]) for index in range(lower)]
    # What is left is the top digit's negative.
    odd, two, sign = (Cat(recoded[2 * lower :], upper[-1]))[:3]
    return digits, (odd, two & ~odd, ~sign & (odd | two))
