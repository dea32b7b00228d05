"""The catalog of blocks: bits per weight by hand, what standards say of rows, and names."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bitmill import BitmillError, formats
from bitmill.formats.block import BLOCKS, get_block

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
    "mxfp6-e3m2": Fraction(625, 100),
    "mxfp8-up": Fraction(825, 100),
    "mxint8": Fraction(825, 100),
}
"""As published, without the FP16 scale of a channel."""


@pytest.mark.parametrize("name", BITS)
def test_bits_per_weight(name):
    scheme = get_block(name)
    channel = 0 if name.startswith("mx") else 16
    assert scheme.bits_per_weight(group=scheme.group, length=384) == BITS[name] + Fraction(channel, 384)


@pytest.mark.parametrize("scheme", BLOCKS.values(), ids=lambda scheme: scheme.name)
def test_rows_agree_with_the_format_catalog(scheme):
    assert BLOCKS[scheme.name] is scheme
    assert {fmt.bits for fmt in scheme.formats} == {scheme.bits}
    assert 1 << scheme.selector_bits >= len(scheme.elements)
    assert not scheme.outlier or formats.get(scheme.outlier).bits == scheme.bits


@pytest.mark.parametrize(
    ("name", "element", "bits", "greatest"),
    # OCP MX v1.0, table 1, and the greatest magnitudes of section 5.3.
    [
        ("mxfp8-e5m2", "E5M2", 8, 57344), ("mxfp8", "E4M3", 8, 448), ("mxfp6-e3m2", "E3M2", 6, 28),
        ("mxfp6", "E2M3", 6, Fraction(15, 2)), ("mxfp4", "E2M1", 4, 6), ("mxint8", "INT8", 8, Fraction(127, 64)),
    ],
)  # fmt: skip
def test_rows_of_microscaling_formats(name, element, bits, greatest):
    for rule, row in (("floor", get_block(name)), ("round-up", get_block(f"{name}-up"))):
        assert (row.elements, row.bits, row.group, row.scale, row.scale_bits) == ((element,), bits, 32, "E8M0", 8)
        assert (row.rule, row.channel, row.tensor) == (rule, None, None)
        assert row.formats[0].max_value * Fraction(2) ** row.step_exponent == greatest


def test_nvfp4_has_two_levels_of_scales():
    row = get_block("NVFP4")
    assert (row.elements, row.group, row.scale, row.tensor, row.channel) == (("E2M1",), 16, "E4M3", "FP32", None)
    assert row.bits_per_weight(group=16, length=64, rows=2) == Fraction(9, 2) + Fraction(32, 128)


def test_a_format_alone_is_a_scheme():
    row = get_block("E4M3FN")
    assert (row.name, row.elements, row.group, row.scale, row.channel) == ("e4m3", ("E4M3",), None, None, "FP16")
    assert row.bits_per_weight(group=None, length=32) == 8 + Fraction(16, 32)
    assert row.group_of(384) == 384
    assert "FP16 scale per output channel" in row.about
    assert get_block("int4").scale == "UINT8"
    for name in ("FP16", "int9", "E8M0"):
        with pytest.raises(
            BitmillError, match=rf"a format of at most 8 bits with zero and positive numbers, not '{name}'"
        ):
            get_block(name)


def test_get_wrong_name():
    assert get_block(" BitMod-FP4 ").name == "bitmod-fp4"
    with pytest.raises(
        BitmillError,
        match=r"one of bitmod-fp4, .*nvfp4, .*two-level4, .*bfpN-G, vqV-B, vqV-Bx2, or a format such as e4m3, "
        r"not 'bitmod-fp5'; did you mean bitmod-fp",
    ):
        get_block("bitmod-fp5")


SPECIAL = {"ER_POS": (3, 10), "ER_NEG": (-3, -10), "EA_POS": (6, 16), "EA_NEG": (-6, -16)}


@pytest.mark.parametrize("name", SPECIAL)
def test_bitmod_lists_as_published(name):
    for bits, basic, special in ((3, (1, 2, 4), SPECIAL[name][0]), (4, (1, 2, 3, 4, 6, 8, 12), SPECIAL[name][1])):
        fmt = formats.get(f"BITMOD_FP{bits}_{name}")
        values = [fmt.decode(code).value for code in range(1 << bits)]
        assert sorted(values) == sorted([0, *basic, *(-value for value in basic), special])
        assert values[1 << bits - 1] == special
