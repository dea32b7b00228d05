"""Formats given by an explicit list of values on a fixed-point grid, and pure powers of two."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from .scalar import Decoded, Format, Special, signed_bits

FIXED_POINT_BITS = 24
"""Widest magnitude of a codebook's values on one grid that is multiplied as it is."""


@dataclass(frozen=True, kw_only=True)
class Codebook(Format):
    """Code ``c`` stands for ``values[c] * 2**step_exponent``; ``None`` marks a reserved code, which decodes to NaN.

    A list whose upper half negates its lower half is sign-magnitude (the sign is the top bit); any other list decodes to a
    two's complement integer. Values that need more than ``FIXED_POINT_BITS`` on one grid, as those of posits do, decode to a
    sign, a significand as wide as the longest of them asks for, and an exponent.

    Raises
    ------
    ValueError
        If the list's length is not a power of two of at least 2, or it holds no number.
    """

    values: tuple[int | None, ...]
    step_exponent: int = 0

    def __post_init__(self) -> None:
        if len(self.values) < 2 or len(self.values) & (len(self.values) - 1):
            raise ValueError(f"A codebook's length must be a power of two of at least 2, not {len(self.values)!r}")
        if wrong := [value for value in self.values if value is not None and not isinstance(value, int)]:
            raise ValueError(
                f"A codebook's values must be integers, of steps of 2**step_exponent, or None, not {wrong[0]!r}"
            )
        if all(value is None for value in self.values):
            raise ValueError(f"A codebook must hold at least one number, not {self.values!r}")

    @cached_property
    def _range(self) -> tuple[int, int]:
        numbers = [value for value in self.values if value is not None]
        return min(numbers), max(numbers)

    @cached_property
    def _mirrored(self) -> bool:
        half = len(self.values) // 2
        pairs = zip(self.values[:half], self.values[half:], strict=True)
        return all(p is not None and n is not None and p >= 0 and n == -p for p, n in pairs)

    @cached_property
    def _float_bits(self) -> int | None:
        """Width of the significands of values of their own exponents; None where all have that of the step."""
        if self._greatest_bits <= FIXED_POINT_BITS:
            return None
        return max((abs(value) // (value & -value)).bit_length() for value in self.values if value)

    @property
    def _greatest_bits(self) -> int:
        return max(map(abs, self._range)).bit_length()

    @cached_property
    def _reserves(self) -> bool:
        return None in self.values

    @property
    def kind(self) -> str:
        return "codebook"

    @property
    def bits(self) -> int:
        return len(self.values).bit_length() - 1

    @property
    def significand_bits(self) -> int:
        if self._float_bits is not None:
            return self._float_bits
        if self._mirrored:
            return max(self.fixed_max.bit_length(), 1)
        return signed_bits(self.fixed_min, self.fixed_max)

    @property
    def significand_signed(self) -> bool:
        return not self._mirrored and self._float_bits is None

    @property
    def min_exponent(self) -> int:
        return self.step_exponent

    @property
    def max_exponent(self) -> int:
        return self.step_exponent + (0 if self._float_bits is None else self._greatest_bits - self._float_bits)

    @property
    def fixed_min(self) -> int:
        return self._range[0]

    @property
    def fixed_max(self) -> int:
        return self._range[1]

    @property
    def has_nan(self) -> bool:
        return self._reserves

    @property
    def has_inf(self) -> bool:
        return False

    def _decode(self, code: int) -> Decoded:
        value = self.values[code]
        if value is None:
            return Decoded(0, 0, self.step_exponent, Special.NAN)
        if self._float_bits is not None:
            moved = max(abs(value).bit_length() - self._float_bits, 0)
            return Decoded(int(value < 0), abs(value) >> moved, self.step_exponent + moved)
        if self._mirrored:
            return Decoded(int(code >= len(self.values) // 2), abs(value), self.step_exponent)
        return Decoded(0, value, self.step_exponent)


@dataclass(frozen=True, kw_only=True)
class PowerOfTwo(Format):
    """Unsigned powers of two: code ``c`` is ``2**(c - bias)``, the all-ones code is NaN (OCP MX v1.0, E8M0)."""

    exponent_bits: int
    bias: int

    @property
    def kind(self) -> str:
        return "power-of-two"

    @property
    def bits(self) -> int:
        return self.exponent_bits

    @property
    def significand_bits(self) -> int:
        return 1

    @property
    def significand_signed(self) -> bool:
        return False

    @property
    def min_exponent(self) -> int:
        return -self.bias

    @property
    def max_exponent(self) -> int:
        return (1 << self.exponent_bits) - 2 - self.bias

    @property
    def fixed_min(self) -> int:
        return 1

    @property
    def fixed_max(self) -> int:
        return 1 << self.exponent_span

    @property
    def min_positive(self) -> Fraction:
        return Fraction(2) ** self.min_exponent

    @property
    def has_nan(self) -> bool:
        return True

    @property
    def has_inf(self) -> bool:
        return False

    def _decode(self, code: int) -> Decoded:
        if code == (1 << self.exponent_bits) - 1:
            return Decoded(0, 0, self.min_exponent, Special.NAN)
        return Decoded(0, 1, code - self.bias)
