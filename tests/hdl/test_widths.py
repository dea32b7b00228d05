"""Widths of wires by hand: a bit more than the extreme values need costs cells, and no comparison of results sees it."""

from __future__ import annotations

import pytest

from bitmill import AcceleratorConfig, FloatAccumulator, formats
from bitmill.formats import Product
from bitmill.hdl.adder_tree import AdderTree
from bitmill.hdl.aligner import aligned_bits
from bitmill.hdl.array_row import ArrayRow
from bitmill.hdl.layouts import decoded_layout, flags_layout, product_layout, significand_product_bits
from bitmill.hdl.pe import PE


def product(a: str, b: str) -> Product:
    return Product(formats.get(a), formats.get(b))


@pytest.mark.parametrize(
    ("a", "b", "bits"),
    [
        ("INT8", "INT8", 16),  # -128 x -128 = 2^14
        ("INT4", "INT8", 12),
        ("INT4", "INT4", 8),
        ("UINT8", "INT8", 16),  # 255 x -128 > -2^15
        ("E4M3", "INT8", 12),  # 15 x -128 > -2^11
        ("E4M3", "E4M3", 8),  # 15 x 15 < 2^8
        ("E2M1", "E2M1", 4),  # 3 x 3 < 2^4
        ("UINT3", "UINT2", 5),  # 7 x 3 < 2^5
    ],
)
def test_significands(a, b, bits):
    assert significand_product_bits(product(a, b)) == bits


ALIGNED = {"E2M1": 9, "E2M3": 13, "E3M2": 19, "E4M3": 37, "E5M2": 65, "INT8": 16, "INT4": 8}
"""Signed fixed-point products, as published: 2(2^E + M) - 1 for minifloats, two less where IEEE keeps the top exponent."""


@pytest.mark.parametrize("name", ALIGNED)
def test_aligned_products(name):
    assert aligned_bits(product(name, name)) == ALIGNED[name]


@pytest.mark.parametrize(("lanes", "bits"), [(2, 10), (3, 10), (4, 11), (5, 11), (8, 12), (32, 14)])
def test_sums_of_e2m1_products(lanes, bits):
    # Each is at most 144 = 12 x 12 quarter units: 3 x 144 < 2^9, 5 x 144 < 2^10, 32 x 144 < 2^13.
    assert AdderTree.layout(product("E2M1", "E2M1"), lanes)["significand"].width == bits


DECODED = {
    "E4M3": {"sign": 1, "significand": 4, "exponent": 4, "nan": 1, "inf": 0},
    "E5M2": {"sign": 1, "significand": 3, "exponent": 5, "nan": 1, "inf": 1},
    "E2M1": {"sign": 1, "significand": 2, "exponent": 2, "nan": 0, "inf": 0},
    "E8M0": {"sign": 0, "significand": 1, "exponent": 8, "nan": 1, "inf": 0},
    "INT8": {"sign": 0, "significand": 8, "exponent": 0, "nan": 0, "inf": 0},
    "INT8_SYM": {"sign": 0, "significand": 8, "exponent": 0, "nan": 1, "inf": 0},
}


@pytest.mark.parametrize("name", DECODED)
def test_decoded_operands(name):
    assert {str(field): found.width for field, found in decoded_layout(formats.get(name))} == DECODED[name]


@pytest.mark.parametrize(
    ("a", "b", "exponent", "carry"),
    [("E4M3", "E4M3", 5, 0), ("E2M1", "E4M3", 5, 0), ("INT8", "E4M3", 4, 1), ("INT8", "INT4", 0, 1)],
)
def test_products(a, b, exponent, carry):
    layout = product_layout(product(a, b))
    assert (layout["exponent"].width, layout["carry"].width) == (exponent, carry)


@pytest.mark.parametrize(
    ("a", "b", "accumulator", "widths"),
    [
        ("INT8", "E2M1", None, (0, 0, 0)),
        ("INT8", "E4M3", None, (1, 0, 0)),
        ("E5M2", "INT8", None, (1, 0, 0)),
        ("E4M3", "INT8", FloatAccumulator(), (1, 0, 0)),
        ("INT8", "E5M2", FloatAccumulator(), (1, 1, 1)),
        ("INT8", "INT8", FloatAccumulator(), (0, 0, 0)),
    ],
)
def test_flags(a, b, accumulator, widths):
    chosen = {} if accumulator is None else {"accumulator": accumulator}
    layout = flags_layout(AcceleratorConfig(weight=a, activation=b, **chosen))
    assert tuple(layout[name].width for name in ("nan", "pos_inf", "neg_inf")) == widths


INT8_ARRAY = AcceleratorConfig(weight="INT8", activation="INT8", unit="array", rows=2, cols=3)


@pytest.mark.parametrize(
    ("unit", "widths"),
    [
        (AdderTree(product=product("INT8", "INT8"), lanes=2), {"enable": 1}),
        (PE(config=INT8_ARRAY), {"enable": 1, "weight": 8, "activation": 8, "step": 1, "last": 1}),
        (ArrayRow(config=INT8_ARRAY), {"enable": 1, "weight": 8, "activation": 24, "step": 3, "last": 3}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_ports(unit, widths):
    assert {name: len(getattr(unit, name)) for name in widths} == widths
