"""The dynamic 8-bit map of "8-bit Optimizers via Block-wise Quantization" (arXiv 2110.02861), which bitsandbytes has.

For every exponent ``i`` of 0 to 6 the range 0.1 to 1 is cut into ``2**i`` equal parts, whose middles, times ``10**(i - 6)``, are
magnitudes of both signs; with 0 and 1 these are 256 numbers. Here each is rounded to 12 significant bits, ties to even.
"""

from __future__ import annotations

from fractions import Fraction

from .codebook import Codebook

_EXPONENTS = 7
_STEP_EXPONENT = -34
_SIGNIFICANT_BITS = 12


def dynamic_numbers() -> tuple[Fraction, ...]:
    """The map's 256 numbers before rounding, rising."""
    magnitudes = [
        Fraction(1, 10 ** (_EXPONENTS - 1 - exponent))
        * (Fraction(1, 10) + Fraction(9, 10) * Fraction(2 * part + 1, 2 << exponent))
        for exponent in range(_EXPONENTS)
        for part in range(1 << exponent)
    ]
    return tuple(sorted([*magnitudes, *(-number for number in magnitudes), Fraction(0), Fraction(1)]))


def _rounded(number: Fraction) -> int:
    """In steps, with 12 significant bits."""
    steps = number / Fraction(2) ** _STEP_EXPONENT
    extra = max(int(abs(steps)).bit_length() - _SIGNIFICANT_BITS, 0)
    return round(steps / (1 << extra)) << extra


ROW = Codebook(
    name="DYNAMIC8", values=tuple(map(_rounded, dynamic_numbers())), step_exponent=_STEP_EXPONENT,
    about="dynamic map of 8-bit optimizers, rounded to 12 bits",
)  # fmt: skip
