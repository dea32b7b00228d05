"""Signed radix-8 digits of integers, which a multiplier turns into few multiples of its other operand."""

from __future__ import annotations

from functools import lru_cache

DIGIT_BITS = 3


def octal_digit(window: int) -> int:
    """The digit of three bits and, lowest, the one below them: ``-4 b[3] + 2 b[2] + b[1] + b[0]``."""
    return (window & 1) + (window >> 1 & 1) + 2 * (window >> 2 & 1) - 4 * (window >> 3 & 1)


def octal_digits(value: int, count: int) -> tuple[int, ...]:
    """``value = sum of digit[i] * 8**i``, lowest first, by Booth's rule.

    Raises
    ------
    ValueError
        If the value has no such digits.

    Source: O. L. MacSorley, High-Speed Arithmetic in Binary Computers, 1961.
    """
    found = tuple(octal_digit(value << 1 >> DIGIT_BITS * place) for place in range(count))
    if sum(digit << DIGIT_BITS * place for place, digit in enumerate(found)) != value:
        raise ValueError(f"value must have {count} octal digits, not be {value!r}")
    return found


@lru_cache(maxsize=32)
def greatest_digits(magnitude: int) -> tuple[int, ...]:
    """The greatest magnitude of every digit, lowest first, of the integers ``-magnitude .. magnitude``."""
    count = 1
    while magnitude >= 1 << DIGIT_BITS * count - 1:
        count += 1
    every = [octal_digits(value, count) for value in range(-magnitude, magnitude + 1)]
    return tuple(max(abs(digit) for digit in column) for column in zip(*every, strict=True))
