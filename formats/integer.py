"""Integers: two's complement, unsigned, and two's complement without its most negative code."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .scalar import Decoded, Format, Special


@dataclass(frozen=True, kw_only=True)
class Int(Format):
    """An integer format of step 1.

    Parameters
    ----------
    width
        Bits of a code, 1 to 32.
    signed
        Two's complement if true.
    symmetric
        The range is ``-(2**(width-1)-1) .. 2**(width-1)-1``; the code of ``-2**(width-1)`` is reserved and decodes to NaN,
        so that hardware flags it instead of leaving the range its accumulator was sized for.

    Raises
    ------
    ValueError
        If the width is out of range, or an unsigned format is called symmetric.
    """

    width: int
    signed: bool = True
    symmetric: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.width <= 32:
            raise ValueError(f"Int width must be in 1..32, not {self.width!r}")
        if self.symmetric and not self.signed:
            raise ValueError("A symmetric Int must be signed, not unsigned")

    @property
    def kind(self) -> str:
        return "int"

    @property
    def bits(self) -> int:
        return self.width

    @property
    def significand_bits(self) -> int:
        return self.width

    @property
    def significand_signed(self) -> bool:
        return self.signed

    @property
    def min_exponent(self) -> int:
        return 0

    @property
    def max_exponent(self) -> int:
        return 0

    @property
    def fixed_min(self) -> int:
        if not self.signed:
            return 0
        return -(1 << (self.width - 1)) + int(self.symmetric)

    @property
    def fixed_max(self) -> int:
        return (1 << (self.width - int(self.signed))) - 1

    @property
    def min_positive(self) -> Fraction:
        return Fraction(min(self.fixed_max, 1))

    @property
    def has_nan(self) -> bool:
        return self.symmetric

    @property
    def has_inf(self) -> bool:
        return False

    def _decode(self, code: int) -> Decoded:
        if self.signed and code >> (self.width - 1):
            code -= 1 << self.width
        if code < self.fixed_min:
            return Decoded(0, 0, 0, Special.NAN)
        return Decoded(0, code, 0)
