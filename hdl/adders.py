"""Adders that stay what they are: one carry chain each, with the carry input used."""

from __future__ import annotations

from amaranth import Module, Shape, Signal, Value
from amaranth.hdl import ValueLike


def add(m: Module, a: ValueLike, b: ValueLike, shape: Shape, *, carry: ValueLike = 0, name: str = "sum") -> Signal:
    """``a + b + carry`` in ``shape``, on one carry chain whose carry input is the one-bit ``carry``.

    Yosys merges chained additions into one ``$macc`` and rebuilds it from compressors, which costs a LUT-based FPGA a quarter
    more; ``keep`` on the sum stops the merge.
    """
    total = Signal(shape, name=name, attrs={"keep": 1})
    m.d.comb += total.eq(Value.cast(a) + Value.cast(b) + Value.cast(carry))
    return total
