"""Facts about exact products and sums of two formats: least exponent, integer range, accumulator width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from .scalar import Format, signed_bits


@dataclass(frozen=True)
class Product:
    """The exact product of a number of format ``a`` and a number of format ``b``.

    Every product is an integer times ``2**min_exponent``; ``fixed_min`` and ``fixed_max`` bound that integer. ``bits`` is
    the width of the signed fixed-point product, ``2*(2**E + M) - 1`` for two equal ExMy minifloats whose top exponent is
    finite (two's complement integers that reach ``-2**(n-1)`` need one more bit than their symmetric kind).

    Products of other rules (``formats.rules``) are subclasses: what is stated here of exact ones is stated there of theirs.
    """

    multiplies: ClassVar[bool] = True
    """Whether significands are multiplied, so that a multiplier's formulation can be chosen."""

    a: Format
    b: Format

    @property
    def min_exponent(self) -> int:
        return self.a.min_exponent + self.b.min_exponent

    @property
    def exponent_span(self) -> int:
        """How far the significand product may be shifted left to reach its fixed-point position."""
        return self.a.exponent_span + self.b.exponent_span

    @property
    def significand_product_bits(self) -> int:
        """Width of the greatest magnitude that a product of two significands of these widths can have."""
        greatest = [1 << (fmt.significand_bits - 1) if fmt.significand_signed else (1 << fmt.significand_bits) - 1
                    for fmt in (self.a, self.b)]  # fmt: skip
        return (greatest[0] * greatest[1]).bit_length()

    @property
    def significand_signed(self) -> bool:
        """Whether the significand product is two's complement; a mixed pair has a sign beside it as well."""
        return self.a.significand_signed or self.b.significand_signed

    @property
    def sign_bit(self) -> bool:
        """Whether a separate sign, the XOR of the operands' signs, multiplies the significand product."""
        return self.a.sign_bit or self.b.sign_bit

    @property
    def _corners(self) -> tuple[int, ...]:
        return tuple(x * y for x in (self.a.fixed_min, self.a.fixed_max) for y in (self.b.fixed_min, self.b.fixed_max))

    @property
    def fixed_min(self) -> int:
        return min(self._corners)

    @property
    def fixed_max(self) -> int:
        return max(self._corners)

    @property
    def bits(self) -> int:
        return signed_bits(self.fixed_min, self.fixed_max)

    def sum_range(self, terms: int) -> tuple[int, int]:
        """Bounds of any sum of at most ``terms`` products (or none), in units of ``2**min_exponent``."""
        return min(self.fixed_min, 0) * terms, max(self.fixed_max, 0) * terms

    def sum_bits(self, terms: int) -> int:
        """Width of the signed fixed-point accumulator that holds any sum of at most ``terms`` products exactly."""
        return signed_bits(*self.sum_range(terms))
