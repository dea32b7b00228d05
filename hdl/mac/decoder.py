"""From codes to sign, integer significand and exponent: the only place in the hardware that sees codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth import Array, Cat, Const, Module, Signal
from amaranth.hdl import ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Codebook, Format, Int, Minifloat, PowerOfTwo, TopExponent
from .layouts import decoded_layout, exponent_offset


class Decoder(wiring.Component):
    """Decode one code by field arithmetic, or by table for codebooks. Combinational.

    A minifloat's significand is its mantissa with the hidden bit ``E != 0`` above it, its exponent ``max(E, 1)``.

    Parameters
    ----------
    fmt
        Any catalog format.

    Members
    -------
    code : In(fmt.bits)
    decoded : Out(decoded_layout(fmt))
    """

    def __init__(self, *, fmt: Format) -> None:
        if not isinstance(fmt, Format):
            raise TypeError(f"Decoder format must be a Format, not {fmt!r}")
        self.fmt = fmt
        super().__init__({"code": In(fmt.bits), "decoded": Out(decoded_layout(fmt))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fields: dict[str, Callable[[Module, Any], None]] = {
            "minifloat": self._minifloat, "int": self._integer, "power-of-two": self._power_of_two, "codebook": self._table,
        }  # fmt: skip
        fields[self.fmt.kind](m, self.fmt)
        return m

    def _integer(self, m: Module, fmt: Int) -> None:
        m.d.comb += self.decoded.significand.eq(self.code)
        if fmt.symmetric:
            m.d.comb += self.decoded.nan.eq(self.code == 1 << (fmt.bits - 1))

    def _power_of_two(self, m: Module, _fmt: PowerOfTwo) -> None:
        m.d.comb += [
            self.decoded.significand.eq(1),
            self.decoded.exponent.eq(self.code),
            self.decoded.nan.eq(self.code.all()),
        ]

    def _table(self, m: Module, fmt: Codebook) -> None:
        m.d.comb += self.decoded.eq(table_entry(fmt, self.code))

    def _minifloat(self, m: Module, fmt: Minifloat) -> None:
        mantissa = self.code[: fmt.mantissa_bits]
        exponent = self.code[fmt.mantissa_bits : -1]
        normal = Signal()
        m.d.comb += normal.eq(exponent.any())
        fraction = mantissa if fmt.subnormals else [bit & normal for bit in mantissa]
        m.d.comb += [
            self.decoded.sign.eq(self.code[-1]),
            self.decoded.significand.eq(Cat(fraction, normal)),
        ]
        if fmt.exponent_span:
            m.d.comb += self.decoded.exponent.eq(Cat(exponent[0] | ~normal, exponent[1:]))
        match fmt.top:
            case TopExponent.IEEE:
                m.d.comb += [
                    self.decoded.nan.eq(exponent.all() & mantissa.any()),
                    self.decoded.inf.eq(exponent.all() & ~mantissa.any()),
                ]
            case TopExponent.FN:
                m.d.comb += self.decoded.nan.eq(self.code[:-1].all())
            case TopExponent.FNUZ:
                m.d.comb += self.decoded.nan.eq(self.code == 1 << (fmt.bits - 1))
            case TopExponent.FINITE:
                pass


class TableDecoder(wiring.Component):
    """The same function as ``Decoder``, looked up from the catalog row's own ``decode``: what the proofs compare with."""

    def __init__(self, *, fmt: Format) -> None:
        if not isinstance(fmt, Format):
            raise TypeError(f"TableDecoder format must be a Format, not {fmt!r}")
        if fmt.bits > 16:
            raise ValueError(f"TableDecoder format must have at most 16 bits, not {fmt.bits!r}")
        self.fmt = fmt
        super().__init__({"code": In(fmt.bits), "decoded": Out(decoded_layout(fmt))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.decoded.eq(table_entry(self.fmt, self.code))
        return m


def table_entry(fmt: Format, code: ValueLike) -> ValueLike:
    """The packed ``decoded_layout`` of a code, from the catalog row's ``decode`` of every code."""
    layout: data.StructLayout = decoded_layout(fmt)
    entries = []
    for value in range(1 << fmt.bits):
        decoded = fmt.decode(value)
        fields = {
            "sign": decoded.sign if fmt.sign_bit else 0,
            "significand": decoded.significand,
            "exponent": decoded.exponent - fmt.min_exponent + exponent_offset(fmt),
            "nan": int(decoded.special is not None and decoded.special.name == "NAN"),
            "inf": int(decoded.special is not None and decoded.special.name == "INF"),
        }
        entries.append(Const(layout.const(fields).as_value().value, layout.size))
    return Array(entries)[code]
