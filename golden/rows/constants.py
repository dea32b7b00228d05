"""From a checkpoint's scales to the integers that a softmax or GELU unit for 8-bit inputs is given, with their error.

A combination that would overflow is refused, with the limit; so what is returned proves that widths suffice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...config.nonlinear import (
    LARGEST,
    PiecewiseGeluRule,
    PolynomialGeluRule,
    PolynomialSoftmaxRule,
    ShiftGeluRule,
    ShiftmaxRule,
    TableSoftmaxRule,
)
from ...config.nonlinear.widths import check_integer
from ...system.errors import BitmillError
from ..gelu.piecewise import gelu_table, piecewise
from ..gelu.polynomial import erf_polynomial, polynomial_gelu, polynomial_gelu_scale
from ..gelu.shift_gelu import SIGMOID_SLOPE, gelu_scale, shift_gelu
from ..softmax.polynomial import LONGEST_ROW as LONGEST_POLYNOMIAL_ROW
from ..softmax.polynomial import RECIPROCAL_BITS, exp_polynomial, polynomial_exp, polynomial_softmax_scale
from ..softmax.shiftmax import LONGEST_ROW, shiftmax_scale
from ..softmax.table import LONGEST_ROW as LONGEST_TABLE_ROW
from ..softmax.table import table_softmax_slope, table_terms
from .by_rule import ByRule
from .error_bounds import DIFFERENCES, gelu_error, share_error
from .operands import as_scale
from .requantize import dyadic
from .shift_exp import integer_reciprocal, shift_exp

QUOTIENT_BITS = 20
"""Fraction bits of the reciprocal of ``|x0|`` that takes the place of a division."""


@dataclass(frozen=True)
class UnitConstants:
    """The run-time inputs of a unit and of the requantization behind it.

    Attributes
    ----------
    registers
        The unit's own integers by name, as its algorithm's formula calls them; ``quotient`` is ``ceil(2**20 / |x0|)``:
        ``(p * quotient) >> 20`` is ``p // |x0|`` for every ``p`` from 0 to 1023.
    unit
        What one unit of the unit's output is worth.
    multiplier, shift
        ``m`` and ``e`` of ``requantize``, from there to ``output_scale``.
    error
        Bound of the distance of ``output * unit`` from the real function, before the requantization, for every row.
    longest_row
        The row length that all this is promised for; 1 where elements stand alone.
    """

    registers: Mapping[str, int]
    unit: float
    multiplier: int
    shift: int
    error: float
    longest_row: int


_KNOWN = "whose constants are known"
SOFTMAX, GELU = (ByRule(unit, _KNOWN) for unit in ("softmax", "gelu"))
"""What ``softmax_constants`` and ``gelu_constants`` find."""


def softmax_constants(rule: Any, *, scale: float, longest_row: int, output_scale: float) -> UnitConstants:
    """The integers of a softmax by ``rule`` for inputs of 8 bits and the step ``scale``.

    Parameters
    ----------
    rule
        A softmax rule of ``nonlinear``.
    scale
        Real value of one step of the input.
    longest_row
        Elements of the longest row, from 1.
    output_scale
        Real value of one step after the requantization.

    Raises
    ------
    BitmillError
        If a value is out of range, a width would not suffice, or no constants are known for this rule.
    """
    return SOFTMAX.of(rule)(rule, scale=scale, longest_row=longest_row, output_scale=output_scale)


def gelu_constants(rule: Any, *, scale: float, output_scale: float) -> UnitConstants:
    """The integers of a GELU by ``rule`` for inputs of 8 bits and the step ``scale``; the error is exact, by trying all.

    Parameters
    ----------
    rule
        A GELU rule of ``nonlinear``.
    scale
        Real value of one step of the input.
    output_scale
        Real value of one step after the requantization.

    Raises
    ------
    BitmillError
        If a value is out of range, a width would not suffice, or no constants are known for this rule.
    """
    return GELU.of(rule)(rule, scale=scale, output_scale=output_scale)


@SOFTMAX.register(ShiftmaxRule.KEY)
def _shiftmax(rule: ShiftmaxRule, *, scale: float, longest_row: int, output_scale: float) -> UnitConstants:
    """The sum holds ``L`` times the greatest exponential, ``|x0| << n``, without saturating.

    ``y`` is below ``2**(ob-1) * e / S`` by the cut of the reciprocal, ``e * 2**-31`` at most, that of its last bit, and
    ``2**-31`` for the dividend that is one too small.
    """
    x0 = integer_reciprocal(scale, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding)
    one = -x0 << rule.fraction_bits
    _check_row(longest_row, LARGEST // one, f"sums of {LARGEST.bit_length()} bits")
    exponentials = shift_exp(-DIFFERENCES, x0, fraction_bits=rule.fraction_bits)
    unit = shiftmax_scale(rule)
    error = share_error(exponentials, scale=scale, longest_row=longest_row) + (one + 1) / (LARGEST + 1) + unit
    return _constants({"x0": x0, "quotient": _quotient(x0)}, unit, output_scale, error, longest_row)


@SOFTMAX.register(PolynomialSoftmaxRule.KEY)
def _polynomial_softmax(
    rule: PolynomialSoftmaxRule, *, scale: float, longest_row: int, output_scale: float
) -> UnitConstants:
    """The sum of ``L`` exponentials is at most the dividend ``2**32``, so that the quotient is not 0."""
    integers = exp_polynomial(rule, scale=scale)
    dividend = 1 << RECIPROCAL_BITS
    longest = min(LONGEST_POLYNOMIAL_ROW, dividend // rule.one)
    _check_row(longest_row, longest, f"a sum within the dividend of {RECIPROCAL_BITS} bits")
    exponentials = polynomial_exp(rule, -DIFFERENCES, scale=scale)
    unit = polynomial_softmax_scale(rule)
    error = share_error(exponentials, scale=scale, longest_row=longest_row) + rule.one / dividend + unit
    multiplier, shift = dyadic(rule.one / integers.constant)
    registers = {
        "x0": integers.x0,
        "quotient": _quotient(integers.x0),
        "linear": integers.linear,
        "constant": integers.constant,
        "exponential_multiplier": int(multiplier),
        "exponential_shift": int(shift),
    }
    return _constants(registers, unit, output_scale, error, longest_row)


@SOFTMAX.register(TableSoftmaxRule.KEY)
def _table_softmax(rule: TableSoftmaxRule, *, scale: float, longest_row: int, output_scale: float) -> UnitConstants:
    """Before it is rounded to an output, a share loses ``2**-reciprocal_bits`` by the cut of the reciprocal, half of an
    entry's last bit, and the last bit of its term in the sum. A share that rounds to 1.0 saturates one step below.
    """
    _check_row(longest_row, LONGEST_TABLE_ROW, "table_softmax")
    unit = 2.0**-rule.output_bits
    cut = 2.0**-rule.reciprocal_bits + 2.0 ** -(rule.entry_bits + 1) + 2.0**-rule.sum_fraction_bits
    error = share_error(table_terms(rule, scale=scale), scale=scale, longest_row=longest_row) + cut + unit / 2
    registers = {"K": table_softmax_slope(rule, scale=scale)}
    return _constants(registers, unit, output_scale, max(error, unit), longest_row)


@GELU.register(ShiftGeluRule.KEY)
def _shift_gelu(rule: ShiftGeluRule, *, scale: float, output_scale: float) -> UnitConstants:
    """Two exponentials of 1.0 each fit the sum; a row whose maximum is negative saturates it on purpose."""
    x0 = integer_reciprocal(
        scale, slope=SIGMOID_SLOPE, fraction_bits=rule.fraction_bits, rounding=rule.reciprocal_rounding
    )
    greatest = LARGEST >> (rule.fraction_bits + 1)
    two = f"for two exponentials of 1.0 to fit {LARGEST.bit_length()} bits"
    if not greatest:
        raise BitmillError(
            f"fraction_bits must be at most {LARGEST.bit_length() - 2} {two}, not {rule.fraction_bits!r}"
        )
    if -x0 > greatest:
        raise BitmillError(f"scale must be at least {1 / (SIGMOID_SLOPE * greatest):.6g} {two}, not {scale!r}")
    unit = gelu_scale(rule, scale=scale)
    error = gelu_error(lambda rows: shift_gelu(rule, rows, scale=scale), scale=scale, unit_scale=unit)
    return _constants({"x0": x0, "quotient": _quotient(x0)}, unit, output_scale, error, 1)


@GELU.register(PolynomialGeluRule.KEY)
def _polynomial_gelu(rule: PolynomialGeluRule, *, scale: float, output_scale: float) -> UnitConstants:
    integers = erf_polynomial(rule, scale=scale)
    unit = polynomial_gelu_scale(rule, scale=scale)
    error = gelu_error(lambda rows: polynomial_gelu(rule, rows, scale=scale), scale=scale, unit_scale=unit)
    registers = {"centre": integers.centre, "constant": integers.constant, "one": integers.one}
    return _constants(registers, unit, output_scale, error, 1)


@GELU.register(PiecewiseGeluRule.KEY)
def _piecewise(rule: PiecewiseGeluRule, *, scale: float, output_scale: float) -> UnitConstants:
    """The lines of ``gelu_table``, whose outputs are in steps of ``output_scale`` already."""
    table = gelu_table(rule, scale=scale, output_scale=output_scale)
    error = gelu_error(lambda rows: piecewise(rule, table, rows), scale=scale, unit_scale=output_scale)
    registers = {
        f"{name}[{index}]": int(value)
        for name, values in (("values", table.values), ("slopes", table.slopes))
        for index, value in enumerate(values)
    }
    return _constants(registers, output_scale, output_scale, error, 1)


def _constants(
    registers: Mapping[str, int], unit: float, output_scale: float, error: float, longest_row: int
) -> UnitConstants:
    multiplier, shift = dyadic(unit / as_scale(output_scale))
    return UnitConstants(dict(registers), unit, int(multiplier), int(shift), error, longest_row)


def _check_row(longest_row: int, limit: int, reason: str) -> None:
    check_integer("longest_row", longest_row, 1, LONGEST_ROW)
    if longest_row > limit:
        raise BitmillError(f"longest_row must be at most {limit} for {reason}, not {longest_row!r}")


def _quotient(x0: int) -> int:
    return -(-(1 << QUOTIENT_BITS) // -x0)
