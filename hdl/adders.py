"""Adders that stay what they are: one carry chain each, with the carry input used."""

from __future__ import annotations

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.hdl import ValueLike


def add(m: Module, a: ValueLike, b: ValueLike, shape: Shape, *, carry: ValueLike = 0, name: str = "sum") -> Signal:
    """``a + b + carry`` in ``shape``, on one carry chain.

    Yosys merges chained additions into one ``$macc`` and rebuilds it from compressors, which costs a LUT-based FPGA a quarter
    more; ``keep`` on the sum stops the merge. A one-bit ``carry`` is appended below both operands, where it becomes the
    chain's carry input instead of another adder.
    """
    total = Signal(shape, name=name, attrs={"keep": 1})
    carry = Value.cast(carry)
    if len(carry) == 0 or (not isinstance(carry, Signal) and repr(carry).startswith("(const")):
        m.d.comb += total.eq(Value.cast(a) + Value.cast(b))
        return total
    wide = Signal(Shape(shape.width + 1, shape.signed), name=f"{name}_with_carry", attrs={"keep": 1})
    m.d.comb += [
        wide.eq(_above_one(a) + _above_carry(b, carry)),
        total.eq(wide[1:]),
    ]
    return total


def _above_one(a: ValueLike) -> Value:
    return _signed_like(Cat(1, Value.cast(a)), a)


def _above_carry(b: ValueLike, carry: Value) -> Value:
    return _signed_like(Cat(carry[0], Value.cast(b)), b)


def _signed_like(value: Value, model: ValueLike) -> Value:
    return value.as_signed() if Value.cast(model).shape().signed else value
