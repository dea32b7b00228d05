"""Floating-point accumulation: one addition of unbounded precision and one rounding per step."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config import MacConfig
from ...formats import Minifloat, signed_bits
from ..mac.layouts import product_exponent_offset
from ..wires.adders import add
from .float_total import FloatTotal


@dataclass(frozen=True)
class _Window:
    """Widths and constants of the alignment window, in bits; the term stands still in it, the accumulator is shifted.

    From the bottom: a sticky bit where one can be needed, ``low`` bits that only the accumulator can reach, the term, a gap where
    rounding needs one, and room for the accumulator's significand above everything.
    """

    fmt: Minifloat
    term_bits: int
    least_exponent: int
    """Power of two of the term's least bit when its exponent field is 0."""
    span: int
    """How far the term's exponent field can lie above its least value."""
    lattice: int
    """Every sum is a multiple of this power of two."""
    rounding_bits: int
    """Bits below a result's last place that must be exact: a guard bit, and one more for a result one place lower; none where
    sums are truncated."""

    @property
    def significand(self) -> int:
        return self.fmt.mantissa_bits + 1

    @property
    def _reach(self) -> int:
        """How many bits the accumulator can have below the term's: all it ever added are multiples of ``lattice``."""
        return max(0, self.least_exponent + self.span - max(self.fmt.min_exponent, self.lattice))

    @property
    def low(self) -> int:
        return min(self._reach, self.significand + self.rounding_bits)

    @property
    def sticky(self) -> int:
        return int(self._reach > self.low)

    @property
    def gap_shift(self) -> int:
        """Shift of an accumulator that lies wholly above the term, which then only decides the rounding."""
        return self.low + self.term_bits + self.rounding_bits

    @property
    def bits(self) -> int:
        return self.sticky + self.gap_shift + self.significand

    @property
    def subnormal_possible(self) -> bool:
        """Nonzero sums are multiples of ``lattice``; when that is a normal number no result is subnormal."""
        return self.lattice < self.fmt.min_exponent + self.fmt.mantissa_bits

    @property
    def overflow_possible(self) -> bool:
        """A sum stops growing once a term is below half its last place, ``significand + 1`` bits above the greatest term."""
        greatest = self.term_bits + self.span + self.least_exponent
        return greatest + self.significand + 2 >= self.fmt.max_exponent + self.significand

    def top_field(self, width: int) -> int:
        """Exponent field of a sum whose leading bit is the top of ``width`` bits, for term exponent field 0."""
        bottom = self.least_exponent - self.low - self.sticky
        return bottom + width - 1 + self.fmt.exponent_bias

    @property
    def exponent_bits(self) -> int:
        """Width that every difference of exponents fits, with its sign."""
        fields = (1 << self.fmt.exponent_bits) - 1
        distance = self.fmt.min_exponent - 1 - self.least_exponent + self.low
        nearest, farthest = 1 - self.span + distance, fields + distance
        top = self.top_field(self.sum_bits)
        return max(
            self.fmt.exponent_bits + 3,
            signed_bits(min(nearest - self.gap_shift, 0), max(farthest, top + self.span, top + farthest)),
        )

    @property
    def sum_bits(self) -> int:
        """Magnitude width, padded above so that the exponent field of its top bit is never below 1."""
        width = self.bits + 1
        return width + max(0, 1 - self.top_field(width))


