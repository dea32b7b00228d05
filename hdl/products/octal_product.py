"""Products with octal digits: a multiple of the other operand per digit, added up without a carry chain of their own."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value, signed

from ...formats.octal import DIGIT_BITS


def octal_product(m: Module, significand: Value, triple: Value, digits: list[tuple[Value, Value]], width: int) -> Value:
    """``sum of digit[i] * 8**i * significand`` in ``width`` bits.

    A row is a multiple or its one's complement, which leaves 1 to add. Its sign bit is inverted, which takes the place of
    extending it but for a constant: ``-s = ~s - 1``. The sums are one expression, of which synthesis makes compressors
    and one adder.

    Parameters
    ----------
    significand, triple
        Two's complement, one and three times the operand.
    digits
        Lowest first: which multiple, one-hot from 1 on, and whether its negation.
    width
        Enough for every product.
    """
    total: Value = Const(0, 1)
    extensions = 0
    rows = [_row(m, place, significand, triple, *digit) for place, digit in enumerate(digits)]
    if len(rows) == 1:
        return (rows[0].as_signed() + digits[0][1])[:width]
    for place, row in enumerate(rows):
        below = (
            Const(0, 0) if place == 0 else Cat(Const(0, DIGIT_BITS * (place - 1)), digits[place - 1][1], Const(0, 2))
        )
        total = (total + Cat(below, row[:-1], ~row[-1]))[:width]
        extensions += 1 << len(below) + len(row) - 1
    last = Cat(Const(0, DIGIT_BITS * (len(digits) - 1)), digits[-1][1])
    return ((total + last)[:width] + Const(-extensions & (1 << width) - 1, width))[:width]


def _row(m: Module, place: int, significand: Value, triple: Value, multiple: Value, negative: Value) -> Signal:
    width = len(significand) + (len(multiple) - 1).bit_length()
    multiples = (significand, significand << 1, triple, significand << 2)
    row = Signal(width, name=f"row{place}")
    selected: Value = Const(0, width)
    for index in range(len(multiple)):
        wide = Signal(signed(width), name=f"multiple{place}_{index + 1}")
        m.d.comb += wide.eq(multiples[index])
        selected |= wide & multiple[index].replicate(width)
    m.d.comb += row.eq(selected ^ negative.replicate(width))
    return row
