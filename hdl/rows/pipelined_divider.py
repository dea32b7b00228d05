"""Division of a constant by an integer every cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..wires.adders import add
from ..wires.at_least import check_at_least


class PipelinedDivider(wiring.Component):
    """``quotient = dividend // divisor`` of a constant dividend, a bit of the quotient a stage.

    Parameters
    ----------
    dividend
        At least 0.
    divisor_bits
        Width of the divisor, at least 1.
    quotient_bits
        Stages, at least 1. A quotient that does not fit is undefined; that by 0 is all ones.

    Attributes
    ----------
    LATENCY
        ``quotient_bits`` enabled cycles.

    Members
    -------
    enable : In(1)
    divisor : In(divisor_bits)
    quotient : Out(quotient_bits)

    Raises
    ------
    ValueError
        If a number is too small.
    """

    def __init__(self, *, dividend: int, divisor_bits: int, quotient_bits: int) -> None:
        check_at_least("PipelinedDivider", 0, dividend=dividend)
        check_at_least("PipelinedDivider", 1, divisor_bits=divisor_bits, quotient_bits=quotient_bits)
        self.dividend = dividend
        self.divisor_bits = divisor_bits
        self.quotient_bits = quotient_bits
        super().__init__({"enable": In(1), "divisor": In(divisor_bits), "quotient": Out(quotient_bits)})

    @property
    def LATENCY(self) -> int:
        return self.quotient_bits

    def elaborate(self, platform: object) -> Module:
        m = Module()
        divisor = self.divisor
        # What is above the quotient's bits is less than a divisor whose quotient fits.
        first = self.dividend >> self.quotient_bits
        remainder = Const(first, max(self.divisor_bits, first.bit_length()))
        quotient = Const(0, 0)
        for stage in reversed(range(self.quotient_bits)):
            trial = Cat(Const(self.dividend >> stage & 1, 1), remainder)
            inverted = ~Cat(divisor, Const(0, len(trial) - self.divisor_bits))
            difference = add(m, trial, inverted, unsigned(len(trial) + 1), carry=1, name=f"difference{stage}")
            fits = difference[-1]
            rest = Signal(len(remainder), name=f"remainder{stage}", reset_less=True)
            found = Signal(len(quotient) + 1, name=f"quotient{stage}", reset_less=True)
            following = Signal(self.divisor_bits, name=f"divisor{stage}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += [
                    rest.eq(Mux(fits, difference, trial)),
                    found.eq(Cat(fits, quotient)),
                    following.eq(divisor),
                ]
            divisor, remainder, quotient = following, rest, found
        m.d.comb += self.quotient.eq(quotient)
        return m
