"""From codes to sign, integer significand and exponent: the only place in the hardware that sees codes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from amaranth import Array, Cat, Const, Module, Signal, Value, unsigned
from amaranth.hdl import ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ...formats import Format, Int, Minifloat, PowerOfTwo, TopExponent
from .layouts import decoded_layout, exponent_offset

MOST_CHOSEN_BITS = 8
"""Widest codes of a codebook that choose among constants; those of wider ones are a memory's address."""


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
        fields = decoded_fields(m, self.fmt, self.code)
        if fields is None:
            self._table(m)
        else:
            m.d.comb += [self.decoded[name].eq(value) for name, value in fields.items()]
        return m

    def _table(self, m: Module) -> None:
        if self.fmt.bits <= MOST_CHOSEN_BITS:
            m.d.comb += self.decoded.eq(table_entry(self.fmt, self.code))
            return
        # A memory that is only read: a choice among so many constants takes minutes to be written down.
        entries, size = _entries(self.fmt), decoded_layout(self.fmt).size
        m.submodules.numbers = numbers = Memory(shape=unsigned(size), depth=len(entries), init=entries)
        port = numbers.read_port(domain="comb")
        m.d.comb += [port.addr.eq(self.code), self.decoded.as_value().eq(port.data)]


def decoded_fields(m: Module, fmt: Format, code: Value) -> dict[str, Value] | None:
    """The fields of ``decoded_layout`` that field arithmetic gives of a code, the others being 0; None where it takes a table."""
    made = _FIELDS.get(fmt.kind)
    return None if made is None else made(m, fmt, code)


def _integer(_m: Module, fmt: Int, code: Value) -> dict[str, Value]:
    return {"significand": code} | ({"nan": code == 1 << (fmt.bits - 1)} if fmt.symmetric else {})


def _power_of_two(_m: Module, _fmt: PowerOfTwo, code: Value) -> dict[str, Value]:
    return {"significand": Const(1, 1), "exponent": code, "nan": code.all()}


def _minifloat(m: Module, fmt: Minifloat, code: Value) -> dict[str, Value]:
    mantissa = code[: fmt.mantissa_bits]
    exponent = code[fmt.mantissa_bits : -1]
    normal = Signal()
    m.d.comb += normal.eq(exponent.any())
    fraction = mantissa if fmt.subnormals else [bit & normal for bit in mantissa]
    fields: dict[str, Value] = {"sign": code[-1], "significand": Cat(fraction, normal)}
    if fmt.exponent_span:
        fields["exponent"] = Cat(exponent[0] | ~normal, exponent[1:])
    match fmt.top:
        case TopExponent.IEEE:
            fields["nan"] = exponent.all() & mantissa.any()
            fields["inf"] = exponent.all() & ~mantissa.any()
        case TopExponent.FN:
            fields["nan"] = code[:-1].all()
        case TopExponent.FNUZ:
            fields["nan"] = code == 1 << (fmt.bits - 1)
        case TopExponent.FINITE:
            pass
    return fields


_FIELDS: Mapping[str, Callable[[Module, Any, Value], dict[str, Value]]] = {
    "minifloat": _minifloat, "int": _integer, "power-of-two": _power_of_two
}  # fmt: skip
"""By kind of format; others take a table."""


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
    size = decoded_layout(fmt).size
    return Array(Const(entry, size) for entry in _entries(fmt))[code]


def _entries(fmt: Format) -> list[int]:
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
        entries.append(layout.const(fields).as_value().value)
    return entries
