"""Exact fixed-point accumulation (Kulisch): nothing is rounded, nothing is lost."""

from __future__ import annotations

from amaranth import Module, Signal, Value, signed

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
        register = Signal(signed(self.config.accumulator_bits), init=self._cleared)
        met_special = Signal()
        total = self._next(m, register)
        m.d.comb += [
            self.total.eq(self._shown(total)),
            self.invalid.eq(met_special | self.flags.nan),
        ]
        with m.If(self.step):
            m.d.sync += [register.eq(total), met_special.eq(self.invalid)]
        # Not nested in the step: synthesis then joins it with the unit's own reset and needs no gates for it.
        with m.If(self.step & self.last):
            m.d.sync += [register.eq(self._cleared), met_special.eq(0)]
        return m

    @property
    def _cleared(self) -> int:
        """What the register holds before a dot product."""
        return 0

    def _next(self, m: Module, register: Signal) -> Value:
        """What it holds after the step."""
        return add(m, register, self.term.significand, register.shape(), carry=self.term.carry, name="total")

    def _shown(self, held: Value) -> Value:
        """The total that this stands for."""
        return held
