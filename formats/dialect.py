"""DialectFP4: sixteen lists of 4-bit numbers, of which every block takes one (BlockDialect, arXiv 2501.01144, figure 4).

Magnitudes are half-units, whole numbers of at most 4 bits: products of two blocks are sums of products of integers. Of dialects
0 to 13, ``2 i`` and ``2 i + 1`` have the same greatest magnitude ``15 - i`` and differ in the one below it; so do 14 and 15 in
the upper three. Dialect 7 is E2M1.
"""

from __future__ import annotations

from .codebook import Codebook, PowerOfTwo
from .scalar import Format

_SHARED = (0, 1, 2, 3, 4, 6)
_UPPER = (
    (11, 15), (9, 15), (11, 14), (9, 14), (10, 13), (8, 13), (10, 12), (8, 12),
    (9, 11), (7, 11), (9, 10), (7, 10), (8, 9), (7, 9), (7, 8),
)  # fmt: skip
DIALECTS: tuple[tuple[int, ...], ...] = (*(_SHARED + upper for upper in _UPPER), (0, 1, 2, 3, 4, 5, 6, 8))
"""Magnitudes of each dialect in half-units, rising."""

NAMES = tuple(f"DIALECT{index}" for index in range(len(DIALECTS)))
ROWS: tuple[Format, ...] = (
    *(
        Codebook(name=name, values=(*magnitudes, *(-value for value in magnitudes)), step_exponent=-1,
                 about=f"DialectFP4's dialect {index}")
        for index, (name, magnitudes) in enumerate(zip(NAMES, DIALECTS, strict=True))
    ),
    PowerOfTwo(name="UE5M0", exponent_bits=5, bias=15, about="DialectFP4's shared exponent"),
)  # fmt: skip
