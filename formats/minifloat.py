"""Binary floating point of any size: minifloats, and FP16, BF16 and FP32 by the same rules."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from fractions import Fraction

from .scalar import Decoded, Format, Special


class TopExponent(enum.Enum):
    """What the highest exponent field (and, for ``FNUZ``, the code of minus zero) stands for."""

    IEEE = "ieee"
    """Reserved: mantissa 0 is Inf, any other is NaN (IEEE 754)."""
    FN = "fn"
    """Finite numbers, except that the all-ones mantissa is NaN (OCP E4M3)."""
    FINITE = "finite"
    """Finite numbers only (OCP E2M1, E2M3, E3M2; arXiv 2311.12359)."""
    FNUZ = "fnuz"
    """Finite numbers only; no minus zero, whose code is the one NaN (arXiv 2206.02915)."""


@dataclass(frozen=True, kw_only=True)
class Minifloat(Format):
    """Sign, ``exponent_bits`` and ``mantissa_bits``: ExMy.

    With exponent field ``E`` and mantissa field ``T``, the value is ``(-1)**s * (2**M + T) * 2**(E - bias - M)`` for
    ``E > 0`` and ``(-1)**s * T * 2**(1 - bias - M)`` for ``E = 0`` (subnormals; zero where ``subnormals`` is false).

    Parameters
    ----------
    exponent_bits, mantissa_bits
        1 to 11 and 0 to 52, so that every number is a float64.
    bias
        ``2**(exponent_bits-1) - 1`` unless given.
    top
        Policy of the highest exponent field.
    subnormals
        If false, codes with exponent field 0 are zero (flush to zero).

    Raises
    ------
    ValueError
        If a width is out of range, or the policy needs a mantissa bit that is not there.

    Source: IEEE 754-2019 section 3.4; OCP 8-bit Floating Point (OFP8) v1.0; OCP Microscaling Formats (MX) v1.0 section 5.3.
    """

    exponent_bits: int
    mantissa_bits: int
    bias: int | None = None
    top: TopExponent = TopExponent.FINITE
    subnormals: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "top", TopExponent(self.top))  # a word will do
        if not 1 <= self.exponent_bits <= 11:
            raise ValueError(f"Minifloat exponent_bits must be in 1..11, not {self.exponent_bits!r}")
        if not 0 <= self.mantissa_bits <= 52:
            raise ValueError(f"Minifloat mantissa_bits must be in 0..52, not {self.mantissa_bits!r}")
        if self.top is TopExponent.IEEE and (self.mantissa_bits < 1 or self.exponent_bits < 2):
            raise ValueError(f"An IEEE top exponent needs 2 exponent bits and 1 mantissa bit, not {self.name!r}")

    @property
    def kind(self) -> str:
        return "minifloat"

    @property
    def bits(self) -> int:
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def exponent_bias(self) -> int:
        return (1 << (self.exponent_bits - 1)) - 1 if self.bias is None else self.bias

    @property
    def significand_bits(self) -> int:
        return self.mantissa_bits + 1

    @property
    def significand_signed(self) -> bool:
        return False

    @property
    def min_exponent(self) -> int:
        return 1 - self.exponent_bias - self.mantissa_bits

    @property
    def max_exponent(self) -> int:
        top_field = (1 << self.exponent_bits) - 1 - int(self.top is TopExponent.IEEE)
        return max(top_field, 1) - self.exponent_bias - self.mantissa_bits

    @property
    def fixed_max(self) -> int:
        mantissa = (1 << self.mantissa_bits) - 1
        top_field = (1 << self.exponent_bits) - 1
        if self.top is TopExponent.IEEE:
            top_field -= 1
        elif self.top is TopExponent.FN:
            if self.mantissa_bits == 0:
                top_field, mantissa = top_field - 1, 0
            else:
                mantissa -= 1
        if top_field == 0:
            return mantissa if self.subnormals else 0
        return ((1 << self.mantissa_bits) + mantissa) << (top_field - 1)

    @property
    def fixed_min(self) -> int:
        return -self.fixed_max

    @property
    def min_positive(self) -> Fraction:
        smallest = 1 if self.subnormals and self.mantissa_bits else 1 << self.mantissa_bits
        return smallest * Fraction(2) ** self.min_exponent

    @property
    def has_nan(self) -> bool:
        return self.top is not TopExponent.FINITE

    @property
    def has_inf(self) -> bool:
        return self.top is TopExponent.IEEE

    def fields(self, code: int) -> tuple[int, int, int]:
        """Sign, exponent field and mantissa field of a code."""
        mantissa = code & ((1 << self.mantissa_bits) - 1)
        exponent = (code >> self.mantissa_bits) & ((1 << self.exponent_bits) - 1)
        return code >> (self.bits - 1), exponent, mantissa

    def _special(self, sign: int, exponent: int, mantissa: int) -> Special | None:
        top_field, top_mantissa = (1 << self.exponent_bits) - 1, (1 << self.mantissa_bits) - 1
        if self.top is TopExponent.IEEE and exponent == top_field:
            return Special.NAN if mantissa else Special.INF
        if self.top is TopExponent.FN and exponent == top_field and mantissa == top_mantissa:
            return Special.NAN
        if self.top is TopExponent.FNUZ and sign and not exponent and not mantissa:
            return Special.NAN
        return None

    def _decode(self, code: int) -> Decoded:
        sign, exponent, mantissa = self.fields(code)
        special = self._special(sign, exponent, mantissa)
        if special is not None:
            return Decoded(sign, 0, self.min_exponent, special)
        if exponent:
            return Decoded(sign, (1 << self.mantissa_bits) + mantissa, exponent - 1 + self.min_exponent)
        return Decoded(sign, mantissa if self.subnormals else 0, self.min_exponent)
