"""Fused floating point of scaled sums: those of several steps are summed exactly, then added and rounded once."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.lib import data

from ...config import MacConfig
from ..mac.layouts import scaled_magnitude_bits, scaled_term_layout, scaled_top_field, term_layout
from .float_accumulator import FloatAccumulator
from .fused_accumulator import FusedAccumulator


class ScaledGroupAccumulator(FloatAccumulator):
    """A float accumulator whose terms are exact sums of whole groups of scaled sums, in units of the least product of all."""

    @classmethod
    def raised(cls, config: MacConfig) -> int:
        scales = config.scale_product
        if scales is None:
            raise TypeError(f"ScaledGroupAccumulator config must have a scale, not {config.scale!r}")
        return -scales.min_exponent

    @classmethod
    def lattice(cls, config: MacConfig) -> int:
        return config.product.min_exponent - cls.raised(config)

    @classmethod
    def term_layout(cls, config: MacConfig) -> data.StructLayout:
        return term_layout(config.fused_bits, carry=False)


class FusedScaledAccumulator(FusedAccumulator):
    """``acc = round(acc + exact sum of the group's products times their scales)``, once per group of ``fused`` products.

    As ``FusedAccumulator``; a step's scaled sum is shifted to its place in the group's sum, which is as wide as scales reach.

    Parameters
    ----------
    config
        The unit's configuration with scales and a ``FloatAccumulator`` that is fused.

    Members
    -------
    As ``Accumulator``; ``term`` has the layout ``scaled_term_layout``.
    """

    ROUNDER = ScaledGroupAccumulator

    @classmethod
    def term_layout(cls, config: MacConfig) -> data.StructLayout:
        return scaled_term_layout(config)

    def _fixed(self, m: Module) -> tuple[Value, Value]:
        config, scales = self.config, self.config.scale_product
        assert scales is not None
        bits = scaled_magnitude_bits(config)
        # The exponent field is that of the magnitude's top bit, whose least is that of one unit.
        unit = scaled_top_field(config) - bits + 1
        shift = Signal(range(scales.exponent_span + bits))
        raised = Signal(config.fused_bits + bits - 1)
        m.d.comb += [shift.eq(self.term.exponent - unit), raised.eq(self.term.significand << shift)]
        magnitude = raised[bits - 1 :]
        return (magnitude ^ self.term.sign.replicate(len(magnitude))).as_signed(), self.term.sign
