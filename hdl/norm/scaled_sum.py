"""A product and an addend in one, as synthesis is to build it."""

from __future__ import annotations

from typing import Literal, get_args

from amaranth import Module, Shape, Signal, Value
from amaranth.hdl import ValueLike

from ..products.digit_product import digit_product
from ..wires.adders import add

MultiplierStyle = Literal["logic", "operator"]
"""``logic``: signed radix-4 digits on carry chains, for LUTs; ``operator``: ``*``, for DSP blocks or the synthesizer's own."""


def check_style(unit: str, style: object) -> None:
    """Raises ``ValueError`` unless ``style`` is a ``MultiplierStyle``."""
    if style not in get_args(MultiplierStyle):
        raise ValueError(f"{unit} multiplier must be 'logic' or 'operator', not {style!r}")


def scaled_sum(
    m: Module, a: Value, b: Value, addend: ValueLike, shape: Shape, *, style: MultiplierStyle, name: str
) -> Signal:
    """``a * b + addend`` in ``shape``, a signal."""
    if style == "operator":
        total = Signal(shape, name=name)
        m.d.comb += total.eq(a * b + addend)
        return total
    product, carry = digit_product(m, a, b, shape)
    return add(m, product.as_signed() if shape.signed else product, addend, shape, carry=carry, name=name)
