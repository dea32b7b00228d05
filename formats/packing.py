"""Two products that share an operand in one multiplication: how far apart the other two operands stand."""

from __future__ import annotations

from dataclasses import dataclass

from .product import Product
from .scalar import Format, signed_bits

WIDEST = 27
"""Bits of the wider input of the widest DSP blocks."""
SHARED = 18
"""Bits of the other input there."""
INPUTS = (16, 18, 25, WIDEST)
"""Widths of DSP blocks' wider inputs: iCE40 UP5K, ECP5, 7 series, UltraScale."""


@dataclass(frozen=True)
class Packing:
    """``(high * 2**distance + low) * shared``, with ``low`` as it is, or raised to be positive.

    Attributes
    ----------
    distance
        Bits from one operand to the other, and of the lower product.
    bits
        Of both operands side by side.
    biased
        Whether half of its range is added to ``low``: wires in place of an adder before the multiplication, a subtraction of
        ``shared`` behind it.
    """

    distance: int
    bits: int
    biased: bool

    @property
    def block(self) -> int:
        """The narrowest block's input that takes both operands; more than ``WIDEST`` where none does."""
        return next((width for width in INPUTS if self.bits <= width), self.bits)


def packing(product: Product) -> Packing:
    """How two operands of format ``b`` stand beside each other, for products with one of format ``a``.

    Codes that are no numbers count: what they multiply to must not reach the product above. Of both ways the one for the narrower
    block is taken, or, where that is the same, the one without a subtraction.
    """
    shared, (least, greatest) = _range(product.a), _range(product.b)
    plain = _packing(shared, least, greatest, biased=False)
    if least == 0:
        return plain
    raised = _packing(shared, 0, greatest - least, biased=True)
    return raised if raised.block < plain.block else plain


def packs(product: Product) -> bool:
    """Whether there are blocks that two such products fit into: integers of at least two bits, not too wide."""
    integers = product.exponent_span == 0 and not product.sign_bit and product.significand_signed
    bits = product.a.significand_bits, product.b.significand_bits
    return integers and min(bits) > 1 and bits[0] <= SHARED and packing(product).block <= WIDEST


def _packing(shared: tuple[int, int], least: int, greatest: int, *, biased: bool) -> Packing:
    corners = [one * other for one in shared for other in (least, greatest)]
    distance = signed_bits(min(corners), max(corners))
    if biased:
        # The upper operand keeps its sign.
        half = (greatest + 1) // 2
        return Packing(distance, signed_bits(-half << distance, (half - 1 << distance) + greatest), biased)
    return Packing(distance, signed_bits((least << distance) + least, (greatest << distance) + greatest), biased)


def _range(fmt: Format) -> tuple[int, int]:
    """What a significand's bits may hold."""
    bits = fmt.significand_bits - fmt.significand_signed
    return -(1 << bits) if fmt.significand_signed else 0, (1 << bits) - 1
