"""Placement by a one-hot exponent: a wire per position instead of shifter stages."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, Value

from ..mac.layouts import product_exponent_offset
from ..wires.balanced import balanced
from .aligner import Aligner, aligned_bits


class PlacedAligner(Aligner):
    """Bit i of the term is the OR over all positions p of ``(exponent == p) & significand[i - p]``. Otherwise as ``Aligner``.

    Only magnitudes can be placed among zeros, so the sign is applied to the whole term afterwards.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        offset = product_exponent_offset(self.facts)
        significand, exponent = Value.cast(self.product.significand), self.product.exponent
        sign: Value = self.product.sign if self.facts.sign_bit else Const(0, 1)
        at = Signal(self.facts.exponent_span + 1)
        m.d.comb += [at[place].eq(exponent == place + offset) for place in range(len(at))]
        magnitude = [
            balanced(
                [
                    at[place] & significand[bit - place]
                    for place in range(len(at))
                    if 0 <= bit - place < len(significand)
                ],
                lambda left, right, _: left | right,
            )
            for bit in range(min(len(at) + len(significand) - 1, aligned_bits(self.facts)))
        ]
        fixed = Cat(magnitude, Const(0, aligned_bits(self.facts) - len(magnitude)))
        m.d.comb += [
            self.term.significand.eq((fixed ^ sign.replicate(len(fixed))).as_signed()),
            self.term.carry.eq(sign),
        ]
        return m
