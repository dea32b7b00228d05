"""Fixed point of a given width, which saturates or wraps where the exact accumulator would be wide enough."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config import FixedAccumulator as FixedSpec
from ...config import MacConfig
from ...config.checks import accumulator_of
from ..wires.adders import add
from .accumulator import Accumulator


class FixedAccumulator(Accumulator):
    """``total = clamp(round(acc + term))`` or ``total = wrap(round(acc + term))``, in units of ``2**config.unit_exponent``.

    Saturation looks at the sum with every bit it can have, so one step may exceed the width by any amount. Rounding is to nearest
    even and takes no adder of its own: below the register's bits the adder gets half a unit, and a tie clears the last bit.

    Parameters
    ----------
    config
        The unit's configuration with a ``FixedAccumulator``.

    Members
    -------
    As ``Accumulator``; ``total`` is meaningless once ``invalid`` is set.
    """

    ALIGNED = True

    def __init__(self, *, config: MacConfig) -> None:
        self.saturates = not accumulator_of(config, FixedSpec, "FixedAccumulator").wraps
        self.dropped = config.unit_exponent - config.product.min_exponent
        super().__init__(config=config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = self.config.accumulator_bits
        register = Signal(signed(width))
        met_special = Signal()
        below = self.dropped
        sees_all = self.saturates or self.config.saturated
        bits = max(width + below, len(self.term.significand)) + 1 if sees_all else width + below
        addend = Cat(Const((1 << below) >> 1, below), register).as_signed() if below else register
        full = add(m, addend, self.term.significand, signed(bits), carry=self.term.carry, name="full")
        units = self._rounded(m, full)
        fits = Signal()
        if sees_all:
            above = full[below + width - 1 :]
            m.d.comb += fits.eq(above.all() | ~above.any())
        if self.saturates:
            negative = full[-1]
            limit = Cat((~negative).replicate(width - 1), negative)
            m.d.comb += self.total.eq(Mux(fits, units[:width], limit))
        else:
            m.d.comb += self.total.eq(units[:width])
        m.d.comb += self.invalid.eq(met_special | self.flags.nan)
        self._flag(m, ~fits)
        with m.If(self.step):
            m.d.sync += [register.eq(self.total), met_special.eq(self.invalid)]
            with m.If(self.last):
                m.d.sync += [register.eq(Const(0)), met_special.eq(0)]
        return m

    def _rounded(self, m: Module, full: Signal) -> Value:
        """The sum in whole units: half a unit is in it already, and what was a tie has no bits below one now."""
        if not self.dropped:
            return full
        tie = Signal()
        m.d.comb += tie.eq(~full[: self.dropped].any())
        return Cat(full[self.dropped] & ~tie, full[self.dropped + 1 :])
