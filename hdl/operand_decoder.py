"""Operands of parallel PEs, decoded and negated at the tile's edge, once for all PEs of a row or column."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..formats import Format, Int, Minifloat
from .decoder import Decoder
from .layouts import exponent_offset


def operand_layout(fmt: Format) -> data.StructLayout:
    """``significand * 2**(exponent + fmt.min_exponent)``: two's complement, and an exponent counted from the least.

    A sign beside the significand would cost each PE a negation.
    """
    return data.StructLayout({
        "significand": signed(fmt.significand_bits + int(fmt.sign_bit)),
        "exponent": unsigned(fmt.exponent_span.bit_length()),
    })  # fmt: skip


class OperandDecoder(wiring.Component):
    """A code's number. Combinational. What NaN and infinity give is not defined.

    Parameters
    ----------
    fmt
        A float or an integer.

    Members
    -------
    code : In(fmt.bits)
    operand : Out(operand_layout(fmt))
    """

    def __init__(self, *, fmt: Format) -> None:
        if not isinstance(fmt, (Int, Minifloat)):
            raise TypeError(f"OperandDecoder format must be a float or an integer, not {fmt!r}")
        self.fmt = fmt
        super().__init__({"code": In(fmt.bits), "operand": Out(operand_layout(fmt))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = Decoder(fmt=self.fmt)
        decoded = decoder.decoded
        magnitude = Cat(decoded.significand, Const(0, len(decoded.sign))).as_signed()
        m.d.comb += [
            decoder.code.eq(self.code),
            self.operand.significand.eq(Mux(decoded.sign, -magnitude, magnitude) if self.fmt.sign_bit else magnitude),
            self.operand.exponent.eq(decoded.exponent - exponent_offset(self.fmt)),
        ]
        return m


def operand_table(m: Module, carrier: Format, tables: Sequence[Format], index: Value) -> data.View:
    """The operand of the code in the low bits of ``index``, of the format that the bits above it choose.

    Codes that are no number are zero.
    """
    chosen = Signal(operand_layout(carrier))
    split = {decoded.value: decoded for decoded in map(carrier.decode, range(1 << carrier.bits))}
    values = [table.decode(code).value_or_none() for table in tables for code in range(1 << table.bits)]
    with m.Switch(index):
        for place, value in enumerate(values):
            number = split[value or Fraction(0)]
            significand = -number.significand if number.sign else number.significand
            with m.Case(place):
                m.d.comb += [
                    chosen.significand.eq(significand),
                    chosen.exponent.eq(number.exponent - carrier.min_exponent),
                ]
    return chosen
