"""Floating-point accumulation of scaled sums with one increment: what a negative sum lacks is added where it is rounded."""

from __future__ import annotations

from amaranth import Module, Value

from .lean_float import one_up
from .scaled_accumulator import ScaledAccumulator


class LeanScaledAccumulator(ScaledAccumulator):
    """The same totals as ``ScaledAccumulator``.

    A negative difference is normalised as it is, in two's complement, and only the bits that are kept are complemented, with the
    missing 1 and the rounding in one increment, as ``LeanFloatAccumulator`` has it.

    Parameters
    ----------
    config
        The unit's configuration, with scales.

    Members
    -------
    As ``FloatTotal``; ``term`` has the layout ``scaled_term_layout``.

    Source: IEEE 754-2019 section 4.3.1, roundTiesToEven, of a negative number in two's complement, case by case.
    """

    def _rounded_sum(
        self, m: Module, total: Value, negative: Value, term_leads: Value, field_or_one: Value
    ) -> tuple[Value, Value, Value]:
        lead = self._leading_field(m, term_leads, field_or_one)
        bits, field = self._normalised(m, total[:-1], lead, negative)
        truncates = self.config.accumulator.truncates
        packed, overflow = one_up(m, self.fmt, bits, field, negative, truncates=truncates, overflow_possible=True)
        return packed, overflow, total.any()
