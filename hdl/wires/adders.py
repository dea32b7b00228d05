"""Adders that stay what they are: one carry chain each, with the carry input used."""

from __future__ import annotations

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.hdl import ValueLike


def add(m: Module, a: ValueLike, b: ValueLike, shape: Shape, *, carry: ValueLike = 0, name: str = "sum") -> Signal:
    """``a + b + carry`` in ``shape``, on one carry chain whose carry input is the one-bit ``carry``.

    Yosys merges chained additions into one ``$macc`` and rebuilds it from compressors, which costs a LUT-based FPGA a quarter
    more; ``keep`` on the sum stops the merge.
    """
    total = Signal(shape, name=name, attrs={"keep": 1})
    m.d.comb += total.eq(Value.cast(a) + Value.cast(b) + Value.cast(carry))
    return total


def add_above(m: Module, low: Value, high: Value, distance: int, *, carry: ValueLike = 0, name: str = "sum") -> Value:
    """``low + (high + carry) * 2**distance`` of two's complement numbers; what ``high`` does not reach bypasses the adder."""
    upper = low[distance:].as_signed()
    shape = Shape(max(len(upper), len(high)) + 1, signed=True)
    return Cat(low[:distance], add(m, upper, high, shape, carry=carry, name=name)).as_signed()
