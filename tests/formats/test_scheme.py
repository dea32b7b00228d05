"""The scheme catalog: bits per weight by hand, and names."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bitmill import BitmillError, formats
from bitmill.formats.scheme import SCHEMES, get_scheme

BITS = {
    "bitmod-fp4": 4 + Fraction(2 + 8, 128),
    "bitmod-fp3": 3 + Fraction(2 + 8, 128),
    "int4": Fraction(40625, 10000),
    "int4-asym": 4 + Fraction(8 + 4, 128),
    "int3-asym": 3 + Fraction(8 + 3, 128),
    "ant4": 4 + Fraction(1 + 8, 128),
    "olive4": 4 + Fraction(8, 128),
    "mxfp4": Fraction(425, 100),
    "mxint4": Fraction(425, 100),
}
"""As published, without the FP16 scale of a channel."""


@pytest.mark.parametrize("name", BITS)
def test_bits_per_weight(name):
    scheme = get_scheme(name)
    channel = 0 if name.startswith("mx") else 16
    assert scheme.bits_per_weight(group=scheme.group, length=384) == BITS[name] + Fraction(channel, 384)


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=lambda scheme: scheme.name)
def test_rows_agree_with_the_format_catalog(scheme):
    assert SCHEMES[scheme.name] is scheme
    assert {fmt.bits for fmt in scheme.formats} == {scheme.bits}
    assert 1 << scheme.selector_bits >= len(scheme.elements)
    assert not scheme.outlier or formats.get(scheme.outlier).bits == scheme.bits


def test_get_wrong_name():
    assert get_scheme(" BitMod-FP4 ").name == "bitmod-fp4"
    with pytest.raises(BitmillError, match=r"one of bitmod-fp4, .*mxint4, not 'bitmod-fp5'; did you mean bitmod-fp"):
        get_scheme("bitmod-fp5")


SPECIAL = {"ER_POS": (3, 10), "ER_NEG": (-3, -10), "EA_POS": (6, 16), "EA_NEG": (-6, -16)}


@pytest.mark.parametrize("name", SPECIAL)
def test_bitmod_lists_as_published(name):
    for bits, basic, special in ((3, (1, 2, 4), SPECIAL[name][0]), (4, (1, 2, 3, 4, 6, 8, 12), SPECIAL[name][1])):
        fmt = formats.get(f"BITMOD_FP{bits}_{name}")
        values = [fmt.decode(code).value for code in range(1 << bits)]
        assert sorted(values) == sorted([0, *basic, *(-value for value in basic), special])
        assert values[1 << bits - 1] == special
