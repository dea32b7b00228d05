"""Counts the steps of a dot product and tells when it is longer than the accumulator was sized for."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class StepGuard(wiring.Component):
    """``too_long`` is high during every step after the ``max_steps``-th of a dot product.

    Parameters
    ----------
    max_steps
        Steps that are allowed, at least 1.

    Members
    -------
    step : In(1)
        A step is taken in this cycle.
    last : In(1)
        It is the last of its dot product.
    too_long : Out(1)
    """

    def __init__(self, *, max_steps: int) -> None:
        if max_steps < 1:
            raise ValueError(f"StepGuard max_steps must be at least 1, not {max_steps!r}")
        self.max_steps = max_steps
        super().__init__({"step": In(1), "last": In(1), "too_long": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(range(self.max_steps + 1))
        m.d.comb += self.too_long.eq(taken == self.max_steps)
        with m.If(self.step & self.last):
            m.d.sync += taken.eq(0)
        with m.Elif(self.step & ~self.too_long):
            m.d.sync += taken.eq(taken + 1)
        return m
