"""Facts about the few values of a codebook, from its row: what tables and multipliers of them are made of."""

from __future__ import annotations

from functools import lru_cache

from ...formats import Codebook, Format
from ...system.errors import BitmillError

MAX_CODEBOOK_BITS = 8
"""Widest codes that are looked through."""


@lru_cache(maxsize=512)
def known_codes(fmt: Codebook) -> tuple[int, ...]:
    """The significand of every code, those without a number being 0.

    Raises
    ------
    BitmillError
        If there are too many.
    """
    if fmt.bits > MAX_CODEBOOK_BITS:
        raise BitmillError(
            f"format {fmt.name} must have at most {MAX_CODEBOOK_BITS} bits to be estimated, not {fmt.bits!r}"
        )
    return tuple(fmt.decode(code).significand for code in range(1 << fmt.bits))


def choices(table: tuple[int, ...]) -> int:
    """Nodes of the decision diagram of a truth table: choices between two things by a bit of the code."""
    seen: set[tuple[int, ...]] = set()
    waiting = [table]
    while waiting:
        part = waiting.pop()
        low, high = part[::2], part[1::2]
        if len(set(part)) == 1 or part in seen:
            continue
        if low == high:
            waiting.append(low)
            continue
        seen.add(part)
        waiting += (low, high)
    return len(seen)


@lru_cache(maxsize=512)
def varying_bits(fmt: Format) -> int:
    """Bits of a significand that are not the same in every code."""
    if not isinstance(fmt, Codebook):
        return fmt.significand_bits
    width = (1 << fmt.significand_bits) - 1
    codes = [code & width for code in known_codes(fmt)]
    ever, always = 0, width
    for code in codes:
        ever, always = ever | code, always & code
    return (ever & ~always).bit_count()


@lru_cache(maxsize=512)
def bits_together(fmt: Format) -> int:
    """The most varying bits of a significand that are 1 in one code."""
    if not isinstance(fmt, Codebook):
        return fmt.significand_bits
    width = (1 << fmt.significand_bits) - 1
    return min(varying_bits(fmt), max((code & width).bit_count() for code in known_codes(fmt)))


@lru_cache(maxsize=512)
def selects(fmt: Codebook, rows: int) -> tuple[int, ...]:
    """Of every digit, how many of its two selects are ever set."""
    found = [[0, 0] for _ in range(rows)]
    for value in known_codes(fmt):
        carry = 0
        for row in range(rows):
            low, high = value >> 2 * row & 1, value >> 2 * row + 1 & 1
            one = low ^ carry
            if row < rows - 1:
                two, carry = high ^ (low & carry), high & (low | carry)
            else:
                two = (high & ~low & ~carry | ~high & low & carry) & 1
            found[row][0] |= one
            found[row][1] |= two
    return tuple(map(sum, found))
