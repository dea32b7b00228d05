<<<<<<< HEAD
"""Division of a constant, a new divisor each cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
=======
"""Division of a constant by an integer every cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
>>>>>>> main
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..adders import add


class PipelinedDivider(wiring.Component):
<<<<<<< HEAD
    """``quotient = dividend // divisor`` for a fixed dividend.

    Restoring division with a row of subtractors, from the quotient's highest bit on. A remainder has no more bits than have been
    looked at of the dividend, so that the first subtractors are short. A divisor of 0 gives a quotient of all ones.

    Throughput: a division each enabled cycle.
=======
    """``quotient = dividend // divisor`` of a constant dividend, a bit of the quotient a stage.
>>>>>>> main

    Parameters
    ----------
    dividend
<<<<<<< HEAD
        At least 1.
    divisor_bits
        Width of the divisor, at least 1.
    quotient_bits
        Width of the quotient; one that does not fit is undefined. 1 to the bits of the dividend.
    bits_per_stage
        How many subtractions stand behind one another before a register, 1 to ``quotient_bits``.
=======
        At least 0.
    divisor_bits
        Width of the divisor, at least 1.
    quotient_bits
        Stages, at least 1. A quotient that does not fit is undefined; that by 0 is all ones.
>>>>>>> main

    Attributes
    ----------
    LATENCY
<<<<<<< HEAD
        Enabled cycles: ``ceil(quotient_bits / bits_per_stage)``.
=======
        ``quotient_bits`` enabled cycles.
>>>>>>> main

    Members
    -------
    enable : In(1)
    divisor : In(divisor_bits)
    quotient : Out(quotient_bits)

    Raises
    ------
    ValueError
<<<<<<< HEAD
        If a parameter is out of range.
    """

    def __init__(self, *, dividend: int, divisor_bits: int, quotient_bits: int, bits_per_stage: int = 1) -> None:
        for name, value in (("dividend", dividend), ("divisor_bits", divisor_bits)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"PipelinedDivider {name} must be an integer of at least 1, not {value!r}")
        most = dividend.bit_length()
        if isinstance(quotient_bits, bool) or quotient_bits not in range(1, most + 1):
            raise ValueError(f"PipelinedDivider quotient_bits must be from 1 to {most}, not {quotient_bits!r}")
        if isinstance(bits_per_stage, bool) or bits_per_stage not in range(1, quotient_bits + 1):
            raise ValueError(
                f"PipelinedDivider bits_per_stage must be from 1 to {quotient_bits}, not {bits_per_stage!r}"
            )
        self.dividend = dividend
        self.divisor_bits = divisor_bits
        self.quotient_bits = quotient_bits
        self.bits_per_stage = bits_per_stage
=======
        If a number is too small.
    """

    def __init__(self, *, dividend: int, divisor_bits: int, quotient_bits: int) -> None:
        for name, value, least in (
            ("dividend", dividend, 0), ("divisor_bits", divisor_bits, 1), ("quotient_bits", quotient_bits, 1)
        ):  # fmt: skip
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"PipelinedDivider {name} must be an integer of at least {least}, not {value!r}")
        self.dividend = dividend
        self.divisor_bits = divisor_bits
        self.quotient_bits = quotient_bits
>>>>>>> main
        super().__init__({"enable": In(1), "divisor": In(divisor_bits), "quotient": Out(quotient_bits)})

    @property
    def LATENCY(self) -> int:
<<<<<<< HEAD
        return -(-self.quotient_bits // self.bits_per_stage)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        divisor: Value = self.divisor
        # Where the quotient fits, less than the divisor.
        remainder: Value = Const(self.dividend >> self.quotient_bits, self._remainder_bits(self.quotient_bits))
        found: Value = Const(0, 0)
        for place in reversed(range(self.quotient_bits)):
            fits, remainder = self._step(m, remainder, divisor, place)
            found = Cat(fits, found)
            if place % self.bits_per_stage == 0:
                registers = [
                    Signal(len(value), name=f"{name}{place}", reset_less=True)
                    for name, value in (("divisor", divisor), ("remainder", remainder), ("found", found))
                ]
                with m.If(self.enable):
                    m.d.sync += [
                        register.eq(value)
                        for register, value in zip(registers, (divisor, remainder, found), strict=True)
                    ]
                divisor, remainder, found = registers
        m.d.comb += self.quotient.eq(found)
        return m

    def _remainder_bits(self, place: int) -> int:
        """Width of the remainder before the quotient's bit below ``place`` is found."""
        return min(self.divisor_bits, max(0, self.dividend.bit_length() - place))

    def _step(self, m: Module, remainder: Value, divisor: Value, place: int) -> tuple[Value, Value]:
        """The quotient's bit at ``place``, and the remainder after it."""
        trial = Cat(Const(self.dividend >> place & 1, 1), remainder)
        low, high = divisor[: len(trial)], divisor[len(trial) :]
        difference = add(
            m,
            trial,
            ~Cat(low, Const(0, len(trial) - len(low))),
            unsigned(len(trial) + 1),
            carry=1,
            name=f"trial{place}",
        )
        fits = difference[-1] & ~high.any()
        return fits, Mux(fits, difference, trial)[: self._remainder_bits(place)]
=======
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
>>>>>>> main
