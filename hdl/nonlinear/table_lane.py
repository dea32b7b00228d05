"""What every lane of a table softmax does with an element: its exponent, its power of two, its output."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data

from ...nonlinear import TableSoftmaxRule
from ...nonlinear.softmax_rules import DIGIT_BITS, DIGITS, INPUT_BITS
from ..adders import add


def exponent_width(rule: TableSoftmaxRule) -> int:
    """Bits of ``A(c)`` of ``golden.nonlinear.table_softmax``."""
    greatest = (1 << INPUT_BITS) - 1
    return (greatest * ((1 << rule.slope_bits) - 1) >> (rule.slope_fraction_bits - rule.exponent_bits)).bit_length()


def exponent(m: Module, rule: TableSoftmaxRule, x: Value, slope: Value, slope3: Value, *, name: str) -> Value:
    """``A(127 - x)`` of ``golden.nonlinear.table_softmax``: each base-4 digit picks a multiple of the slope.

    ``slope3`` is three times the slope, which all lanes share.
    """
    # 127 - x is x with all bits but the sign inverted.
    complement = Cat(~x[: INPUT_BITS - 1], x[INPUT_BITS - 1])
    terms: list[Value] = []
    for j in range(DIGITS):
        low, high = complement[DIGIT_BITS * j], complement[DIGIT_BITS * j + 1]
        dropped = DIGIT_BITS * (DIGITS - 1 - j)
        multiples = [(low & ~high, slope), (~low & high, Cat(0, slope)[: len(slope) + 1]), (low & high, slope3)]
        terms.append(one_hot(m, [(pick, multiple[dropped:]) for pick, multiple in multiples], name=f"{name}_digit{j}"))
    width = exponent_width(rule)
    lows = add(m, terms[0], terms[1], Shape(min(width, len(terms[1]) + 1)), name=f"{name}_low")
    highs = add(m, terms[2], terms[3], Shape(width), name=f"{name}_high")
    return add(m, lows, highs, Shape(width), name=f"{name}_exponent")


def one_hot(m: Module, choices: Sequence[tuple[Value, Value]], *, name: str) -> Value:
    """The value whose condition holds, of which at most one may; 0 if none does."""
    chosen = Signal(max(len(value) for _, value in choices), name=name)
    total: Value = Value.cast(0)
    for pick, value in choices:
        total = total | (value & pick.replicate(len(value)))
    m.d.comb += chosen.eq(total)
    return chosen


def reduced_layout(rule: TableSoftmaxRule) -> data.StructLayout:
    """``index`` of the table's entry, ``whole`` places to move it down, and whether ``nothing`` is left of it."""
    return data.StructLayout({"index": rule.fraction_bits, "whole": rule.whole_bits, "nothing": 1})


def reduce(m: Module, rule: TableSoftmaxRule, total: Value, offset: Value, keep: Value, *, name: str) -> data.View:
    """``total + offset``, which is an exponent with the rounding half in it, cut at the fraction's bits."""
    width = max(len(total), len(offset))
    moved = add(m, total, offset, Shape(width), name=f"{name}_moved")[rule.guard_bits :]
    reduced = Signal(reduced_layout(rule), name=f"{name}_reduced")
    whole = moved[rule.fraction_bits :]
    m.d.comb += [
        reduced.index.eq(moved[: rule.fraction_bits]),
        reduced.whole.eq(whole[: rule.whole_bits]),
        reduced.nothing.eq(~keep | whole[rule.whole_bits :].any()),
    ]
    return reduced


def entry_width(rule: TableSoftmaxRule) -> int:
    """Bits of a table's entry: below 2.0."""
    return rule.entry_bits + 1


def power(m: Module, rule: TableSoftmaxRule, entries: Sequence[Value], at: data.View, *, name: str) -> Value:
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
