"""The five trits of a byte."""

from __future__ import annotations

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats.trit_bytes import TRIT_BYTES, TRITS, TritCode

TRIT = data.StructLayout({"nonzero": 1, "negative": 1})
"""0, or 1 or, where negative as well, -1."""


class TritByte(wiring.Component):
    """Decodes a byte. Combinational.

    ASTC's code is 15 LUT4, or 46 gate equivalents; the digits of a number to base 3 are 105, or 316 (Yosys's ``synth_ecp5`` and
    generic cells).

    Parameters
    ----------
    code
        ``astc`` or ``base3``.

    Members
    -------
    code : In(8)
    trits : Out(ArrayLayout(TRIT, 5))
        The first one first.

    Raises
    ------
    ValueError
        If there is no such code.

    Source: ``formats.trit_bytes``.
    """

    def __init__(self, *, code: TritCode) -> None:
        if code not in TRIT_BYTES:
            raise ValueError(f"TritByte code must be one of {', '.join(TRIT_BYTES)}, not {code!r}")
        self.byte_code: TritCode = code
        super().__init__({"code": In(8), "trits": Out(data.ArrayLayout(TRIT, TRITS))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        _DECODED[self.byte_code](m, self.code, self.trits)
        return m


def _table(m: Module, code: Value, trits: data.View) -> None:
    """Digits to base 3: synthesis finds as little in a table as in divisions."""
    with m.Switch(code):
        for byte, values in enumerate(TRIT_BYTES["base3"]):
            fields = [{"nonzero": int(trit != 0), "negative": int(trit < 0)} for trit in values]
            with m.Case(byte):
                m.d.comb += trits.eq(data.ArrayLayout(TRIT, TRITS).const(fields))


def _astc(m: Module, code: Value, trits: data.View) -> None:
    """As the specification chooses: which digits are 2 is told by two bits that are both 1."""
    upper, lower = code[2:5].all(), code[5:7].all()
    rest = Signal(5)
    m.d.comb += rest.eq(Mux(upper, Cat(code[0:2], code[5:8]), code[0:5]))
    second, both = rest[0:2].all(), rest[2:4].all()
    digits = (
        Mux(second, Cat(rest[2] & ~rest[3], rest[3]), Mux(both, rest[0:2], Cat(rest[0] & ~rest[1], rest[1]))),
        Mux(second, rest[4], Mux(both, 2, rest[2:4])),
        Mux(second | both, 2, rest[4]),
        Mux(upper, 2, Mux(lower, code[7], code[5:7])),
        Mux(upper | lower, 2, code[7]),
    )
    for place, found in enumerate(digits):
        digit = Signal(2, name=f"digit{place}")
        m.d.comb += [
            digit.eq(found),
            trits[place].nonzero.eq(~digit[0]),
            trits[place].negative.eq(~digit.any()),
        ]


_DECODED: dict[TritCode, Callable[[Module, Value, data.View], None]] = {"astc": _astc, "base3": _table}
