"""The scale of a block under a tensor's scale: one division, to the bits that its rounding needs."""

from __future__ import annotations

from fractions import Fraction

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.block_quantizer import TENSOR_SCALE
from ...formats import Format, get, signed_bits
from ..wires.delay import delayed
from .operand import Normalizer
from .target import Target, rounded

PLACES = 3
"""Where the quotient of two significands may begin: at its first place, or up to two below."""


class Ratio(wiring.Component):
    """The scale's code nearest to ``amax / (top * tensor_scale)``, ties to even, saturated; the least positive at least.

    Of ``amax = 0`` it is 0.

    With ``top = 3 * 2**k`` and both significands between 1 and 2, their quotient is between 1/6 and 2/3: as many steps of a
    restoring division as the scale has bits, one for the half and two more, and whether anything is left. Half of the steps are
    done a cycle.

    Latency: 2 enabled cycles. Throughput: 1 a cycle.

    Parameters
    ----------
    source
        Format of ``amax``.
    scale
        Of the scale: a minifloat of at most 24 significand bits.
    greatest
        ``top``, the elements' greatest magnitude.

    Members
    -------
    enable : In(1)
    greatest : In(source.bits - 1)
        Code of ``amax``, without its sign.
    tensor_scale : In(32)
        FP32 code of a positive normal number.
    scale : Out(scale.bits - 1)
        Code without its sign, two enabled cycles later.

    Raises
    ------
    ValueError
        If ``greatest`` is not three times a power of two.
    """

    LATENCY = 2

    def __init__(self, *, source: Format, scale: Format, greatest: Fraction) -> None:
        third = greatest / 3
        if third.numerator & (third.numerator - 1) or third.denominator & (third.denominator - 1) or not third:
            raise ValueError(f"Ratio greatest must be three times a power of two, not {greatest!s}")
        self.power = third.numerator.bit_length() - third.denominator.bit_length()
        self.fmt = scale
        self.target = Target.of(scale)
        self.normalizer = Normalizer(fmt=source, positions=source.significand_bits - 1)
        self.outer = get(TENSOR_SCALE)
        super().__init__({
            "enable": In(1),
            "greatest": In(source.bits - 1),
            "tensor_scale": In(self.outer.bits),
            "scale": Out(scale.bits - 1),
        })  # fmt: skip

    @property
    def steps(self) -> int:
        """Bits of the quotient."""
        return self.fmt.significand_bits + PLACES

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stored = self.outer.significand_bits - 1
        parts = self.normalizer.apart(m, Cat(self.greatest, Const(0, 1)), "amax")
        aligned = Cat(Const(0, stored + 1 - len(parts.significand)), parts.significand)
        significand = Cat(self.tensor_scale[:stored], Const(1, 1))
        divisor = Signal(len(significand) + 2, name="divisor")
        m.d.comb += divisor.eq(significand + (significand << 1))
        first = (self.steps + 1) // 2
        bits, rest = self._divided(m, aligned, divisor, range(first))
        least = 1 - (1 << self.outer.bits - 1 - stored)
        exponent = Signal(signed(signed_bits(least, self.normalizer.greatest)), name="exponent")
        m.d.comb += exponent.eq(parts.exponent - self.tensor_scale[stored:-1])
        held = [
            delayed(m, self.enable, value, 1, f"{name}{{}}")
            for name, value in {
                "begun": Cat(reversed(bits)), "rest": rest, "divided": divisor, "difference": exponent,
                "nonzero": self.greatest.any(),
            }.items()
        ]  # fmt: skip
        begun, rest, divisor, exponent, nonzero = held
        bits, rest = self._divided(m, rest, divisor, range(first, self.steps))
        code = self._code(m, Cat(*reversed(bits), begun), rest.any(), exponent, nonzero)
        m.d.comb += self.scale.eq(delayed(m, self.enable, code, 1, "code{}"))
        return m

    @staticmethod
    def _divided(m: Module, rest: Value, divisor: Value, steps: range) -> tuple[list[Value], Value]:
        """Bits of a quotient, the highest first, and what is left: each step doubles and subtracts where that fits."""
        bits: list[Value] = []
        for step in steps:
            difference = Signal(len(divisor) + 2, name=f"difference{step}_")
            after = Signal(len(divisor), name=f"rest{step}_")
            fits = ~difference[-1]
            m.d.comb += [difference.eq((rest << 1) - divisor), after.eq(Mux(fits, difference, rest << 1))]
            bits.append(fits)
            rest = after
        return bits, rest

    def _code(self, m: Module, quotient: Value, inexact: Value, exponent: Value, nonzero: Value) -> Value:
        first, second = quotient[-1], quotient[-2]
        top = Signal(len(quotient), name="top")
        m.d.comb += top.eq(Mux(first, quotient, Mux(second, quotient << 1, quotient << 2)))
        # Exponent of the quotient's first place, less the scale's least.
        constant = -self.normalizer.offset + (1 - self.outer.min_exponent - (self.outer.significand_bits - 1))
        constant -= self.power + 1 + self.target.least_exponent
        span = 1 << len(exponent) - 1
        above = Signal(signed(signed_bits(constant - span - 2, constant + span)), name="above")
        m.d.comb += above.eq(exponent + constant - Mux(first, 0, Mux(second, 1, 2)))
        code, _ = rounded(m, self.target, above, Cat(inexact, top), name="scale", bounded=False)
        code = code[: len(self.scale)]
        # A block that has a number has a scale that is one.
        return (code | Cat(~code.any())) & nonzero.replicate(len(self.scale))
