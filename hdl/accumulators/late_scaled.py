"""Floating-point accumulation of scaled sums whose register stands before they are normalised and rounded."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from .float_total import named
from .lean_scaled import LeanScaledAccumulator


class LateScaledAccumulator(LeanScaledAccumulator):
    """The same totals as ``ScaledAccumulator``, a cycle later.

    What is kept is the sum as the adder gives it. The next cycle normalises and rounds it while its step is multiplied, summed
    and scaled, so that neither of the two ways to the adder has all of that. The total is shown in that cycle.

    Parameters
    ----------
    config
        The unit's configuration, with scales.

    Members
    -------
    As ``FloatTotal``, and ``enable``; ``term`` has the layout ``scaled_term_layout``.

    Source: C. E. Leiserson, J. B. Saxe, Retiming Synchronous Circuitry, Algorithmica 6, 1991.
    """

    LATENCY = 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._wait(m)
        width = self._width + 3
        held = Signal(data.StructLayout({"total": width, "field": len(self.term.exponent), "sign": 1}))
        negative = named(m, held.total[-1], "negative")
        # The field of the one that led is held, whichever it was.
        packed, overflow, nonzero = self._rounded_sum(
            m, held.total, negative, Const(0, 1), Cat(held.field, Const(0, 1))
        )
        number = named(m, Cat(packed, (held.sign ^ negative) & nonzero), "number")
        ended = Signal()
        register = named(m, number & ~ended.replicate(len(number)), "register")
        total, term_leads, field_or_one = self._summed(m, register)
        with m.If(self.step):
            m.d.sync += [
                held.total.eq(total),
                held.field.eq(self._leading_field(m, term_leads, field_or_one)),
                held.sign.eq(Mux(term_leads, self.term.sign, register[-1])),
                ended.eq(self.last),
            ]
        self._register(m, None, number, overflow)
        return m

    def _wait(self, m: Module) -> None:
        """The step before, whose sum is shown."""
        waiting, last, flags = (
            Signal(name="waiting"),
            Signal(name="waiting_last"),
            Signal.like(self.flags, name="waiting_flags"),
        )
        with m.If(self.enable):
            m.d.sync += [waiting.eq(self.step), last.eq(self.last), flags.eq(self.flags)]
        self._waiting = named(m, waiting & self.enable, "shown"), last, flags

    @property
    def _step_shown(self) -> tuple[Value, Value, data.View]:
        return self._waiting
