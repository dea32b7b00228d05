"""Block scales: a step's exact sum becomes a number with an exponent, normalised, so that an accumulator can align it."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..wires.adders import add
from .layouts import flags_layout, scaled_exponent_range, scaled_magnitude_bits, scaled_term_layout, step_flags_layout


class ScaledTerm(wiring.Component):
    """``term = sum * 2**(weight scale + activation scale)``, exact: normalised, with the sum of both exponents as its own.

    The scales come with the step's codes and wait for their sum as one exponent. A sum of 0 has the least exponent there is, so
    that it never stands above an accumulator, whatever its scales.

    Parameters
    ----------
    config
        A configuration with scales.
    sum_layout
        Of the step's sum, fixed point.
    waits
        Enabled cycles from a step's codes to its sum.

    Members
    -------
    enable : In(1)
    weight_scale, activation_scale : In(codes)
        Taken with the step's codes.
    sum : In(sum_layout)
    sum_flags : In(flags_layout)
        ``waits`` enabled cycles later.
    term : Out(scaled_term_layout)
    flags : Out(step_flags_layout)
        ``latency(config)`` enabled cycles after that; ``nan`` if a scale is NaN.

    Source: OCP Microscaling Formats (MX) specification v1.0, section 6.2, the dot product of two blocks.
    """

    def __init__(self, *, config: MacConfig, sum_layout: data.StructLayout, waits: int) -> None:
        scale = config.scale_format
        if scale is None:
            raise TypeError(f"ScaledTerm config must have a scale, not {config.scale!r}")
        if waits < 0:
            raise ValueError(f"ScaledTerm waits must be at least 0, not {waits!r}")
        self.config = config
        self.waits = waits
        super().__init__({
            "enable": In(1),
            "weight_scale": In(scale.bits),
            "activation_scale": In(scale.bits),
            "sum": In(sum_layout),
            "sum_flags": In(flags_layout(config)),
            "term": Out(scaled_term_layout(config)),
            "flags": Out(step_flags_layout(config)),
        })  # fmt: skip

    @staticmethod
    def latency(config: MacConfig) -> int:
        """Enabled cycles from sum to term: a register where there are registers in reductions."""
        return int(config.registers("reduce"))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        scales = self._waiting_scales(m)
        registered = bool(self.latency(self.config))
        term = Signal(self.term.shape(), reset_less=registered)
        flags = Signal(self.flags.shape(), reset_less=registered)
        moved = [
            *self._normalised(m, term, scales.exponent),
            flags.nan.eq(self.sum_flags.nan | scales.nan),
            flags.pos_inf.eq(self.sum_flags.pos_inf),
            flags.neg_inf.eq(self.sum_flags.neg_inf),
        ]
        if registered:
            with m.If(self.enable):
                m.d.sync += moved
        else:
            m.d.comb += moved
        m.d.comb += [self.term.eq(term), self.flags.eq(flags)]
        return m

    def _waiting_scales(self, m: Module) -> data.View:
        """The exponent field of the sum's top bit, and whether a scale is NaN, when the sum is there."""
        fields = scaled_exponent_range(self.config)
        top = fields.start + scaled_magnitude_bits(self.config) - 1
        layout = data.StructLayout({"exponent": self.term.exponent.shape(), "nan": 1})
        scales = Signal(layout, name="scales")
        codes = self.weight_scale, self.activation_scale
        m.d.comb += [
            scales.exponent.eq(codes[0] + codes[1] + top),
            scales.nan.eq(Cat(code.all() for code in codes).any()),
        ]
        for wait in range(self.waits):
            waiting = Signal(layout, name=f"scales_{wait}", reset_less=True)
            with m.If(self.enable):
                m.d.sync += waiting.eq(scales)
            scales = waiting
        return scales

    def _normalised(self, m: Module, term: data.View, exponent: Signal) -> list:
        """Assignments to ``term``: the magnitude shifted left until its top bit is 1, and the exponent less that."""
        bits = scaled_magnitude_bits(self.config)
        total, carry = self.sum.significand, self.sum.carry
        # -(total + carry) is ~total + ~carry, and the sign of total serves for both, because -1 + 1 is 0 either way.
        sign = total[-1]
        low = carry ^ sign if len(carry) else sign
        flipped = (total ^ sign.replicate(len(total)))[:bits]
        magnitude = add(m, flipped.as_unsigned(), 0, signed(bits + 1), carry=low, name="magnitude")[:bits]
        zeros = []
        for power in reversed(range((bits - 1).bit_length())):
            distance = 1 << power
            skip = Signal(name=f"zeros{power}")
            shifted = Signal(bits, name=f"normal{power}")
            m.d.comb += [
                skip.eq(~magnitude[-distance:].any()),
                shifted.eq(Mux(skip, magnitude << distance, magnitude)),
            ]
            zeros.insert(0, skip)
            magnitude = shifted
        nonzero = magnitude[-1]
        return [
            term.sign.eq(sign & nonzero),
            term.significand.eq(magnitude),
            term.exponent.eq(Mux(nonzero, exponent - Cat(zeros), scaled_exponent_range(self.config).start)),
        ]
