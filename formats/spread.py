"""From numbers to integers on one grid: the step of a codebook, found from its values."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..system.errors import BitmillError
from .limits import MAX_GRID_BITS


def on_grid(numbers: Sequence[Fraction | None], name: str) -> tuple[tuple[int | None, ...], int]:
    """Integers and the exponent of the greatest power of two of which all numbers are multiples.

    Raises
    ------
    BitmillError
        If the greatest number is ``2**MAX_GRID_BITS`` steps or more.
    """
    found = [number for number in numbers if number]
    step = min(_lowest_bit(number) for number in found)
    scale = Fraction(2) ** -step
    values = tuple(None if number is None else int(number * scale) for number in numbers)
    greatest = max(abs(number) for number in found)
    if (greatest * scale).numerator.bit_length() > MAX_GRID_BITS:
        least = min((number for number in found), key=_lowest_bit)
        raise BitmillError(
            f"{name} must lie on one grid of at most {MAX_GRID_BITS} bits, not {float(least):.9g} beside {float(greatest):.9g}"
        )
    return values, step


def _lowest_bit(number: Fraction) -> int:
    """The exponent of a dyadic number's least bit that is 1."""
    numerator = abs(number.numerator)
    return (numerator & -numerator).bit_length() - number.denominator.bit_length()
