"""Every accumulator kind as a specification: its fields, what they must satisfy, and the widths that follow from them."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import formats
from ..formats import Minifloat, Product, TopExponent
from ..system.errors import BitmillError
from .accumulator_spec import NEAREST_EVEN, AccumulatorSpec, Corners, SumRounding

MAX_EXACT_BITS = 1024
"""Widest exact accumulator that is built; FP32 x FP32 at k_max 4096 needs 567 bits."""


class ExactAccumulator(AccumulatorSpec, frozen=True):
    """Fixed point in units of the least product step, wide enough for every sum of ``k_max`` products (Kulisch).

    ``width`` is sized for ``k_max`` unless given; a given width is proved sufficient or refused.
    """

    is_float: ClassVar[bool] = False
    can_saturate: ClassVar[bool] = False
    never_rounds: ClassVar[bool] = True

    kind: Literal["exact"] = "exact"
    width: Annotated[int, Field(ge=1)] | None = None

    def value_bits(self, *, product: Product, lanes: int, terms: int) -> int:
        """The given width, or the least one that is enough."""
        return self.width or product.sum_bits(terms)

    def check(self, *, product: Product, lanes: int, k_max: int, terms: int) -> None:
        """The width is enough for every sum of ``terms`` products, and not beyond what is built."""
        needed, width = product.sum_bits(terms), self.width
        if width is not None and width < needed:
            raise BitmillError(f"accumulator.width must be at least {needed} for k_max = {k_max}, not {width!r}")
        if max(needed, width or 0) > MAX_EXACT_BITS:
            raise BitmillError(
                f"accumulator.width must be at most {MAX_EXACT_BITS}; exact {product.a.name} x {product.b.name} at "
                f"k_max = {k_max} needs {needed}, not {max(needed, width or 0)!r}"
            )

    def title(self, bits: int) -> str:
        """``exact 47-bit accumulator``."""
        return f"exact {bits}-bit accumulator"


class FixedAccumulator(AccumulatorSpec, frozen=True):
    """Fixed point of ``width`` bits in units of ``2**lsb``, that may be too narrow by choice.

    Per step ``acc = clamp(round(acc + S))`` or ``acc = wrap(round(acc + S))``, ``S`` being the exact sum of the step's lanes:
    ``round`` goes to the nearest multiple of ``2**lsb``, ties to the even one; ``clamp`` to the nearest of ``-2**(width-1)`` and
    ``2**(width-1) - 1`` units, ``wrap`` is modulo ``2**width``. Without ``lsb`` it is the least product step's exponent, and
    nothing is rounded.
    """

    is_float: ClassVar[bool] = False
    can_saturate: ClassVar[bool] = True

    kind: Literal["fixed"] = "fixed"
    width: Annotated[int, Field(ge=2, le=MAX_EXACT_BITS)]
    overflow: Literal["saturate", "wrap"]
    lsb: int | None = None

    @property
    def sort(self) -> str:
        """``wrapping`` or ``saturating``."""
        return "wrapping" if self.wraps else "saturating"

    @property
    def wraps(self) -> bool:
        """Whether ``overflow`` says so."""
        return self.overflow == "wrap"

    def corners(self, product: Product) -> Corners:
        """The limits of its width."""
        return Corners(bound=1 << (self.width - 1))

    def value_bits(self, *, product: Product, lanes: int, terms: int) -> int:
        """The width."""
        return self.width

    def unit_exponent(self, product: Product) -> int:
        """``lsb``, or the least product step's exponent."""
        return product.min_exponent if self.lsb is None else self.lsb

    def check(self, *, product: Product, lanes: int, k_max: int, terms: int) -> None:
        """The least bit is neither below every product's bits nor above every step's sum."""
        greatest = max(map(abs, product.sum_range(lanes)))
        least, most = product.min_exponent, product.min_exponent + greatest.bit_length() - 1
        if self.lsb is not None and not least <= self.lsb <= most:
            raise BitmillError(
                f"accumulator.lsb must be {least} to {most} for {product.a.name} x {product.b.name} and lanes = {lanes}, "
                f"not {self.lsb!r}"
            )

    def title(self, bits: int) -> str:
        """``20-bit saturating accumulator``, ``20-bit saturating accumulator of lsb -6``."""
        name = f"{bits}-bit {'saturating' if self.overflow == 'saturate' else 'wrapping'} accumulator"
        return name if self.lsb is None else f"{name} of lsb {self.lsb}"


