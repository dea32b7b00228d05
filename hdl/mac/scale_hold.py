"""Block scales of several steps: taken with a block's first step and held until it ends."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class ScaleHold(wiring.Component):
    """``scales`` is ``codes`` in a block's first step, and what they were then in its other steps. Combinational.

    Blocks are counted from the first step of a dot product; its last step ends its last block.

    Parameters
    ----------
    steps
        Of a block, at least 2.
    width
        Of all scales together, in bits.

    Members
    -------
    step, last : In(1)
        A step passes in this cycle; it is the last of its dot product.
    codes : In(width)
        That came with the step.
    scales : Out(width)
        That count for it.
    """

    def __init__(self, *, steps: int, width: int) -> None:
        if steps < 2:
            raise ValueError(f"ScaleHold steps must be at least 2, not {steps!r}")
        self.steps = steps
        super().__init__({"step": In(1), "last": In(1), "codes": In(width), "scales": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        passed = Signal(range(self.steps))
        held = Signal.like(self.codes, reset_less=True)
        m.d.comb += self.scales.eq(Mux(passed == 0, self.codes, held))
        with m.If(self.step):
            m.d.sync += [held.eq(self.scales), passed.eq(passed + 1)]
            with m.If(self.last | (passed == self.steps - 1)):
                m.d.sync += passed.eq(0)
        return m
