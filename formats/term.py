"""Weights as signed powers of two, one a cycle: what a bit-serial PE multiplies with (BitMoD, HPCA 2025, section IV)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..system.errors import BitmillError
from .integer import Int
from .scalar import Decoded, Format

DIGITS: tuple[int, ...] = (0, 1, -1, 2, -2, 4, -4)
"""What one term may be before its significance, in the order of preference."""
TERM_BITS = 1 + len({abs(digit) for digit in DIGITS} - {0})
"""A term as hardware has it: its sign, and one bit for each of its magnitudes."""
RADIX = 4
MAX_SPECIAL = 20
"""Greatest magnitude of two terms: ``4 * 4 + 4``."""


@dataclass(frozen=True)
class Term:
    """``(-1)**sign * mantissa * 2**(exponent + significance)``.

    Attributes
    ----------
    sign, mantissa
        One bit each; a mantissa of 0 makes the term zero.
    exponent
        0, 1 or 2, the lane's own shift.
    significance
        ``2 * cycle``, the shift that all lanes share.
    """

    sign: int
    exponent: int
    mantissa: int
    significance: int

    @property
    def value(self) -> int:
        """The signed power of two, or 0."""
        return (-1) ** self.sign * self.mantissa << (self.exponent + self.significance)


def _term(digit: int, cycle: int) -> Term:
    return Term(int(digit < 0), max(abs(digit).bit_length() - 1, 0), int(digit != 0), 2 * cycle)


def term_count(fmt: Format) -> int:
    """Cycles a weight of the format takes: ``ceil(bits / 2)``.

    Raises
    ------
    BitmillError
        If the format is not one that terms are defined for: a signed integer, or integers within ``MAX_SPECIAL`` that are
        two terms each.
    """
    if isinstance(fmt, Int) and fmt.signed:
        return -(-fmt.bits // 2)
    values = [fmt.decode(code) for code in range(1 << fmt.bits)] if fmt.bits <= 4 else []
    if values and all(item.special is None and item.exponent == 0 and has_two_terms(_integer(item)) for item in values):
        return 2
    raise BitmillError(f"format must be made of one or two power-of-two terms, not {fmt.name!r}")


def _integer(item: Decoded) -> int:
    return (-1) ** item.sign * item.significand


def terms(fmt: Format, code: int) -> tuple[Term, ...]:
    """The terms of a code, in the order of their cycles; they sum to its value.

    Integers: radix-4 Booth digits ``-2 b[2i+1] + b[2i] + b[2i-1]`` of the code's bits, sign-extended. Others:
    ``two_terms`` of the value.

    Raises
    ------
    BitmillError
        As ``term_count``.
    """
    count = term_count(fmt)
    if not isinstance(fmt, Int):
        return two_terms(_integer(fmt.decode(code)))
    extended = code - (code >> (fmt.bits - 1) << fmt.bits)
    below = extended << 1
    digits = [-2 * (below >> 2 * i + 2 & 1) + (below >> 2 * i + 1 & 1) + (below >> 2 * i & 1) for i in range(count)]
    return tuple(_term(digit, cycle) for cycle, digit in enumerate(digits))


def two_terms(value: int) -> tuple[Term, Term]:
    """``value = low + 4 * high`` with both of ``DIGITS``, as many zeros as possible, the high digit first to be zero.

    Raises
    ------
    BitmillError
        If the value is beyond ``MAX_SPECIAL`` or has three or more terms, as 11, 13 and 19.
    """
    found = [(low, high) for high in DIGITS for low in DIGITS if low + RADIX * high == value]
    if not found:
        raise BitmillError(
            f"special value must be an integer within +-{MAX_SPECIAL} of at most two power-of-two terms, not {value!r}"
        )
    low, high = min(found, key=lambda pair: (bool(pair[0]) + bool(pair[1]), bool(pair[1])))
    return _term(low, 0), _term(high, 1)


def has_two_terms(value: int) -> bool:
    """Whether ``two_terms`` is defined for the value."""
    return any(low + RADIX * high == value for low in DIGITS for high in DIGITS)


def total(found: Iterable[Term]) -> int:
    """The weight that terms stand for."""
    return sum(term.value for term in found)
