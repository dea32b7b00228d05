"""What every lane of a table softmax does with an element: its exponent, its power of two, its output."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data

from ...config.nonlinear import TableSoftmaxRule
from ...config.nonlinear.softmax_rules import DIGIT_BITS, DIGITS, INPUT_BITS
from ..wires.adders import add
from ..wires.one_hot import one_hot


def exponent_width(rule: TableSoftmaxRule) -> int:
    """Bits of ``A(c)`` of ``golden.nonlinear.table_softmax``."""
    greatest = (1 << INPUT_BITS) - 1
    return (greatest * ((1 << rule.slope_bits) - 1) >> (rule.slope_fraction_bits - rule.exponent_bits)).bit_length()


def exponent(
    m: Module, rule: TableSoftmaxRule, x: Value, multiples: Sequence[Value], offsets: Sequence[Value], *, name: str
) -> Value:
    """``A(127 - x) + offset``, wrapped at the width of the offset: each base-4 digit picks a multiple of the slope.

    ``multiples`` are 0 to 3 times the slope, ``offsets`` the offset plus those: all lanes share them.
    """
    complement = _complement(x)
    terms: list[Value] = []
    for j in range(DIGITS):
        low, high = complement[DIGIT_BITS * j], complement[DIGIT_BITS * j + 1]
        picks = [~low & ~high, low & ~high, ~low & high, low & high]
        if j < DIGITS - 1:
            dropped = DIGIT_BITS * (DIGITS - 1 - j)
            choices = [(pick, multiple[dropped:]) for pick, multiple in zip(picks[1:], multiples[1:], strict=True)]
        else:
            choices = list(zip(picks, offsets, strict=True))
        terms.append(one_hot(m, choices, name=f"{name}_digit{j}"))
    width = len(terms[3])
    # 15/64 and 63/64 of the slope, which have no more bits than the greatest multiples in them, 12/64 and 48/64.
    lows = add(m, terms[0], terms[1], terms[1].shape(), name=f"{name}_low")
    lower = add(m, lows, terms[2], terms[2].shape(), name=f"{name}_lower")
    return add(m, lower, terms[3], Shape(width), name=f"{name}_exponent")


def shifted_exponent(m: Module, rule: TableSoftmaxRule, x: Value, slope: int, offset: Value, *, name: str) -> Value:
    """``exponent`` for a slope that is a power of two, of at least 64: one adder."""
    places = slope.bit_length() - 1 - DIGIT_BITS * (DIGITS - 1)
    return add(m, offset, Cat(Const(0, places), _complement(x)), Shape(len(offset)), name=f"{name}_exponent")


def _complement(x: Value) -> Value:
    """``127 - x``: all bits but the sign inverted."""
    return Cat(~x[: INPUT_BITS - 1], x[INPUT_BITS - 1])


def reduced_layout(rule: TableSoftmaxRule) -> data.StructLayout:
    """``index`` of the table's entry, ``whole`` places to move it down, and whether ``nothing`` is left of it."""
    return data.StructLayout({"index": rule.fraction_bits, "whole": rule.whole_bits, "nothing": 1})


def reduce(m: Module, rule: TableSoftmaxRule, moved: Value, keep: Value, *, name: str) -> data.View[data.StructLayout]:
    """An exponent, with the rounding half in it, cut at the fraction's bits."""
    cut = moved[rule.guard_bits :]
    reduced = Signal(reduced_layout(rule), name=f"{name}_reduced")
    whole = cut[rule.fraction_bits :]
    m.d.comb += [
        reduced.index.eq(cut[: rule.fraction_bits]),
        reduced.whole.eq(whole[: rule.whole_bits]),
        reduced.nothing.eq(~keep | whole[rule.whole_bits :].any()),
    ]
    return reduced


def entry_width(rule: TableSoftmaxRule) -> int:
    """Bits of a table's entry: below 2.0."""
    return rule.entry_bits + 1


def power(
    m: Module, rule: TableSoftmaxRule, entries: Sequence[Value], at: data.View[data.StructLayout], *, name: str
) -> Value:
    """``entry / 2**whole`` with as many places as the sum has, or 0 where nothing is left."""
    picks = [(at.index == index) & ~at.nothing for index in range(len(entries))]
    chosen = one_hot(m, list(zip(picks, entries, strict=True)), name=f"{name}_entry")
    moved: Value = Cat(Const(0, rule.sum_fraction_bits - rule.entry_bits), chosen)
    for bit in range(rule.whole_bits):
        stage = Signal(len(moved), name=f"{name}_by{1 << bit}")
        m.d.comb += stage.eq(Mux(at.whole[bit], moved >> (1 << bit), moved))
        moved = stage
    return moved


def output(m: Module, rule: TableSoftmaxRule, moved: Value, *, name: str) -> Value:
    """``moved`` rounded at ``output_bits`` fraction bits, halves up, and saturated."""
    halves = moved[rule.sum_fraction_bits - rule.output_bits - 1 :]
    rounded = Signal(rule.output_bits + 1, name=f"{name}_rounded")
    saturated = Signal(rule.output_bits, name=f"{name}_output")
    m.d.comb += [
        rounded.eq(halves[1:] + halves[0]),
        saturated.eq(rounded[: rule.output_bits] | rounded[rule.output_bits].replicate(rule.output_bits)),
    ]
    return saturated
