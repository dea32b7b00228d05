# amaranth: UnusedElaboratable=no
"""The integer reciprocal of I-ViT's units."""

from __future__ import annotations

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...config.nonlinear import LARGEST, WIDTH
from ..rows.divider import Divider


class Reciprocal(wiring.Component):
    """``(2**31 - 1) // value``, all ones for 0.

    Throughput: as ``Divider``, one every ``LATENCY + 1`` cycles without stalls.

    Parameters
    ----------
    quotient_bits
        Width of the result, 1 to 31, if values are known to be at least ``2**(31 - quotient_bits)``; others but 0 give an
        undefined result. As many cycles are needed.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of the value to ``o.valid``.

    Members
    -------
    i : In(stream.Signature(31))
    o : Out(stream.Signature(quotient_bits))

    Raises
    ------
    ValueError
        If the width is out of range.
    """

    def __init__(self, *, quotient_bits: int = WIDTH) -> None:
        if isinstance(quotient_bits, bool) or quotient_bits not in range(1, WIDTH + 1):
            raise ValueError(f"Reciprocal quotient_bits must be from 1 to {WIDTH}, not {quotient_bits!r}")
        self._divider = Divider(dividend_bits=WIDTH, divisor_bits=WIDTH, quotient_bits=quotient_bits)
        self.LATENCY = self._divider.LATENCY
        super().__init__({"i": In(stream.Signature(WIDTH)), "o": Out(stream.Signature(quotient_bits))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.divide = divider = self._divider
        m.d.comb += [
            divider.i.valid.eq(self.i.valid),
            divider.i.payload.dividend.eq(LARGEST),
            divider.i.payload.divisor.eq(self.i.payload),
            self.i.ready.eq(divider.i.ready),
            self.o.valid.eq(divider.o.valid),
            self.o.payload.eq(divider.o.payload.quotient),
            divider.o.ready.eq(self.o.ready),
        ]
        return m
