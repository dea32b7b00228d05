"""Exact fixed-point accumulation (Kulisch): nothing is rounded, nothing is lost."""

from __future__ import annotations

from amaranth import Module, Signal, signed

from ..wires.adders import add
from .accumulator import Accumulator


class ExactAccumulator(Accumulator):
    """``total = sum of the dot product's terms so far, this step's included``.

    One adder; its carry input takes the carry that the adder tree has left over. The register is cleared by its reset input
    after the last step, so that no multiplexer stands in the loop.

    Parameters
    ----------
    config
        The unit's configuration; the register has ``config.accumulator_bits`` bits and wraps beyond them.

    Members
    -------
    As ``Accumulator``; ``total`` is meaningless once ``invalid`` is set.
    """

    ALIGNED = True

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(signed(self.config.accumulator_bits))
        met_special = Signal()
        total = add(m, register, self.term.significand, register.shape(), carry=self.term.carry, name="total")
        m.d.comb += [
            self.total.eq(total),
            self.invalid.eq(met_special | self.flags.nan),
        ]
        with m.If(self.step):
            m.d.sync += [register.eq(total), met_special.eq(self.invalid)]
        # Not nested in the step: synthesis then joins it with the unit's own reset and needs no gates for it.
        with m.If(self.step & self.last):
            m.d.sync += [register.eq(0), met_special.eq(0)]
        return m
