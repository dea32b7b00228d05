"""Two products by one multiplication: every triple of codes of narrow operands, proofs, whole arrays, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth import Module, unsigned
from amaranth.hdl import Assert, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from bitmill import BitmillError, MacConfig, formats
from bitmill.config.formulations import PACKED
from bitmill.formats import Product
from bitmill.formats.packing import packing, packs
from bitmill.fpga.synthesis import synthesize
from bitmill.hdl.emit.verilog import TOP, emit
from bitmill.hdl.families import HARDWARE
from bitmill.hdl.mac.decoder import Decoder
from bitmill.hdl.products.packed_multiplier import PackedMultiplier
from bitmill.sim import verify

WAYS = {
    ("INT8", "INT4"): True, ("INT4", "INT4"): False, ("INT6", "UINT5"): False, ("UINT8", "INT4"): False,
    ("INT4", "INT5"): False, ("UINT3", "INT6"): False,
}  # fmt: skip
"""Shared operand and the other one, at most 16 bits of codes, and whether the lower of both is raised to be positive."""


class Products(wiring.Component):
    """Codes of a weight and two activations in; both products out, and, if ``claims``, asserted to be those of two ``*``."""

    def __init__(self, weight: str, activation: str, *, claims: bool = False) -> None:
        self.claims = claims
        self.facts = Product(formats.get(weight), formats.get(activation))
        w, a = self.facts.a.bits, self.facts.b.bits
        self.codes_layout = data.StructLayout({"weight": w, "activation": data.ArrayLayout(unsigned(a), 2)})
        super().__init__({"codes": In(self.codes_layout), "products": Out(data.ArrayLayout(unsigned(32), 2))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.weight = weight = Decoder(fmt=self.facts.a)
        m.submodules.multiply = multiply = PackedMultiplier(product=self.facts)
        m.d.comb += [weight.code.eq(self.codes.weight), multiply.weight.eq(weight.decoded)]
        for place in range(2):
            m.submodules[f"activation{place}"] = activation = Decoder(fmt=self.facts.b)
            product = Value.cast(multiply.product[place].significand) + multiply.product[place].carry
            m.d.comb += [
                activation.code.eq(self.codes.activation[place]),
                multiply.activation[place].eq(activation.decoded),
                self.products[place].eq(product),
            ]
            if self.claims:
                m.d.comb += Assert(product == weight.decoded.significand * activation.decoded.significand)
        return m


SHORT = (("INT8", "INT4"), ("INT4", "INT4"), ("UINT3", "INT6"))


@pytest.mark.parametrize(
    ("weight", "activation"), [pytest.param(*pair, marks=[pytest.mark.long] * (pair not in SHORT)) for pair in WAYS]
)
def test_every_triple_of_codes(weight: str, activation: str, every_input: Any) -> None:
    component = Products(weight, activation)
    w, a = component.facts.a, component.facts.b
    assert packing(component.facts).biased == WAYS[weight, activation]
    for codes, packed in enumerate(every_input(component, "codes", "products")):
        shared = w.decode(codes & (1 << w.bits) - 1).value
        for place in range(2):
            code = codes >> (w.bits + place * a.bits) & (1 << a.bits) - 1
            assert packed >> 32 * place & 0xFFFFFFFF == int(shared * a.decode(code).value) % (1 << 32), hex(codes)


@pytest.mark.parametrize(
    ("weight", "activation"),
    [
        ("INT6_SYM", "INT4_SYM"),
        *(pytest.param(*pair, marks=pytest.mark.long) for pair in (("INT8", "INT4"), ("INT4", "INT6"))),
    ],
)
def test_products_are_proved(weight: str, activation: str, prove: Any) -> None:
    prove(Products(weight, activation, claims=True))


def array(weight: str, activation: str, cols: int, **fields: Any) -> MacConfig:
    shape = {"unit": "array", "rows": 2, "cols": cols, "k_max": 24, "multiplier": "packed"}
    return MacConfig.from_dict({"weight": weight, "activation": activation, **shape, **fields})


@pytest.mark.parametrize(
    "config",
    [
        array("INT8", "INT4", 4),
        array("INT8", "INT8", 3, lanes=2),
        array("INT8", "INT4_SYM", 2, lanes=2, pipeline=0),
        array("INT6", "UINT4", 1, accumulator={"kind": "float"}),
    ],
    ids=lambda config: f"{config.weight}-{config.activation}-{config.cols}",
)
def test_arrays_are_golden(config: MacConfig) -> None:
    assert verify(config, seed=1, engine="compiled", dot_products=40, corner_steps=40).results > 40


@pytest.mark.long
def test_a_netlist_is_golden() -> None:
    config = array("INT8", "INT4", 2, rows=1)
    assert verify(config, seed=1, engine="compiled", netlist="ecp5", dot_products=20, corner_steps=20).level == "ecp5"


@pytest.mark.parametrize(
    ("pair", "target"),
    [
        (("INT8", "INT4"), "ecp5"),
        pytest.param(("INT8", "INT4"), "ice40", marks=pytest.mark.long),
        pytest.param(("INT8", "INT8"), "xilinx7", marks=pytest.mark.long),
    ],
)
def test_blocks_halve(pair: tuple[str, str], target: Any) -> None:
    dsp = {
        multiplier: synthesize(emit(array(*pair, 2, rows=1, multiplier=multiplier)), TOP, target, dsp=True).counts.dsp
        for multiplier in ("operator", "packed")
    }
    assert dsp == {"operator": 2, "packed": 1}


def test_a_slice_multiplies_as_the_array_does() -> None:
    few = HARDWARE.of(array("INT8", "INT4", 8)).slice
    assert few is not None
    found = [few(array("INT8", "INT4", 8, rows=8, lanes=8, multiplier=name)) for name in ("packed", "operator")]
    assert [(config.rows, config.cols) for config in found] == [(2, 2), (2, 1)]


def test_both_operands_fit_the_block_that_they_are_for() -> None:
    found = {
        (a, b): packing(Product(formats.get(a), formats.get(b)))
        for a, b in (("INT8", "INT4"), ("INT8", "INT5"), ("INT8", "INT8"), ("INT4", "INT8"), ("UINT8", "INT8"))
    }
    assert {pair: (row.distance, row.bits, row.block) for pair, row in found.items()} == {
        ("INT8", "INT4"): (12, 16, 16),
        ("INT8", "INT5"): (13, 18, 18),
        ("INT8", "INT8"): (16, 25, 25),
        ("INT4", "INT8"): (12, 21, 25),
        ("UINT8", "INT8"): (16, 25, 25),
    }
    assert not packs(Product(formats.get("INT8"), formats.get("INT16")))
    assert not packs(Product(formats.get("UINT8"), formats.get("UINT8")))
    assert not packs(Product(formats.get("INT8"), formats.get("UINT1")))


USUAL = "multiplier must be 'logic' or 'operator' for"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"unit": "dot", "rows": 1, "cols": 1, "lanes": 2},
         f"{USUAL} a unit whose products share no operand, which arrays' do, not 'packed'"),
        ({"weight": "E4M3"},
         f"{USUAL} pairs that are not of {PACKED}, not 'packed'"),
        ({"accumulator": {"kind": "float"}, "scale": "E8M0"}, f"{USUAL} steps with scales, not 'packed'"),
        ({"accumulator": {"kind": "window", "width": 9}}, f"{USUAL} a window accumulator, not 'packed'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BitmillError) as caught:
        MacConfig.from_dict({**array("INT8", "INT4", 2).to_dict(), **fields})
    assert str(caught.value) == f"configuration: {message}"


def test_the_component_refuses_other_facts() -> None:
    with pytest.raises(TypeError, match="PackedMultiplier product must be a Product, not 'INT8'"):
        PackedMultiplier(product="INT8")  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        ValueError, match="PackedMultiplier product must be of integers that fit side by side, not Product"
    ):
        PackedMultiplier(product=Product(formats.get("E4M3"), formats.get("E4M3")))
