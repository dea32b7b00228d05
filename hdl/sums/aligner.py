"""Sign and position: from a product with sign and exponent to fixed point."""

from __future__ import annotations

from typing import ClassVar

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...formats import Product, signed_bits
from ..mac.layouts import (
    product_exponent_offset,
    product_has_carry,
    product_layout,
    product_width,
    term_layout,
)


def aligned_bits(product: Product) -> int:
    """Width of an aligned term, whose significand may lie one below the product itself."""
    return signed_bits(product.fixed_min - int(term_has_carry(product)), product.fixed_max)


def term_has_carry(product: Product) -> bool:
    """Whether a term's negation, or its multiplier, leaves a carry to the adders."""
    return product.sign_bit or product_has_carry(product)


def term_is_biased(product: Product) -> bool:
    """Whether terms go to the adder tree with their sign bit inverted, ``2**(bits - 1)`` above their value.

    Nothing has to be sign-extended then: adders have no bit for it, and the bias of all terms together is one constant. Where
    the sign bit comes from a shifter, inverting it is free; elsewhere it would cost a LUT.
    """
    return product.exponent_span > 0


class Aligner(wiring.Component):
    """Negate by one's complement and shift left into fixed point. Combinational.

    ``(term.significand + term.carry) * 2**min_exponent`` is the product's value. The sign is applied before the shift, where it
    is part of the first multiplexer, a LUT4 a bit; vacated low bits take the carry's value, so that the carry still counts at
    the bottom.

    The shifter goes in steps of 1, 2, 4 ... until the value spans no more than two groups of the next step's size; all
    remaining exponent bits then act at once: a bit of the result has two candidates, selected or overridden by two control
    wires that its whole group shares, again a LUT4 a bit.

    Other formulations are subclasses; ``formulations`` lists them.

    Parameters
    ----------
    product
        Facts about the operand formats.
    shift
        If false only the sign is applied and the exponent is passed on, for accumulators that align by themselves.

    Members
    -------
    product : In(product_layout)
    term : Out(term_layout)
    """

    GROUPED: ClassVar[bool] = True
    """Whether the upper exponent bits act at once; if not, each of them is one more step."""

    def __init__(self, *, product: Product, shift: bool = True) -> None:
        if not isinstance(product, Product):
            raise TypeError(f"Aligner product must be a Product, not {product!r}")
        self.facts = product
        self.shift = shift and product.exponent_span > 0
        super().__init__({"product": In(product_layout(product)), "term": Out(self.layout(product, shift=shift))})

    @staticmethod
    def layout(product: Product, *, shift: bool) -> data.StructLayout:
        """Layout of the term: fixed point, or as wide as the significand and with the product's exponent."""
        carry = term_has_carry(product)
        if shift:
            return term_layout(aligned_bits(product), carry=carry)
        exponent_bits = product_layout(product)["exponent"].width
        bits = product_width(product) + int(not product.significand_signed)
        if product.sign_bit and product.significand_signed:
            # The least product negated: one bit more where the other operand's greatest significand is 1, as of E3M0 x INT4.
            bits = max(bits, product.significand_product_bits + 1)
        return term_layout(bits, carry=carry, exponent_bits=exponent_bits)

    @staticmethod
    def biased(product: Product) -> bool:
        """Whether lanes with an adder tree behind them give it biased terms."""
        return term_is_biased(product)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts = self.facts
        sign: Value = self.product.sign if facts.sign_bit else Const(0, 1)
        carry: Value = self.product.carry if product_has_carry(facts) else Const(0, 1)
        bits = Signal(len(self.product.significand), name="significand_signed")
        low: Value = Signal(name="carry_signed")
        m.d.comb += [bits.eq(Cat(self.product.significand) ^ sign.replicate(len(bits))), low.eq(carry ^ sign)]
        high = bits[-1] if facts.significand_signed else sign
        if self.shift:
            self._place(m, bits, low, high)
        else:
            m.d.comb += [
                self.term.significand.eq(Cat(bits, high).as_signed()),
                self.term.carry.eq(low),
                self.term.exponent.eq(self.product.exponent),
            ]
        return m

    def _place(self, m: Module, bits: Value, low: Value, high: Value) -> None:
        """The term of a significand with its sign applied; ``low`` and ``high`` fill its two ends."""
        m.d.comb += [
            self.term.significand.eq(self._shifted(m, bits, low, high).as_signed()),
            self.term.carry.eq(low),
        ]

    def _shifted(self, m: Module, bits: Value, low: Value, high: Value) -> Value:
        """``bits`` shifted left by ``exponent - offset``; ``low`` and ``high`` fill the two ends."""
        offset = product_exponent_offset(self.facts)
        width = aligned_bits(self.facts) + offset
        exponent = self.product.exponent
        step, index = 1, 0
        while index < len(exponent) and (len(bits) > 2 * step or not self.GROUPED):
            bits = stepped(m, bits, step, exponent[index], low, high)
            step, index = step * 2, index + 1
        if index == len(exponent):
            fixed = Cat(bits, high.replicate(max(0, width - len(bits))))
            return fixed[offset:width]
        return self._grouped(m, bits, exponent[index:], step, width, low, high)[offset:]

    def _grouped(self, m: Module, bits: Value, group: Value, size: int, width: int, low: Value, high: Value) -> Value:
        """``bits``, at most ``2 * size`` of them, placed at group ``group`` of a result made of groups of ``size`` bits."""
        candidates = Cat(bits, high.replicate(2 * size - len(bits)))
        last = (1 << len(group)) - 1
        places = range(-(-width // size))
        here, above = Signal(len(places)), Signal(len(places))
        m.d.comb += [here[place].eq(group == place) for place in places if place <= last]
        m.d.comb += [above[place].eq(group > place) for place in places if place < last]
        groups = []
        for place in places:
            before = here[place - 1] if place else Const(0, 1)
            fill = Mux(above[place], low, high) if self.facts.significand_signed else high
            filled = fill & ~(here[place] | before)
            lower, upper = Signal(name=f"lower{place}"), Signal(name=f"upper{place}")
            m.d.comb += [lower.eq(here[place] | filled), upper.eq(before | filled)]
            near, far = candidates[:size], candidates[size:]
            both = (lower & upper).replicate(size)
            groups.append((lower.replicate(size) & near) | (upper.replicate(size) & far) | both)
        return Cat(groups)[:width]


def stepped(m: Module, bits: Value, step: int, moves: Value, low: Value, high: Value) -> Value:
    """``bits`` with ``step`` more, shifted left by that where ``moves`` says so."""
    moved = Cat(low.replicate(step), bits)
    kept = Cat(bits, high.replicate(step))
    bits = Signal(len(kept), name=f"shifted{step}")
    m.d.comb += bits.eq(Mux(moves, moved, kept))
    return bits
