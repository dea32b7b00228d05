"""Floating-point accumulation of scaled sums: both operands have exponents, and the one that stands lower is shifted right."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data

from ...config import MacConfig
from ..mac.layouts import scaled_magnitude_bits, scaled_term_layout
from ..wires.adders import add
from .float_total import FloatTotal, named


class ScaledAccumulator(FloatTotal):
    """``acc = round(acc + scaled sum of the step's lanes)`` in a float format, once per step, in one cycle.

    A scaled sum may stand anywhere, so a window around it that the accumulator is shifted into would be far too wide. Its
    magnitude is normalised instead, and whichever has the lesser exponent is shifted right, jamming what it loses into a
    sticky bit: two places below the wider significand are then enough to round once (one, to truncate). A term below the normal
    numbers is always the lower one; what it has below the least subnormal number can only decide the rounding.

    Parameters
    ----------
    config
        The unit's configuration, with scales.

    Members
    -------
    As ``FloatTotal``; ``term`` has the layout ``scaled_term_layout``.

    Source: IEEE 754-2019 section 5.4.1 ``addition``; guard, round and sticky bits as in Ercegovac and Lang, Digital Arithmetic,
    section 8.4.
    """

    ALIGNED = True

    @classmethod
    def term_layout(cls, config: MacConfig) -> data.StructLayout:
        return scaled_term_layout(config)

    @property
    def _term_bits(self) -> int:
        return scaled_magnitude_bits(self.config)

    @property
    def _width(self) -> int:
        """Of the aligned significands, without the sticky bit."""
        below = 1 if self.config.accumulator.truncates else 2
        return max(self.fmt.mantissa_bits + 1, self._term_bits) + below

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(self.fmt.bits)
        total, term_leads, field_or_one = self._summed(m, register)
        # Only a difference can be negative, of equal exponents or of subnormal numbers.
        negative = named(m, total[-1], "negative")
        packed, overflow, nonzero = self._rounded_sum(m, total, negative, term_leads, field_or_one)
        sign = (Mux(term_leads, self.term.sign, register[-1]) ^ negative) & nonzero
        number = Signal(self.fmt.bits)
        m.d.comb += number.eq(Cat(packed, sign))
        self._register(m, register, number, overflow)
        return m

    def _summed(self, m: Module, register: Value) -> tuple[Signal, Value, Value]:
        """The sum in the sign of the one that leads, whether that is the term, and the register's exponent field, 1 at least."""
        fraction, field = register[: self.fmt.mantissa_bits], register[self.fmt.mantissa_bits : -1]
        normal = field.any()
        significand = Cat(fraction, normal)
        field_or_one = Cat(field[0] | ~normal, field[1:])
        term = self.term

        above = named(m, field_or_one - term.exponent, "above", is_signed=True)
        term_leads = named(m, above[-1], "term_leads")
        own, other = self._raised(significand), self._raised(term.significand)
        leading = named(m, Mux(term_leads, other, own), "leading")
        aligned = self._aligned(m, named(m, Mux(term_leads, own >> 1, other), "trailing"), above, term_leads)

        differ = named(m, register[-1] ^ term.sign, "differ")
        addend = Cat(aligned ^ differ.replicate(len(aligned)), differ).as_signed()
        total = add(m, Cat(Const(0, 1), leading), addend, signed(self._width + 3), carry=differ, name="aligned_sum")
        return total, term_leads, field_or_one

    def _rounded_sum(
        self, m: Module, total: Value, negative: Value, term_leads: Value, field_or_one: Value
    ) -> tuple[Value, Value, Value]:
        """Exponent field and fraction of the sum's magnitude, whether it is beyond the numbers, and whether it is any."""
        flipped = total[:-1] ^ negative.replicate(len(total) - 1)
        magnitude = named(m, (flipped + negative)[: len(total) - 1], "magnitude_of_sum")
        lead = self._leading_field(m, term_leads, field_or_one)
        packed, overflow = self._packed(m, *self._normalised(m, magnitude, lead), overflow_possible=True)
        return packed, overflow, magnitude.any()

    def _leading_field(self, m: Module, term_leads: Value, field_or_one: Value) -> Value:
        """The exponent field of the higher operand's top bit."""
        return named(m, Mux(term_leads, self.term.exponent, field_or_one)[:-1], "leading_field")

    def _normalised(self, m: Module, bits: Value, lead: Value, below: Value | None = None) -> tuple[Value, Value]:
        """``bits`` shifted left to their leading 1, at most down to exponent field 1, and the field of their top bit then.

        Where ``below`` is given and 1, to their leading 0: they are of a negative number in two's complement. The bit below the
        top one has the field ``lead``, which is how far they may be shifted.
        """
        levels = (len(bits) - 1).bit_length()
        left = named(m, lead[:levels] | lead[levels:].any().replicate(levels), "shifts_left")
        zeros: list[Value] = []
        for power in reversed(range(levels)):
            distance = 1 << power
            top = bits[-distance:]
            nothing = ~top.any() if below is None else Mux(below, top.all(), ~top.any())
            skip = named(m, nothing & left[power:].any(), f"skip{power}")
            bits = named(m, Mux(skip, bits << distance, bits)[: len(bits)], f"normal{power}")
            left = named(m, Cat(left[:power], left[power:] - skip)[:levels], f"left{power}")
            zeros.insert(0, skip)
        return bits, named(m, (lead + 1 - Cat(zeros))[: len(lead) + 1], "field")

    def _raised(self, significand: Value) -> Value:
        """The leading bits of ``_width``."""
        return Cat(Const(0, self._width - len(significand)), significand)

    def _aligned(self, m: Module, bits: Value, above: Value, term_leads: Value) -> Value:
        """``bits`` shifted right by ``above``, or by one less than its magnitude if it is negative, with a sticky bit below."""
        distance = named(m, (above ^ term_leads.replicate(len(above)))[: len(above)], "distance")
        levels = (len(bits) - 1).bit_length()
        lost: Value = Const(0, 1)
        for power in range(levels):
            step = 1 << power
            lost = named(m, lost | (distance[power] & bits[:step].any()), f"lost{power}")
            bits = named(m, Mux(distance[power], bits >> step, bits), f"lowered{power}")
        far = named(m, distance[levels:].any(), "far")
        sticky = named(m, lost | (far & bits.any()), "sticky")
        return Cat(sticky, bits & ~far.replicate(len(bits)))
