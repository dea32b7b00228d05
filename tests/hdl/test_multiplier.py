"""Every pair of codes through decoder, multiplier and aligner, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import pytest
from amaranth import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from bitmill import formats
from bitmill.formats import Product
from bitmill.hdl.mac.decoder import Decoder
from bitmill.hdl.mac.layouts import product_exponent_offset, product_layout
from bitmill.hdl.products.multiplier import Multiplier
from bitmill.hdl.sums.aligner import Aligner

OCP_PAIRS = [(name, name) for name in ("E2M1", "E2M3", "E3M2", "E4M3", "E5M2", "E8M0", "INT8")]
MIXED_PAIRS = [("E2M1", "E4M3"), ("INT4", "INT8")]
OTHER_PAIRS = [
    ("INT4", "INT4"), ("INT2", "INT5"), ("UINT4", "UINT4"), ("UINT4", "INT3"), ("INT3", "UINT4"), ("INT4_SYM", "INT4_SYM"),
    ("TERNARY", "INT4"), ("FLINT4", "E2M1"), ("E2M1", "INT4"), ("INT4", "E3M1"), ("POT4", "UINT3"), ("E4M3FNUZ", "E2M1"),
    ("E2M0", "E1M1"), ("E5M2FNUZ", "INT2"),
]  # fmt: skip
PAIRS = OCP_PAIRS + MIXED_PAIRS + OTHER_PAIRS


class CodesToProduct(wiring.Component):
    """Two decoders, the multiplier and both ways of aligning, side by side."""

    def __init__(self, facts: Product, style: Literal["logic", "operator"]):
        self.facts = facts
        self.style: Literal["logic", "operator"] = style
        self.layout = data.StructLayout({
            "product": product_layout(facts),
            "aligned": Aligner.layout(facts, shift=True),
            "signed": Aligner.layout(facts, shift=False),
        })  # fmt: skip
        super().__init__({"codes": In(facts.a.bits + facts.b.bits), "result": Out(self.layout)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.weight = weight = Decoder(fmt=self.facts.a)
        m.submodules.activation = activation = Decoder(fmt=self.facts.b)
        m.submodules.multiply = multiply = Multiplier(product=self.facts, style=self.style)
        m.submodules.align = align = Aligner(product=self.facts)
        m.submodules.sign = sign = Aligner(product=self.facts, shift=False)
        m.d.comb += [
            weight.code.eq(self.codes[: self.facts.a.bits]),
            activation.code.eq(self.codes[self.facts.a.bits :]),
            multiply.weight.eq(weight.decoded),
            multiply.activation.eq(activation.decoded),
            align.product.eq(multiply.product),
            sign.product.eq(multiply.product),
            self.result.product.eq(multiply.product),
            self.result.aligned.eq(align.term),
            self.result.signed.eq(sign.term),
        ]
        return m


def reader(layout: data.StructLayout, part: str, name: str):
    """Reads one field of one part of a packed integer; a layout view per code would take minutes."""
    inner = layout[part].shape
    offset, width = layout[part].offset + inner[name].offset, inner[name].width
    is_signed = getattr(inner[name].shape, "signed", False)

    def read(packed: int) -> int:
        value = packed >> offset & ((1 << width) - 1)
        return value - (1 << width) if is_signed and value >> (width - 1) else value

    return read


def fixed_values(fmt: formats.Format) -> list[int | None]:
    """Value of every code in units of the format's least step, None for specials."""
    step = Fraction(2) ** fmt.min_exponent
    values = (fmt.decode(code).value_or_none() for code in range(1 << fmt.bits))
    return [None if value is None else int(value / step) for value in values]


def check_pair(a: str, b: str, style: Literal["logic", "operator"], every_input) -> None:
    facts = Product(formats.get(a), formats.get(b))
    dut = CodesToProduct(facts, style)
    offset = product_exponent_offset(facts) if facts.exponent_span else 0
    read = {
        (part, name): reader(dut.layout, part, name)
        for part, names in (("product", ("sign", "significand", "carry", "exponent")), ("aligned", ("significand", "carry")),
                            ("signed", ("significand", "carry")))
        for name in names
    }  # fmt: skip
    first, second = fixed_values(facts.a), fixed_values(facts.b)
    compared = 0
    for codes, packed in enumerate(every_input(dut, "codes", "result")):
        x, y = first[codes & ((1 << facts.a.bits) - 1)], second[codes >> facts.a.bits]
        if x is None or y is None:
            continue
        sign, carry = read["product", "sign"](packed), read["product", "carry"](packed)
        exponent = max(read["product", "exponent"](packed) - offset, 0)
        product = (-1) ** sign * (read["product", "significand"](packed) + carry) << exponent
        aligned = read["aligned", "significand"](packed) + read["aligned", "carry"](packed)
        applied = read["signed", "significand"](packed) + read["signed", "carry"](packed) << exponent
        assert (product, aligned, applied) == (x * y, x * y, x * y), f"codes {codes:#x} of {a} x {b}"
        compared += 1
    assert compared == (len(first) - first.count(None)) * (len(second) - second.count(None))


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_every_pair_of_codes(a, b, every_input):
    check_pair(a, b, "logic", every_input)


@pytest.mark.parametrize(("a", "b"), [("INT4", "INT4"), ("E2M1", "E2M1"), ("UINT4", "INT3"), ("E2M3", "E2M3")])
def test_every_pair_of_codes_by_operator(a, b, every_input):
    check_pair(a, b, "operator", every_input)


@pytest.mark.long
@pytest.mark.parametrize(
    ("a", "b"), [("INT8", "INT8"), ("E4M3", "E4M3"), ("E5M2", "E5M2"), ("UINT8", "INT8"), ("E3M4", "E4M3")]
)
@pytest.mark.parametrize("style", ["logic", "operator"])
def test_every_pair_of_codes_in_both_styles(a, b, style, every_input):
    check_pair(a, b, style, every_input)


def test_init_wrong_style():
    facts = Product(formats.get("INT8"), formats.get("INT8"))
    with pytest.raises(ValueError, match="Multiplier style must be 'logic' or 'operator', not 'booth'"):
        Multiplier(product=facts, style="booth")  # pyright: ignore[reportArgumentType]
