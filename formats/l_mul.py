"""L-Mul: what a product of two floating-point numbers is when their mantissas are added in place of being multiplied."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..system.errors import BitmillError
from .minifloat import Minifloat
from .product import Product
from .product_rule import NO_OFFSET, Offset, ProductRule
from .scalar import Format

SOURCE = "Luo and Sun, Addition is All You Need for Energy-efficient Language Models, arXiv 2410.00907"


def usual_offset(mantissa_bits: int) -> int:
    """The paper's ``l(m)``: ``m`` up to 3 mantissa bits, 3 for 4, 4 for more (section 2.2)."""
    if mantissa_bits <= 3:
        return mantissa_bits
    return 3 if mantissa_bits == 4 else 4


@dataclass(frozen=True)
class LMulProduct(Product):
    """``(1 + x + y + 2**-l) * 2**(xe + ye)`` of the normal numbers ``(1 + x) * 2**xe`` and ``(1 + y) * 2**ye``, exactly.

    ``a`` and ``b`` are one minifloat of m mantissa bits without subnormals. In units of ``2**(xe + ye - m)`` the product is the
    integer ``2**m + X + Y + added``, X and Y being the mantissa fields and ``added`` = ``2**(m - l)``, or 0. It is not rounded to
    the operands' format, so that it neither overflows nor underflows; a product with a zero is zero.
    """

    multiplies: ClassVar[bool] = False

    added: int

    @property
    def mantissa_bits(self) -> int:
        """m, of both operands."""
        return self.a.significand_bits - 1

    @property
    def min_exponent(self) -> int:
        return 2 * self.a.min_exponent + self.mantissa_bits

    @property
    def greatest_significand(self) -> int:
        """The significand, hidden bit and mantissa, of the format's greatest number."""
        return self.a.fixed_max >> self.a.exponent_span

    @property
    def significand_product_bits(self) -> int:
        return (3 * (1 << self.mantissa_bits) - 2 + self.added).bit_length()

    @property
    def fixed_max(self) -> int:
        return (2 * self.greatest_significand - (1 << self.mantissa_bits) + self.added) << self.exponent_span

    @property
    def fixed_min(self) -> int:
        return -self.fixed_max


@dataclass(frozen=True)
class LMulAddProduct(LMulProduct):
    """The same as one integer addition of the fields exponent|mantissa: ``A + B - bias * 2**m + added``.

    Where ``x + y + 2**-l`` is 1 or more the carry goes into the exponent: the product is ``2 * (x + y + 2**-l) * 2**(xe + ye)``
    there, and ``4 * (x + y + 2**-l - 1) * 2**(xe + ye)`` from 2 on. The exponent has a bit more than the operands', so
    that nothing overflows and nothing underflows; a product with a zero is zero.
    """

    @property
    def _greatest(self) -> int:
        """Mantissa and carries of the greatest product."""
        return 2 * self.greatest_significand + self.added

    @property
    def exponent_span(self) -> int:
        return super().exponent_span + (self._greatest >> self.mantissa_bits) - 2

    @property
    def significand_product_bits(self) -> int:
        return self.mantissa_bits + 1

    @property
    def fixed_max(self) -> int:
        one = 1 << self.mantissa_bits
        return (one + self._greatest % one) << self.exponent_span


def _flushed(fmt: Format) -> Format:
    return replace(fmt, subnormals=False) if isinstance(fmt, Minifloat) else fmt


def _added(fmt: Format, offset: Offset) -> int:
    if offset == NO_OFFSET:
        return 0
    mantissa_bits = fmt.significand_bits - 1
    return 1 << (mantissa_bits - (usual_offset(mantissa_bits) if offset is None else offset))


def _check(name: str, weight: Format, activation: Format, offset: Offset) -> None:
    if not isinstance(weight, Minifloat) or not weight.mantissa_bits:
        raise BitmillError(
            f"weight must be a minifloat with mantissa bits for product_rule {name!r}, not {weight.name!r}"
        )
    if weight != activation:
        raise BitmillError(
            f"activation must be {weight.name!r}, as weight is, for product_rule {name!r}, not {activation.name!r}"
        )
    if offset not in (None, NO_OFFSET) and not 1 <= offset <= weight.mantissa_bits:
        most = "1" if weight.mantissa_bits == 1 else f"1 to {weight.mantissa_bits}"
        raise BitmillError(f"product_offset must be {most} or {NO_OFFSET!r} for {weight.name}, not {offset!r}")


def _offset_title(offset: Offset) -> str:
    return "no offset" if offset == NO_OFFSET else f"offset 2**-{offset}"


def _row(name: str, title: str, product: type[LMulProduct], words: str) -> ProductRule:
    return ProductRule(
        name=name,
        title=title,
        words=words,
        operands="subnormal codes count as zero",
        product=lambda weight, activation, offset: product(weight, activation, _added(weight, offset)),
        operand=_flushed,
        check=lambda weight, activation, offset: _check(name, weight, activation, offset),
        offset_title=_offset_title,
    )


L_MUL = _row("l-mul", "L-Mul", LMulProduct, "mantissas are added: (1 + x + y + 2**-l) * 2**(xe + ye)")
L_MUL_ADD = _row(
    "l-mul-add",
    "added L-Mul",
    LMulAddProduct,
    "exponent and mantissa are added as one integer, so that a carry of the mantissas doubles the product",
)