class WindowAccumulator(AccumulatorSpec, frozen=True):
    """A step's products aligned in a window of ``width`` = W bits with guard, round and sticky, then one rounding.

    Products are ``m * 2**e``, integers ``m`` of at most P = ``product.significand_product_bits`` bits, not normalised. ``E`` is
    the greatest ``e`` among a step's nonzero products; a zero product takes no part. The window is the W bits from weight
    ``2**(E+P-1)`` down to ``2**(E+P-W)``; below it stand a guard bit, a round bit and a sticky bit, weights ``2**(E+P-W-1)``,
    ``2**(E+P-W-2)`` and ``2**(E+P-W-3)``. Each magnitude ``|m| * 2**e`` is cut to these W+3 bits, the sticky bit being 1 if any
    of its bits at that weight or below is 1. The signed terms are summed exactly, the sum is added to an accumulator with a
    W-bit significand exactly, and the result is rounded to nearest even, once per step. The accumulator's exponent neither
    overflows nor underflows, however long the dot product is; NaN and Inf follow IEEE 754.

    With ``rounding`` = ``truncate`` there are no guard, round and sticky bits: each product is cut to the window's W bits. Of a
    product of two sign-magnitude formats the magnitude loses the bits below, so that it goes toward zero; one with a two's
    complement operand is two's complement itself and goes toward minus infinity, as shifted right by hardware. The sum of what
    is left is added to the accumulator exactly, and the magnitude of the result is cut to W bits, toward zero, once per step.
    """

    is_float: ClassVar[bool] = True
    can_saturate: ClassVar[bool] = False
    takes_fixed_terms: ClassVar[bool] = False

    kind: Literal["window"] = "window"
    width: Annotated[int, Field(ge=4, le=48)]
    rounding: SumRounding = NEAREST_EVEN

    @property
    def bits_below(self) -> int:
        """Bits that a product keeps below the window: guard, round and sticky, or none."""
        return 0 if self.truncates else 3

    @property
    def window_bits(self) -> int:
        """The width."""
        return self.width

    def corners(self, product: Product) -> Corners:
        """A product as far below another as the window is wide, and where the last bit that it can have leaves the window."""
        return Corners(
            distances=frozenset({self.width + self.bits_below - product.significand_product_bits, self.width})
        )

    def value_bits(self, *, product: Product, lanes: int, terms: int) -> int:
        """Width of ``float_format``'s codes."""
        return self.float_format(product=product, lanes=lanes).bits

    def float_format(self, *, product: Product, lanes: int) -> Minifloat:
        """Significand of W bits; field 1 is the least product step; no sum ever reaches the top.

        A step's sum is below ``2**t`` units, ``t = span + P + ceil(log2(lanes))``. Once the accumulator is ``2**(t+W+1)``, such
        a sum is less than half its last place and is rounded away. Three more exponents leave hardware its sign and carry bits.
        """
        t = product.exponent_span + product.significand_product_bits + (lanes - 1).bit_length()
        fields = t + self.width + 5
        exponent_bits = (fields + 1).bit_length()
        return Minifloat(
            name=f"E{exponent_bits}M{self.width - 1}",
            exponent_bits=exponent_bits,
            mantissa_bits=self.width - 1,
            bias=1 - product.min_exponent,
            top=TopExponent.IEEE,
        )

    def title(self, bits: int) -> str:
        """``24-bit window accumulator``."""
        return f"{self.width}-bit{' truncating' * self.truncates} window accumulator"


class FloatAccumulator(AccumulatorSpec, frozen=True):
    """Floating point, rounded once per step: ``acc = round(acc + exact sum of the step's lanes)``.

    ``rounding`` is to nearest even, or toward zero (``truncate``). Overflow follows it, as in IEEE 754-2019 section 7.4: to
    infinity, or to the greatest finite number, from where later products may lead back; infinite operands stay infinite.

    With ``fused`` = k the products of k are summed exactly, whatever their exponents, and the accumulator takes that sum with one
    rounding: k is a multiple of ``lanes``, and the last products of a dot product form a group of their own if they are fewer.
    """

    is_float: ClassVar[bool] = True
    can_saturate: ClassVar[bool] = True
    takes_scales: ClassVar[bool] = True

    kind: Literal["float"] = "float"
    format: Literal["FP32", "FP16", "BF16"] = "FP32"
    fused: Annotated[int, Field(ge=1)] | None = None
    rounding: SumRounding = NEAREST_EVEN

    @property
    def circuit(self) -> str:
        """Groups of products are a circuit of their own."""
        return "fused" if self.fuses else self.kind

    @property
    def fuses(self) -> bool:
        """Whether ``fused`` says so."""
        return self.fused is not None

    def corners(self, product: Product) -> Corners:
        """The ends of fused groups."""
        return Corners(group=self.fused)

    def value_bits(self, *, product: Product, lanes: int, terms: int) -> int:
        """Width of the format's codes."""
        return formats.get(self.format).bits

    def float_format(self, *, product: Product, lanes: int) -> Minifloat:
        """The catalog's row."""
        fmt = formats.get(self.format)
        assert isinstance(fmt, Minifloat), f"{self.format} is a minifloat"
        return fmt

    def products_per_rounding(self, lanes: int) -> int:
        """``fused``, or those of one step."""
        return self.fused or lanes

    def check(self, *, product: Product, lanes: int, k_max: int, terms: int) -> None:
        """A group is whole steps and no more than ``k_max`` products."""
        fused = self.fused
        if fused is not None and (not lanes <= fused <= k_max or fused % lanes):
            raise BitmillError(
                f"accumulator.fused must be a multiple of lanes = {lanes} and at most k_max = {k_max}, not {fused!r}"
            )

    def title(self, bits: int) -> str:
        """``FP32 accumulator``."""
        name = f"{self.format}{' truncating' * self.truncates} accumulator"
        return name + (f" fused over {self.fused} products" if self.fused else "")


Accumulator = Annotated[
    ExactAccumulator | FixedAccumulator | WindowAccumulator | FloatAccumulator, Field(discriminator="kind")
]
"""Every accumulator kind; golden and hdl each have one implementation per member."""
