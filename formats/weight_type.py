"""The types of weights that a bit-serial tile takes, and how a step says which ones its codes are (BitMoD, HPCA 2025)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from ..system.errors import BitmillError
from .block import get_block
from .catalog import get, is_taken
from .integer import Int
from .term import term_count


class WeightKind(IntEnum):
    """What a column's codes are."""

    INTEGER = 0
    FP3 = 1
    FP4 = 2


KIND_BITS = max(WeightKind).bit_length()


@dataclass(frozen=True)
class FloatKind:
    """A floating type whose code of minus zero is a special value.

    Attributes
    ----------
    base
        Catalog name of the type without a special value.
    types
        Catalog names of BitMoD's types in the order of their special values' places.
    """

    base: str
    types: tuple[str, ...]

    @property
    def specials(self) -> tuple[int, ...]:
        """The special values of ``types``."""
        minus_zero = 1 << (get(self.base).bits - 1)
        found = [get(name).decode(minus_zero) for name in self.types]
        return tuple((-1) ** item.sign * item.significand for item in found)


FLOATS: Mapping[WeightKind, FloatKind] = {
    kind: FloatKind(get_block(name).elements[0], get_block(f"bitmod-{name}").elements)
    for kind, name in ((WeightKind.FP3, "fp3"), (WeightKind.FP4, "fp4"))
}
"""The floating types by kind."""

SPECIALS = len(FLOATS[WeightKind.FP4].types)
"""Special values per floating type."""


@dataclass(frozen=True)
class WeightType:
    """A type of weights as a tile takes it: the catalog's name, its kind and which special value it has."""

    name: str
    kind: WeightKind
    special: int

    @property
    def is_integer(self) -> bool:
        """Whether codes are two's complement."""
        return self.kind is WeightKind.INTEGER

    @property
    def bits(self) -> int:
        """Width of a code."""
        return get(self.name).bits

    @property
    def cycles(self) -> int:
        """Terms of a weight, one a cycle."""
        return term_count(get(self.name))


@lru_cache
def find_weight_type(name: str) -> WeightType | None:
    """The type of that catalog name, None if a tile does not take it."""
    if not is_taken(name):  # A user's own, which may have any values.
        return None
    fmt = get(name)
    if isinstance(fmt, Int) and fmt.signed:
        return WeightType(fmt.name, WeightKind.INTEGER, 0)
    for kind, found in FLOATS.items():
        if fmt.name == found.base:
            return WeightType(fmt.name, kind, 0)
        if fmt.name in found.types:
            return WeightType(fmt.name, kind, found.types.index(fmt.name))
    return None


def weight_type(name: str) -> WeightType:
    """The same, where it must be one.

    Raises
    ------
    BitmillError
        If it is not a signed integer or one of BitMoD's.
    """
    found = find_weight_type(name)
    if found is None:
        raise BitmillError(f"weight type must be a signed integer or one of BitMoD's, not {name!r}")
    return found