class FloatAccumulator(FloatTotal):
    """``acc = round(acc + exact sum of the step's lanes)`` in a float format, once per step, in one cycle.

    To nearest even, or toward zero where the configuration truncates: then there is no guard bit and no increment, and
    overflow gives the greatest finite number.

    The term is added at full width, whatever its exponent: the accumulator's significand is shifted into a window around the
    term, both are added in one chain, the magnitude is normalised and rounded once. Logic that a pair of formats cannot need
    (sticky bit, subnormal results, overflow, Inf and NaN) is left out when the unit is elaborated.

    Parameters
    ----------
    config
        The unit's configuration; its accumulator's codes are ``config.accumulator_format``'s.

    Members
    -------
    As ``FloatTotal``.

    Source: the addition is IEEE 754-2019 section 5.4.1 ``addition`` with one operand of wider precision.
    """

    ALIGNED = False

    def __init__(self, *, config: MacConfig) -> None:
        super().__init__(config=config)
        layout = self.term_layout(config)
        unaligned = layout["exponent"].width > 0
        raised = self.raised(config)
        self.window = _Window(
            fmt=self.fmt,
            term_bits=self.term_bits(config),
            least_exponent=config.product.min_exponent - raised,
            span=config.product.exponent_span if unaligned else 0,
            lattice=self.lattice(config),
            rounding_bits=0 if config.accumulator.truncates else 2,
        )
        self.offset = product_exponent_offset(config.product) if unaligned else 0

    @classmethod
    def term_bits(cls, config: MacConfig) -> int:
        """Width of the term's significand."""
        return cls.term_layout(config)["significand"].width

    @classmethod
    def raised(cls, config: MacConfig) -> int:
        """How far the term's least bit lies below the products' least bit, in bits."""
        return 0

    @classmethod
    def lattice(cls, config: MacConfig) -> int:
        """The power of two that every sum is a multiple of."""
        return config.product.min_exponent + max(0, -cls.raised(config))

    @property
    def overflow_possible(self) -> bool:
        return self.window.overflow_possible

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self.fmt
        register = Signal(fmt.bits)
        fraction, field = register[: fmt.mantissa_bits], register[fmt.mantissa_bits : -1]
        normal = field.any()
        significand = Cat(fraction, normal)
        field_or_one = Cat(field[0] | ~normal, field[1:])
        term = add(m, self.term.significand, 0, signed(self.window.term_bits), carry=self.term.carry, name="term_value")

        shift, far, beyond = self._shift(m, field_or_one, significand.any())
        total, sign = self._sum(m, significand, register[-1], term, shift)
        magnitude = Signal(self.window.sum_bits)
        m.d.comb += magnitude.eq((total.as_unsigned() ^ sign.replicate(len(total))) + sign)
        top_field = Signal(signed(self.window.exponent_bits))
        m.d.comb += top_field.eq(
            self.term.exponent + (self.window.top_field(self.window.sum_bits) - self.offset) + Mux(far, beyond, 0)
        )
        packed, overflow = self._rounded(
            m,
            magnitude,
            top_field,
            subnormal_possible=self.window.subnormal_possible,
            overflow_possible=self.overflow_possible,
        )
        if self.window.sticky:
            # A zero term may stand anywhere, so the accumulator could have been shifted out of the window.
            packed = Mux(term.any(), packed, register[:-1])
            sign = Mux(term.any(), sign, register[-1] & register[:-1].any())
        number = Signal(fmt.bits)
        m.d.comb += number.eq(Cat(packed, sign))
        self._register(m, register, number, overflow)
        return m

    def _shift(self, m: Module, field_or_one: Value, nonzero: Value) -> tuple[Value, Value, Value]:
        """Left shift of the accumulator in the window, whether it lies wholly above the term, and by how much more."""
        w = self.window
        lsb_of_field_one = self.fmt.min_exponent - 1
        distance = Signal(signed(w.exponent_bits))
        m.d.comb += distance.eq(
            field_or_one - self.term.exponent + (lsb_of_field_one - w.least_exponent + self.offset + w.low)
        )
        beyond = Signal(signed(w.exponent_bits))
        far = Signal()
        m.d.comb += [
            beyond.eq(distance - w.gap_shift),
            far.eq((beyond > 0) & nonzero),
        ]
        shift = Signal(signed(max(w.gap_shift.bit_length(), w.significand.bit_length() + 1) + 1))
        lowest = -(w.significand + 1)
        m.d.comb += shift.eq(Mux(beyond > 0, w.gap_shift, Mux(distance < lowest, lowest, distance)))
        return shift, far, beyond

    def _sum(self, m: Module, significand: Value, negative: Value, term: Value, shift: Value) -> tuple[Signal, Signal]:
        """The signed sum in the window, and its sign."""
        w = self.window
        # An accumulator below the window's bottom only has zeros there, unless a sticky bit is kept for it.
        spare = w.significand + 1
        raised = Signal(w.bits - w.sticky + spare)
        amount = Signal(range(w.gap_shift + spare + 1))
        m.d.comb += [amount.eq(shift + spare), raised.eq(significand << amount)]
        placed = Cat(raised[:spare].any(), raised[spare:]) if w.sticky else raised[spare:]
        addend = Signal(signed(w.bits + 1))
        raised_term = Signal(signed(w.bits + 1))
        m.d.comb += [
            addend.eq(Cat(placed ^ negative.replicate(len(placed)), negative).as_signed()),
            raised_term.eq(Cat(Const(0, w.low + w.sticky), term).as_signed()),
        ]
        total = add(m, addend, raised_term, signed(w.bits + 2), carry=negative, name="window_sum")
        sign = Signal()
        m.d.comb += sign.eq(total[-1])
        return total, sign
