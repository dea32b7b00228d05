"""What a parallel PE gets from its tile's edge: weights as octal digits, activations with their triple."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from amaranth import Module, Signal, Value, signed
from amaranth.lib import data

from ...config.parallel import ParallelConfig
from ...formats import Format
from ...formats.octal import octal_digits


def digit_layout(greatest: int) -> data.StructLayout:
    """A digit: which multiple, one-hot from 1 on and none for zero, and whether its negation."""
    return data.StructLayout({"multiple": greatest, "negative": 1})


def weight_layout(config: ParallelConfig) -> data.StructLayout:
    """``sum of digits[i] * 8**i * 2**exponent``, the lowest digit first, the exponent counted from the least.

    The columns' decoders recode weights once for all PEs.
    """
    return data.StructLayout({
        "digits": data.StructLayout({f"digit{i}": digit_layout(greatest) for i, greatest in enumerate(config.digits)}),
        "exponent": config.carrier.exponent_span.bit_length(),
    })  # fmt: skip


def significand_bits(fmt: Format) -> int:
    """Width of a significand in two's complement."""
    return fmt.significand_bits + int(fmt.sign_bit)


def activation_layout(config: ParallelConfig) -> data.StructLayout:
    """``significand * 2**exponent`` in two's complement, the exponent counted from the least, and three times the significand.

    The rows' decoders negate and add once for all PEs.
    """
    fmt = config.activation_format
    bits = significand_bits(fmt)
    return data.StructLayout({
        "significand": signed(bits),
        "triple": signed(bits + 2),
        "exponent": fmt.exponent_span.bit_length(),
    })  # fmt: skip


def digit_fields(digit: int) -> dict[str, int]:
    """A digit as the hardware has it."""
    return {"multiple": 1 << abs(digit) >> 1, "negative": int(digit < 0)}


def weight_table(m: Module, config: ParallelConfig, tables: Sequence[Format], index: Value) -> Value:
    """The weight whose code is in the low bits of ``index``, of the format that the bits above it choose.

    Codes that are no number are zero.
    """
    carrier = config.carrier
    chosen = Signal(weight_layout(config))
    split = {decoded.value: decoded for decoded in map(carrier.decode, range(1 << carrier.bits))}
    values = [table.decode(code).value_or_none() for table in tables for code in range(1 << table.bits)]
    with m.Switch(index):
        for place, value in enumerate(values):
            number = split[value or Fraction(0)]
            digits = octal_digits((-1) ** number.sign * number.significand, len(config.digits))
            fields = {
                "digits": {f"digit{i}": digit_fields(digit) for i, digit in enumerate(digits)},
                "exponent": number.exponent - carrier.min_exponent,
            }
            with m.Case(place):
                m.d.comb += chosen.eq(chosen.shape().const(fields))
    return chosen.as_value()
