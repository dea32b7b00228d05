"""Division of integers, a few bits of the quotient a cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..wires.adders import add
from ..wires.at_least import check_at_least


class Divider(wiring.Component):
    """``quotient = dividend // divisor`` and ``remainder = dividend % divisor`` of unsigned integers.

    Restoring division, ``bits_per_cycle`` bits a cycle from the highest on. A divisor of 0 gives a quotient of all ones and the
    low bits of the dividend as remainder.

    Throughput: a division takes ``LATENCY`` cycles whatever its operands, and its result must be taken before the next one
    begins; without stalls one starts every ``LATENCY + 1`` cycles.

    Parameters
    ----------
    dividend_bits, divisor_bits
        Widths of the operands, at least 1; the remainder is as wide as the divisor.
    bits_per_cycle
        How many subtractions stand behind one another, 1 to ``quotient_bits``.
    quotient_bits
        Width of the quotient, where it is known that none is greater, for which there are no cycles for leading zeros: 1 to
        ``dividend_bits``, and that if None. Where a quotient does not fit, it and the remainder are undefined, but come out.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of the operands to ``o.valid``.

    Members
    -------
    i : In(stream.Signature(StructLayout({"dividend", "divisor"})))
    o : Out(stream.Signature(StructLayout({"quotient", "remainder"})))

    Raises
    ------
    ValueError
        If a width is out of range.
    """

    def __init__(
        self, *, dividend_bits: int, divisor_bits: int, bits_per_cycle: int = 1, quotient_bits: int | None = None
    ) -> None:
        check_at_least("Divider", 1, dividend_bits=dividend_bits, divisor_bits=divisor_bits)
        quotient_bits = dividend_bits if quotient_bits is None else quotient_bits
        if isinstance(quotient_bits, bool) or quotient_bits not in range(1, dividend_bits + 1):
            raise ValueError(f"Divider quotient_bits must be from 1 to {dividend_bits}, not {quotient_bits!r}")
        if isinstance(bits_per_cycle, bool) or bits_per_cycle not in range(1, quotient_bits + 1):
            raise ValueError(f"Divider bits_per_cycle must be from 1 to {quotient_bits}, not {bits_per_cycle!r}")
        self.dividend_bits = dividend_bits
        self.divisor_bits = divisor_bits
        self.bits_per_cycle = bits_per_cycle
        self.quotient_bits = quotient_bits
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({"dividend": dividend_bits, "divisor": divisor_bits}))),
            "o": Out(stream.Signature(data.StructLayout({"quotient": quotient_bits, "remainder": divisor_bits}))),
        })  # fmt: skip

    @property
    def steps(self) -> int:
        """Cycles of subtractions."""
        return -(-self.quotient_bits // self.bits_per_cycle)

    @property
    def LATENCY(self) -> int:
        return self.steps + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Leading zeros fill the first cycle up.
        quotient = Signal(self.steps * self.bits_per_cycle, reset_less=True)
        remainder = Signal(self.divisor_bits, reset_less=True)
        divisor = Signal(self.divisor_bits, reset_less=True)
        left = Signal(range(self.steps + 1))
        m.d.comb += [
            self.i.ready.eq(~left.any() & ~self.o.valid),
            self.o.payload.quotient.eq(quotient),
            self.o.payload.remainder.eq(remainder),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                quotient.eq(self.i.payload.dividend),
                # Less than the divisor, as the quotient fits.
                remainder.eq(self.i.payload.dividend >> len(quotient)),
                divisor.eq(self.i.payload.divisor),
                left.eq(self.steps),
            ]
        with m.Elif(left.any()):
            rest, bits = self._subtracted(m, remainder, quotient, divisor)
            m.d.sync += [
                remainder.eq(rest),
                quotient.eq(Cat(bits, quotient)),
                left.eq(left - 1),
                self.o.valid.eq(left == 1),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m

    def _subtracted(self, m: Module, remainder: Value, dividend: Signal, divisor: Signal) -> tuple[Value, Value]:
        """One cycle: the remainder after it, and the bits of the quotient that it found."""
        found: list[Value] = []
        for step in range(self.bits_per_cycle):
            bit = dividend[len(dividend) - 1 - step]
            # remainder < divisor, so that the rest after a subtraction fits the divisor's width.
            trial = Cat(bit, remainder)
            difference = add(
                m, trial, ~Cat(divisor, Const(0, 1)), unsigned(len(trial) + 1), carry=1, name=f"difference{step}"
            )
            fits = difference[-1]
            remainder = Mux(fits, difference, trial)[: self.divisor_bits]
            found.insert(0, fits)
        return remainder, Cat(found)
