# amaranth: UnusedElaboratable=no
# Reductions and rounders may be built only to be asked for their latency and their ports.
"""Fused floating point: the products of several steps are summed exactly, then added and rounded once."""

from __future__ import annotations

from typing import ClassVar

from amaranth import Module, Signal, Value
from amaranth.lib import data

from ...config import MacConfig
from ..mac.layouts import term_layout
from ..wires.adders import add
from .accumulator import Accumulator
from .float_accumulator import FloatAccumulator


class GroupAccumulator(FloatAccumulator):
    """A float accumulator whose terms are exact sums of whole groups."""

    @classmethod
    def term_layout(cls, config: MacConfig) -> data.StructLayout:
        return term_layout(config.product.sum_bits(config.products_per_rounding), carry=False)


class FusedAccumulator(Accumulator):
    """``acc = round_nearest_even(acc + exact sum of the group's products)``, once per group of ``fused`` products.

    A fixed-point register holds the group's sum so far; ``last`` ends a group early. Both additions are in the same cycle: the
    total of a step is there in that step.

    Parameters
    ----------
    config
        The unit's configuration with a ``FloatAccumulator`` that is fused.

    Members
    -------
    As ``Accumulator``; ``total`` is a code of the accumulator's format, valid with ``last``.
    """

    ALIGNED = True
    ROUNDER: ClassVar[type[FloatAccumulator]] = GroupAccumulator
    """What adds a group's sum and rounds."""

    def __init__(self, *, config: MacConfig) -> None:
        self.rounder = self.ROUNDER(config=config)
        self.steps = config.products_per_rounding // config.lanes
        super().__init__(config=config)

    @property
    def overflow_possible(self) -> bool:
        return self.rounder.overflow_possible

    @property
    def group_steps(self) -> int:
        return self.steps

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.round = rounder = self.rounder
        group = Signal.like(rounder.term.significand)
        met = Signal(self.flags.shape())
        taken = Signal(range(self.steps))
        ends = Signal()
        significand, carry = self._fixed(m)
        total = add(m, group, significand, group.shape(), carry=carry, name="group_total")
        m.d.comb += [
            ends.eq(self.last | (taken == self.steps - 1)),
            rounder.step.eq(self.step & ends),
            rounder.last.eq(self.last),
            rounder.term.significand.eq(total),
            rounder.flags.eq(met.as_value() | self.flags.as_value()),
            self.total.eq(rounder.total),
            self.invalid.eq(rounder.invalid),
        ]
        if self.config.saturated:
            m.d.comb += self.saturated.eq(rounder.saturated)
        with m.If(self.step):
            m.d.sync += [group.eq(total), met.eq(rounder.flags), taken.eq(taken + 1)]
            with m.If(ends):
                m.d.sync += [group.eq(0), met.eq(0), taken.eq(0)]
        return m

    def _fixed(self, m: Module) -> tuple[Value, Value]:
        """A step's term in units of the group's sum, and the carry that completes it."""
        return self.term.significand, self.term.carry
