"""What every scalar number format states: a finite map from codes to exact dyadic rationals."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction


class Special(enum.Enum):
    """A code that stands for no number."""

    NAN = "NaN"
    INF = "Inf"


@dataclass(frozen=True, slots=True)
class Decoded:
    """One code taken apart: ``(-1)**sign * significand * 2**exponent``, or a special.

    ``significand`` is never negative where the format has a sign bit; in two's complement formats ``sign`` is 0 and the
    significand carries the sign. Specials have significand 0 and the format's least exponent; ``sign`` tells +Inf from -Inf.
    """

    sign: int
    significand: int
    exponent: int
    special: Special | None = None

    @property
    def value(self) -> Fraction:
        """The number as an exact fraction.

        Raises
        ------
        ValueError
            If the code is a special.
        """
        if self.special is not None:
            raise ValueError(f"A decoded code must be a number to have a value, not {self.special.value}")
        return (-1) ** self.sign * self.significand * Fraction(2) ** self.exponent

    def value_or_none(self) -> Fraction | None:
        """The number as an exact fraction, or None for a special."""
        return None if self.special is not None else self.value

    def __float__(self) -> float:
        if self.special is Special.NAN:
            return float("nan")
        if self.special is Special.INF:
            return float("-inf") if self.sign else float("inf")
        magnitude = float(self.significand * Fraction(2) ** self.exponent)
        return -magnitude if self.sign else magnitude


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """A scalar number format: facts as fields, everything else derived.

    Parameters
    ----------
    name
        The field's own name, upper case: ``E4M3``, ``INT8``.
    about
        One phrase for tables: what it is and who defines it.
    aliases
        Other names that ``bitmill.formats.get`` accepts.

    Attributes
    ----------
    bits
        Width of a code.
    significand_bits, significand_signed
        Width and signedness of ``Decoded.significand``; a sign-magnitude format has an unsigned significand and a sign.
    min_exponent, max_exponent
        Bounds of ``Decoded.exponent``; every finite value is an integer times ``2**min_exponent``.
    fixed_min, fixed_max
        The least and greatest finite value in units of ``2**min_exponent``.
    """

    name: str
    about: str = ""
    aliases: tuple[str, ...] = ()

    @property
    @abstractmethod
    def kind(self) -> str:
        """``int``, ``minifloat``, ``codebook`` or ``power-of-two``."""

    @property
    @abstractmethod
    def bits(self) -> int: ...

    @property
    @abstractmethod
    def significand_bits(self) -> int: ...

    @property
    @abstractmethod
    def significand_signed(self) -> bool: ...

    @property
    @abstractmethod
    def min_exponent(self) -> int: ...

    @property
    @abstractmethod
    def max_exponent(self) -> int: ...

    @property
    @abstractmethod
    def fixed_min(self) -> int: ...

    @property
    @abstractmethod
    def fixed_max(self) -> int: ...

    @property
    @abstractmethod
    def has_nan(self) -> bool: ...

    @property
    @abstractmethod
    def has_inf(self) -> bool: ...

    @abstractmethod
    def _decode(self, code: int) -> Decoded: ...

    def decode(self, code: int) -> Decoded:
        """The meaning of one code, ``0 <= code < 2**bits``.

        Raises
        ------
        ValueError
            If the code does not fit the format's width.
        """
        if not 0 <= code < 1 << self.bits:
            raise ValueError(f"A code of {self.name} must be in 0..{(1 << self.bits) - 1}, not {code!r}")
        return self._decode(code)

    @property
    def sign_bit(self) -> bool:
        """Whether codes are sign-magnitude, the sign in the most significant bit."""
        return not self.significand_signed and self.fixed_min < 0

    @property
    def exponent_span(self) -> int:
        return self.max_exponent - self.min_exponent

    @property
    def exponent_bits_decoded(self) -> int:
        """Width of the decoded exponent field, ``exponent - min_exponent``; 0 for fixed-point formats."""
        return self.exponent_span.bit_length()

    @property
    def fixed_bits(self) -> int:
        """Width of the two's complement integer that holds every finite value exactly."""
        return signed_bits(self.fixed_min, self.fixed_max)

    @property
    def max_value(self) -> Fraction:
        return self.fixed_max * Fraction(2) ** self.min_exponent

    @property
    def min_value(self) -> Fraction:
        return self.fixed_min * Fraction(2) ** self.min_exponent

    @property
    def min_positive(self) -> Fraction:
        """The least value greater than zero; 0 if there is none."""
        return min((value for value in self._finite_values() if value > 0), default=Fraction(0))

    def _finite_values(self) -> list[Fraction]:
        values = (self._decode(code).value_or_none() for code in range(1 << self.bits))
        return [value for value in values if value is not None]

    @property
    def zero_code(self) -> int | None:
        """A code of zero, which pads ragged vectors; None if the format has no zero."""
        return next((c for c in range(1 << min(self.bits, 16)) if self._decode(c).value_or_none() == 0), None)

    @property
    def first_number(self) -> int:
        """The least code that is a number."""
        return next(code for code in range(1 << self.bits) if self._decode(code).special is None)

    @property
    def specials(self) -> str:
        """Which specials the format has, for tables."""
        names = [word for word, there in (("NaN", self.has_nan), ("Inf", self.has_inf)) if there]
        return ", ".join(names) or "none"


def signed_bits(low: int, high: int) -> int:
    """Width of the narrowest two's complement integer that holds ``low..high``."""
    return max(high.bit_length(), (-low - 1).bit_length() if low < 0 else 0) + 1
