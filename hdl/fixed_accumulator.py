"""Fixed point of a given width, which saturates or wraps where the exact accumulator would be wide enough."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, signed

from ..config import AcceleratorConfig
from ..config import FixedAccumulator as FixedSpec
from .accumulator import Accumulator
from .adders import add


class FixedAccumulator(Accumulator):
    """``total = clamp(acc + term)`` or ``total = wrap(acc + term)``, in units of the least product step.

    Saturation looks at the sum with every bit it can have, so one step may exceed the width by any amount.

    Parameters
    ----------
    config
        The unit's configuration with a ``FixedAccumulator``.

    Members
    -------
    As ``Accumulator``; ``total`` is meaningless once ``invalid`` is set.
    """

    ALIGNED = True

    def __init__(self, *, config: AcceleratorConfig) -> None:
        if not isinstance(config.accumulator, FixedSpec):
            raise TypeError(f"FixedAccumulator config must have a fixed accumulator, not {config.accumulator!r}")
        self.saturates = config.accumulator.overflow == "saturate"
        super().__init__(config=config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.config.accumulator_bits
        register = Signal(signed(width))
        met_special = Signal()
        bits = max(width, len(self.term.significand)) + 1 if self.saturates else width
        full = add(m, register, self.term.significand, signed(bits), carry=self.term.carry, name="full")
        if self.saturates:
            above = full[width - 1 :]
            negative = full[-1]
            limit = Cat((~negative).replicate(width - 1), negative)
            fits = Signal()
            m.d.comb += [
                fits.eq(above.all() | ~above.any()),
                self.total.eq(Mux(fits, full[:width], limit)),
            ]
        else:
            m.d.comb += self.total.eq(full)
        m.d.comb += self.invalid.eq(met_special | self.flags.nan)
        with m.If(self.step):
            m.d.sync += [register.eq(self.total), met_special.eq(self.invalid)]
            with m.If(self.last):
                m.d.sync += [register.eq(Const(0)), met_special.eq(0)]
        return m
