"""Five trits in a byte: 3**5 = 243 of its 256 codes, 1.6 bits a trit, by two codes of other people's.

Trits are -1, 0 and 1 here; the digit that stands for one is one more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

TritCode = Literal["astc", "base3"]
"""``astc``: trit blocks of ASTC's integer sequence encoding (Khronos Data Format Specification, section "Integer Sequence
Encoding"), made to be decoded by a few gates. ``base3``: the number ``sum of digit[i] * 3**i``."""

TRITS = 5
"""In a byte."""

Trits = tuple[int, ...]


def _base3(code: int) -> Trits:
    """Digits of 243 to 255, which no trits have, are those of the remainder."""
    digits: list[int] = []
    code %= 3**TRITS
    for _ in range(TRITS):
        digits.append(code % 3)
        code //= 3
    return tuple(digits)


def _bits(code: int, high: int, low: int) -> int:
    return code >> low & (1 << high - low + 1) - 1


def _astc(code: int) -> Trits:
    if _bits(code, 4, 2) == 7:
        rest, third, fourth = _bits(code, 7, 5) << 2 | _bits(code, 1, 0), 2, 2
    else:
        rest = _bits(code, 4, 0)
        if _bits(code, 6, 5) == 3:
            third, fourth = _bits(code, 7, 7), 2
        else:
            third, fourth = _bits(code, 6, 5), _bits(code, 7, 7)
    if _bits(rest, 1, 0) == 3:
        high = _bits(rest, 3, 3)
        return high << 1 | _bits(rest, 2, 2) & ~high, _bits(rest, 4, 4), 2, third, fourth
    if _bits(rest, 3, 2) == 3:
        return _bits(rest, 1, 0), 2, 2, third, fourth
    high = _bits(rest, 1, 1)
    return high << 1 | _bits(rest, 0, 0) & ~high, _bits(rest, 3, 2), _bits(rest, 4, 4), third, fourth


def _trits(digits: Callable[[int], Trits]) -> tuple[Trits, ...]:
    return tuple(tuple(digit - 1 for digit in digits(code)) for code in range(256))


TRIT_BYTES: dict[TritCode, tuple[Trits, ...]] = {"astc": _trits(_astc), "base3": _trits(_base3)}
"""The five trits of every byte, the first one first. Some trits have several bytes; the least one is written."""

BYTE_OF: dict[TritCode, dict[Trits, int]] = {
    name: {trits: code for code, trits in reversed(list(enumerate(table)))} for name, table in TRIT_BYTES.items()
}
"""The byte of every five trits."""
