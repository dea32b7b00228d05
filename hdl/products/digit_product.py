"""Products of integers by signed radix-4 digits, one LUT4 per bit of a partial product."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value

from ..wires.adders import add_above


def digit_product(m: Module, a: Value, b: Value, shape: Shape) -> tuple[Value, Value]:
    """``significand + carry = a * b`` for operands of any width and signedness; ``significand`` has ``shape``.

    The narrower operand is recoded into digits -1, 0, 1, 2 (the top one -2 .. 2). Unlike Booth's overlapping digits these
    select a row bit with two control wires only, so that a bit of ``digit * a`` is a function of four inputs. Negative rows are
    one's complements; their missing 1 enters the carry input of the adder that takes the row, the lowest row's leaves as
    ``carry`` because no adder is left for it.
    """
    nodes = [(index, row.as_signed(), negative) for index, (row, negative) in enumerate(digit_rows(m, a, b))]
    while len(nodes) > 1:
        pairs = zip(nodes[0::2], nodes[1::2], strict=False)
        nodes = [_joined(m, low, high) for low, high in pairs] + nodes[len(nodes) & ~1 :]
    _, total, carry = nodes[0]
    return Cat(total, total[-1].replicate(shape.width))[: shape.width], carry


def digit_rows(m: Module, a: Value, b: Value) -> list[tuple[Signal, Value]]:
    """``a * b = sum of (row + negative) * 4**index``, lowest first; rows are two's complement of ``digit_rows_size``.

    A row that is the least number of its width has no ``negative``.
    """
    if len(a) < len(b):
        a, b = b, a
    a_extended, doubled = extended(a)
    digits = signed_digits(m, b)
    rows = [_row(m, index, a_extended, doubled, digit) for index, digit in enumerate(digits[:-1])]
    rows.append(top_row(m, a_extended, doubled, digits[-1]))
    return [(row, negative) for row, (_, _, negative) in zip(rows, digits, strict=True)]


def extended(a: Value) -> tuple[Value, Value]:
    """Once and twice the operand, with room for twice of it, and for a sign if it has none."""
    if a.shape().signed:
        return Cat(a, a[-1]), Cat(Const(0, 1), a)
    return Cat(a, Const(0, 2)), Cat(Const(0, 1), a, Const(0, 1))


def digit_rows_size(a: Shape, b: Shape) -> tuple[int, int]:
    """How many rows ``digit_rows`` makes of operands of these shapes, and how wide they are."""
    if a.width < b.width:
        a, b = b, a
    return (b.width + int(not b.signed) + 1) // 2, a.width + (1 if a.signed else 2)


def signed_digits(m: Module, b: Value) -> list[tuple[Value, Value, Value]]:
    """Per digit of ``b``: select one times, select two times, complement. Both selects of a lower digit mean -1."""
    signed_width = len(b) + int(not b.shape().signed)
    width = signed_width + signed_width % 2
    fill = b[-1] if b.shape().signed else Const(0, 1)
    bits = Cat(b, fill.replicate(width - len(b)))
    digits: list[tuple[Value, Value, Value]] = []
    carry: Value = Const(0, 1)
    for index in range(0, width, 2):
        low, high = bits[index], bits[index + 1]
        if index + 2 < width:
            one, two = Signal(name=f"one{index}"), Signal(name=f"two{index}")
            m.d.comb += [one.eq(low ^ carry), two.eq(high ^ (low & carry))]
            # low + carry + 2 * high is 3, a -1 with a carry, exactly when both selects are set.
            digits.append((one, two, one & two))
            next_carry = Signal(name=f"carry{index}")
            m.d.comb += next_carry.eq(high & (low | carry))
            carry = next_carry
        else:
            one, two, negative = (Signal(name=f"{word}{index}") for word in ("one", "two", "negative"))
            m.d.comb += [
                one.eq(low ^ carry),
                two.eq((high & ~low & ~carry) | (~high & low & carry)),
                negative.eq(high & ~(low & carry)),
            ]
            digits.append((one, two, negative))
    return digits


def _row(m: Module, index: int, a: Value, doubled: Value, digit: tuple[Value, Value, Value]) -> Signal:
    """Digit times ``a`` for a digit of -1, 0, 1, 2; written so that synthesis sees a LUT4 a bit."""
    one, two, _ = digit
    row = Signal(len(a), name=f"row{index}")
    m.d.comb += row.eq(Mux(one, a ^ two.replicate(len(a)), doubled & two.replicate(len(a))))
    return row


def top_row(m: Module, a: Value, doubled: Value, digit: tuple[Value, Value, Value]) -> Signal:
    """Digit times ``a`` for a digit of -2 .. 2."""
    one, two, negative = digit
    row = Signal(len(a), name="row_top")
    m.d.comb += row.eq(((a & one.replicate(len(a))) | (doubled & two.replicate(len(a)))) ^ negative.replicate(len(a)))
    return row


def _joined(m: Module, low: tuple[int, Value, Value], high: tuple[int, Value, Value]) -> tuple[int, Value, Value]:
    distance = 2 * (high[0] - low[0])
    total = add_above(m, low[1], high[1], distance, carry=high[2], name=f"rows{low[0]}_{high[0]}")
    return low[0], total, low[2]
