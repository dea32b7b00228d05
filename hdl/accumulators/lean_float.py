"""Floating-point accumulation with one wide adder: what a negative sum lacks is added where it is rounded."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...formats import Minifloat
from ..wires.adders import add
from .float_accumulator import FloatAccumulator
from .float_total import named
from .window_accumulator import WindowAccumulator

_BLOCK = 4
"""Bits of a sum whose carries are known together."""


class LeanFloatAccumulator(FloatAccumulator):
    """The same totals as ``FloatAccumulator``.

    The window's adder gives ``placed accumulator +- term`` in the accumulator's sign, so that the term takes that sign and its
    carry at once. The sum is normalised as it is, in two's complement, and only the bits that are kept are complemented: the one
    that is missing then reaches them where all bits below are 0, and nothing else is to be rounded up in that case. The exponent
    loses all that was shifted out in one subtraction.

    Parameters
    ----------
    config
        The unit's configuration.

    Members
    -------
    As ``FloatAccumulator``.

    Source: IEEE 754-2019 section 4.3.1, roundTiesToEven, of a negative number in two's complement, case by case.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        w, mantissa = self.window, self.fmt.mantissa_bits
        register = Signal(self.fmt.bits)
        fraction, field, negative = register[:mantissa], register[mantissa:-1], register[-1]
        normal = field.any()
        significand = Cat(fraction, normal)
        shift, far, beyond = self._shift(m, Cat(field[0] | ~normal, field[1:]), significand.any())
        total = self._in_sign(m, significand, negative, shift)
        # Doubled, a sum of -1 has a place below its sign, as all others have, where its run of signs ends.
        doubled = Signal(signed(w.sum_bits + 2))
        m.d.comb += doubled.eq(Cat(Const(0, 1), total).as_signed())
        top_field = Signal(signed(w.exponent_bits))
        m.d.comb += top_field.eq(self.term.exponent + (w.top_field(w.sum_bits) - self.offset) + Mux(far, beyond, 0))
        packed, overflow = self._rounded(
            m, doubled, top_field, subnormal_possible=w.subnormal_possible, overflow_possible=self.overflow_possible
        )
        sign = self._sign(total, negative)
        if w.sticky:
            # A zero term may stand anywhere, so the accumulator could have been shifted out of the window.
            there = self._any_term()
            packed = Mux(there, packed, register[:-1])
            sign = Mux(there, sign, negative & register[:-1].any())
        self._register(m, register, named(m, Cat(packed, sign), "number"), overflow)
        return m

    def _sign(self, total: Value, negative: Value) -> Value:
        """Whether the result is below zero."""
        return (total[-1] ^ negative) & total.any()

    def _any_term(self) -> Value:
        """Whether the term is not 0."""
        own = self.term.carry if len(self.term.carry) else Const(0, 1)
        return (self.term.significand.as_unsigned() ^ own.replicate(self.window.term_bits)).any()

    def _in_sign(self, m: Module, significand: Value, negative: Value, shift: Value) -> Signal:
        """The sum in the window, negated where the accumulator is negative."""
        w = self.window
        spare = w.significand + 1
        raised = Signal(w.bits - w.sticky + spare)
        amount = Signal(range(w.gap_shift + spare + 1))
        m.d.comb += [amount.eq(shift + spare), raised.eq(significand << amount)]
        placed = Cat(raised[:spare].any(), raised[spare:]) if w.sticky else raised[spare:]
        carry = self.term.carry ^ negative if len(self.term.carry) else negative
        term = Signal(signed(w.bits + 1), name="term_in_sign")
        bits = self.term.significand.as_unsigned() ^ negative.replicate(w.term_bits)
        m.d.comb += term.eq(Cat(carry.replicate(w.low + w.sticky), bits).as_signed())
        addend = Cat(placed, Const(0, 1)).as_signed()
        return add(m, addend, term, signed(w.bits + 2), carry=carry, name="window_sum")

    def _rounded(
        self, m: Module, magnitude: Signal, top_field: Signal, *, subnormal_possible: bool, overflow_possible: bool
    ) -> tuple[Value, Value]:
        """Normalise, round and pack a signed number: its run of signs is shifted out, and zeros come in below."""
        below = magnitude[-1]
        bits, field, skips = magnitude[:-1], Value.cast(top_field), []
        width = len(bits)
        for power in reversed(range((width - 1).bit_length())):
            distance = 1 << power
            top = bits[-distance:]
            skip = named(m, Mux(below, top.all(), ~top.any()), f"skip{power}")
            if subnormal_possible:
                skip = named(m, skip & (field > distance), f"skips{power}")
                field = named(m, (field - Mux(skip, distance, 0))[: len(top_field)], f"field{power}", is_signed=True)
            bits = named(m, Mux(skip, bits << distance, bits)[:width], f"normal{power}")
            skips.insert(0, skip)
        if not subnormal_possible:
            field = named(m, (field - Cat(skips))[: len(top_field)], "field", is_signed=True)
        truncates = self.config.accumulator.truncates
        return one_up(m, self.fmt, bits, field, below, truncates=truncates, overflow_possible=overflow_possible)


def one_up(
    m: Module, fmt: Minifloat, bits: Value, field: Value, below: Value, *, truncates: bool, overflow_possible: bool
) -> tuple[Value, Value]:
    """Round to nearest even or toward zero, in one increment at most, and pack exponent field and fraction.

    Of a number ``below`` zero the magnitude is the complement of ``bits`` and one more, which reaches a bit where only zeros
    stand below it.
    """
    mantissa, exponent_bits = fmt.mantissa_bits, fmt.exponent_bits
    padded = Cat(Const(0, max(0, mantissa + 2 - len(bits))), bits)
    kept = named(m, padded[-mantissa - 1 :] ^ below.replicate(mantissa + 1), "kept")
    guard, more = padded[-mantissa - 2], padded[: -mantissa - 2].any()
    carried = below & ~guard & ~more
    half = guard ^ (below & more)
    up = carried if truncates else carried | (half & (more | kept[0]))
    stored_field = field[:exponent_bits] & kept[-1].replicate(exponent_bits)
    packed = _incremented(m, Cat(kept[:-1], stored_field), up)
    if not overflow_possible:
        return packed, Const(0, 1)
    top = (1 << exponent_bits) - 1
    beyond = named(m, kept[-1] & (field >= top) | packed[mantissa:].all(), "overflow")
    if truncates:
        packed = named(m, Mux(beyond, (top << mantissa) - 1, packed), "clamped")
    return packed, beyond


def _incremented(m: Module, value: Value, up: Value) -> Value:
    """``value + up``, ready as soon as ``up`` is: where all lower bits are ones is known before."""
    ones, below = [], Const(1, 1)
    for start in range(0, len(value), _BLOCK):
        block = value[start : start + _BLOCK]
        ones += [below & block[:index].all() if index else below for index in range(len(block))]
        below = named(m, below & block.all(), f"ones{start + len(block)}")
    return named(m, value ^ (Cat(ones) & up.replicate(len(ones))), "packed")


class LeanWindowAccumulator(LeanFloatAccumulator, WindowAccumulator):
    """``WindowAccumulator``, with the sum of ``LeanFloatAccumulator``."""
