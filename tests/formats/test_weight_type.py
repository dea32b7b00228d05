"""Which of the tile's kinds each type of weights is, against tables typed by hand from BitMoD."""

import pytest

from bitmill import BitmillError
from bitmill.formats.weight_type import FLOATS, KIND_BITS, SPECIALS, WeightKind, weight_type

TYPES = {
    "INT8": ("INTEGER", 0, 8, 4),
    "int5_sym": ("INTEGER", 0, 5, 3),
    "INT3_SYM": ("INTEGER", 0, 3, 2),
    "BITMOD_FP3": ("FP3", 0, 3, 2),
    "BITMOD_FP3_ER_NEG": ("FP3", 1, 3, 2),
    "BITMOD_FP3_EA_POS": ("FP3", 2, 3, 2),
    "BITMOD_FP4": ("FP4", 0, 4, 2),
    "BITMOD_FP4_ER_POS": ("FP4", 0, 4, 2),
    "BITMOD_FP4_EA_NEG": ("FP4", 3, 4, 2),
}


@pytest.mark.parametrize("name", TYPES)
def test_types(name):
    found = weight_type(name)
    assert (found.kind.name, found.special, found.bits, found.cycles) == TYPES[name]
    assert found.name == name.upper()


def test_special_values_in_the_order_of_their_places():
    assert {kind.name: found.specials for kind, found in FLOATS.items()} == {
        "FP3": (3, -3, 6, -6),
        "FP4": (10, -10, 16, -16),
    }
    assert SPECIALS == 4
    assert [(kind.name, kind.value) for kind in WeightKind] == [("INTEGER", 0), ("FP3", 1), ("FP4", 2)]
    assert KIND_BITS == 2


@pytest.mark.parametrize("name", ["E4M3", "UINT4", "FLINT4"])
def test_other_types(name):
    with pytest.raises(BitmillError, match=f"weight type must be a signed integer or one of BitMoD's, not '{name}'"):
        weight_type(name)
