"""Where numbers lie against the lists of dialects: on places of quarter half-units, every second of which is all between two."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from ...formats.dialect import DIALECTS

PLACES = 64
"""A place 2 t is the magnitude of t halves of a half-unit, a place 2 t + 1 all that is between it and the next."""
PLACE_BITS = 6


def _distance(place: int, dialect: int) -> Fraction:
    return min(abs(Fraction(place, 4) - number) for number in DIALECTS[dialect])


def better_range(dialect: int, other: int) -> tuple[int, int]:
    """First and last place where a dialect's nearest number is nearer than the other's.

    Such ranges begin and end at places that are middles of two numbers, of half half-units, and are of one piece.
    """
    places = [place for place in range(PLACES) if _distance(place, dialect) < _distance(place, other)]
    assert places == list(range(places[0], places[-1] + 1))
    return places[0], places[-1]


def steps_up(dialect: int) -> tuple[int, ...]:
    """The first place of each code but 0: the middle to the number below, or what is above it where a tie goes down."""
    return tuple(2 * (low + high) + (code % 2 == 0) for code, (low, high) in enumerate(pairwise(DIALECTS[dialect])))
