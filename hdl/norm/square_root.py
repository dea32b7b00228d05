"""The exact integer square root, one bit of it a cycle."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..wires.adders import add
from ..wires.at_least import check_at_least


class SquareRoot(wiring.Component):
    """``root = floor(sqrt(radicand))`` and ``remainder = radicand - root**2`` of an unsigned integer.

    Two bits of the radicand and one of the root a cycle, from the highest on: ``4 * root + 1`` is taken off where it fits.

    Throughput: a root takes ``LATENCY`` cycles whatever the radicand, and must be taken before the next one begins; without
    stalls one starts every ``LATENCY + 1`` cycles.

    Parameters
    ----------
    radicand_bits
        Width of the radicand, at least 1.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of the radicand to ``o.valid``.

    Members
    -------
    i : In(stream.Signature(StructLayout({"radicand"})))
    o : Out(stream.Signature(StructLayout({"root", "remainder"})))
        Half as wide as the radicand, rounded up, and one bit wider than that.

    Raises
    ------
    ValueError
        If the width is out of range.
    """

    def __init__(self, *, radicand_bits: int) -> None:
        check_at_least("SquareRoot", 1, radicand_bits=radicand_bits)
        self.radicand_bits = radicand_bits
        self.root_bits = (radicand_bits + 1) // 2
        super().__init__({
            "i": In(stream.Signature(data.StructLayout({"radicand": radicand_bits}))),
            "o": Out(stream.Signature(data.StructLayout({"root": self.root_bits, "remainder": self.root_bits + 1}))),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        return self.root_bits + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        radicand = Signal(2 * self.root_bits, reset_less=True)
        root = Signal(self.root_bits, reset_less=True)
        # The remainder is at most twice the root.
        remainder = Signal(self.root_bits + 1, reset_less=True)
        left = Signal(range(self.root_bits + 1))
        trial = Cat(radicand[-2:], remainder)
        difference = add(
            m, trial, ~Cat(Const(1, 2), root, Const(0, 1)), unsigned(len(trial) + 1), carry=1, name="difference"
        )
        fits = difference[-1]
        m.d.comb += [
            self.i.ready.eq(~left.any() & ~self.o.valid),
            self.o.payload.root.eq(root),
            self.o.payload.remainder.eq(remainder),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [radicand.eq(self.i.payload.radicand), root.eq(0), remainder.eq(0), left.eq(self.root_bits)]
        with m.Elif(left.any()):
            m.d.sync += [
                radicand.eq(radicand << 2),
                root.eq(Cat(fits, root)),
                remainder.eq(Mux(fits, difference, trial)),
                left.eq(left - 1),
                self.o.valid.eq(left == 1),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
