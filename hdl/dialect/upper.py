"""The numbers of a dialect that are not the same in all of them."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...formats.dialect import DIALECTS

SHARED = 5
"""Codes below it stand for themselves in every dialect."""


class DialectUpper(wiring.Component):
    """Half-units of codes 5, 6 and 7 of a dialect; once a block, whatever its lanes. Combinational.

    Members
    -------
    dialect : In(4)
    upper : Out(4) three times
        ``upper0`` of code 5, ``upper1`` of code 6, ``upper2`` of code 7.
    """

    def __init__(self) -> None:
        super().__init__({"dialect": In(4), **{f"upper{place}": Out(4) for place in range(3)}})

    @property
    def found(self) -> list[Value]:
        """The three outputs."""
        return [getattr(self, f"upper{place}") for place in range(3)]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.Switch(self.dialect):
            for dialect, numbers in enumerate(DIALECTS):
                with m.Case(dialect):
                    m.d.comb += [out.eq(number) for out, number in zip(self.found, numbers[SHARED:], strict=True)]
        return m


def half_units(m: Module, code: Value, upper: list[Value], name: str) -> Value:
    """The signed half-units of a 4-bit code, the sign above its magnitude's place."""
    magnitude = Signal(4, name=f"{name}_magnitude")
    m.d.comb += magnitude.eq(code[:3])
    with m.Switch(code[:3]):
        for place, number in enumerate(upper):
            with m.Case(SHARED + place):
                m.d.comb += magnitude.eq(number)
    signed_one = Signal(5, name=f"{name}_signed")
    m.d.comb += signed_one.eq((magnitude ^ code[3].replicate(5)) + code[3])
    return signed_one.as_signed()
