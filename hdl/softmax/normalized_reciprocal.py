"""The reciprocal of a row's sum, normalized to [1, 2): a bit a cycle."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class NormalizedReciprocal(wiring.Component):
    """``reciprocal = floor(2**(E + zeros + rb) / sum)`` with ``zeros`` such that it is from ``2**rb`` to ``2**(rb+1) - 1``.

    Restoring division of ``2**E``, whose leading zeros are counted instead of kept. A sum below ``2**E``, which only a
    fully masked row has, gives some reciprocal without a hang.

    Parameters
    ----------
    fraction_bits
        ``E``: 1.0 is ``2**E`` in the sum.
    most_zeros
        The sum is at most ``2**(E + most_zeros)``.
    reciprocal_bits
        ``rb``.

    Attributes
    ----------
    LATENCY
        Cycles from ``start`` to ``done``, whatever the sum; the reciprocal is there in the one after that.

    Members
    -------
    start : In(1)
        The sum is there; it must stay until ``done``.
    sum : In(E + most_zeros + 1)
    zero : Out(1)
        For one cycle for each of ``zeros``.
    done : Out(1)
        For one cycle.
    reciprocal : Out(rb + 1)
        Stays until the next start.

    Raises
    ------
    ValueError
        If a parameter is not positive.
    """

    def __init__(self, *, fraction_bits: int, most_zeros: int, reciprocal_bits: int) -> None:
        for name, value in (("fraction_bits", fraction_bits), ("reciprocal_bits", reciprocal_bits)):
            if value < 1:
                raise ValueError(f"NormalizedReciprocal {name} must be at least 1, not {value!r}")
        if most_zeros < 0:
            raise ValueError(f"NormalizedReciprocal most_zeros must be at least 0, not {most_zeros!r}")
        self.fraction_bits = fraction_bits
        self.most_zeros = most_zeros
        self.reciprocal_bits = reciprocal_bits
        super().__init__({
            "start": In(1),
            "sum": In(fraction_bits + most_zeros + 1),
            "zero": Out(1),
            "done": Out(1),
            "reciprocal": Out(reciprocal_bits + 1),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        return self.latency(most_zeros=self.most_zeros, reciprocal_bits=self.reciprocal_bits)

    @staticmethod
    def latency(*, most_zeros: int, reciprocal_bits: int) -> int:
        """``LATENCY`` of a unit with these parameters."""
        return most_zeros + reciprocal_bits + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(range(self.LATENCY + 1))
        remainder = Signal(len(self.sum) + 1, reset_less=True)
        difference = Signal(len(remainder) + 1)
        fits, full = Signal(), Signal()
        m.d.comb += [
            difference.eq(remainder - self.sum),
            fits.eq(~difference[-1]),
            full.eq(self.reciprocal[-1]),
            self.zero.eq(left.any() & ~full & ~fits & ~self.reciprocal.any()),
            self.done.eq(left == 1),
        ]
        with m.If(self.start):
            m.d.sync += [
                left.eq(self.LATENCY),
                remainder.eq(1 << self.fraction_bits),
                self.reciprocal.eq(0),
            ]
        with m.Elif(left.any()):
            m.d.sync += left.eq(left - 1)
            with m.If(~full):
                m.d.sync += [
                    self.reciprocal.eq(Cat(fits, self.reciprocal)),
                    remainder.eq(Cat(0, Mux(fits, difference, remainder))),
                ]
        return m
