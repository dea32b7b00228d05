"""What NaN and Inf operands do to a product."""

from __future__ import annotations

from amaranth import Cat, Value
from amaranth.lib import data

from ...config import MacConfig
from .layouts import flags_layout


def special_flags(config: MacConfig, weight: data.View, activation: data.View) -> Value:
    """The packed ``flags_layout`` of one product of two decoded operands.

    NaN x anything and Inf x 0 are NaN, Inf x a number is Inf with the product's sign (IEEE 754-2019 sections 6.1 and 7.2). A
    fixed-point accumulator has no use for the difference: there every special is ``nan``.
    """
    operands = (weight, activation)
    nan = Cat(operand.nan for operand in operands).any()
    inf = Cat(operand.inf for operand in operands).any()
    layout = flags_layout(config)
    if not layout.size:
        return Cat()
    if not config.accumulator.is_float or layout["pos_inf"].width == 0:
        return nan | inf
    zero_times_inf = Cat(~a.significand.any() & b.inf for a, b in (operands, operands[::-1]) if len(b.inf)).any()
    is_nan = nan | zero_times_inf
    negative = Cat(*(operand.sign for operand in operands), *_negative_integers(operands)).xor()
    return Cat(is_nan, inf & ~is_nan & ~negative, inf & ~is_nan & negative)


def _negative_integers(operands: tuple[data.View, ...]) -> list[Value]:
    return [operand.significand[-1] for operand in operands if operand.significand.shape().signed]
