"""Formulations of one function: every pair of codes through a lane, sums at their ends, whole units against golden."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.lib import data
from amaranth.sim import Simulator

from bitmill import ExactAccumulator, FloatAccumulator, MacConfig, formats
from bitmill.config.accumulators import FixedAccumulator
from bitmill.formats import Product
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.hdl.products.row_multiplier import RowMultiplier, row_parts
from bitmill.hdl.sums.adder_tree import TermRange
from bitmill.hdl.sums.binned_aligner import bins
from bitmill.hdl.sums.parts_tree import Part, PartsTree
from bitmill.sim import verify

from .codes_to_term import CodesToTerm

FORMULATIONS: dict[str, dict[str, Any]] = {
    "barrel": {"aligner": "barrel"},
    "placed": {"aligner": "placed"},
    "binned": {"aligner": "binned"},
    "columns": {"multiplier": "columns"},
    "recoded": {"multiplier": "recoded"},
}
ROWS = ("columns", "recoded")
MAGNITUDES = [("E4M3", "E4M3"), ("E2M1", "E4M3"), ("E3M2", "E2M3"), ("E2M0", "E1M1"), ("FLINT4", "E2M1"), ("E5M2", "E2M1"),
              ("E2M0", "E2M0")]  # fmt: skip
INTEGERS = [
    ("INT8", "INT8"),
    ("INT4", "INT8"),
    ("UINT4", "INT3"),
    ("INT3", "UINT5"),
    ("INT2", "INT5"),
    ("INT8_SYM", "INT3"),
]
LANES = [(name, *pair) for name in FORMULATIONS for pair in (INTEGERS if name in ROWS else MAGNITUDES)]


def unit(weight, activation, *, lanes=2, pipeline=0, **fields):
    return MacConfig(weight=weight, activation=activation, unit="dot", lanes=lanes, pipeline=pipeline, **fields)


def numbers(layout, biased):
    """How to read significand plus carry of a packed term; a biased one has its sign bit inverted."""
    bits = layout["significand"].width
    carry_bit = bits if layout["carry"].width else None

    def read(packed):
        significand = packed & (1 << bits) - 1
        if biased:
            significand -= 1 << (bits - 1)
        elif significand >> (bits - 1):
            significand -= 1 << bits
        return significand + (0 if carry_bit is None else packed >> carry_bit & 1)

    return read


def fixed_values(name):
    """Value of every code in units of the format's least step, None for specials."""
    fmt = formats.get(name)
    values = (fmt.decode(code).value_or_none() for code in range(1 << fmt.bits))
    return [None if value is None else int(value * 2**-fmt.min_exponent) for value in values]


@pytest.mark.parametrize(("name", "weight", "activation"), LANES)
def test_every_pair_of_codes(name, weight, activation, every_input):
    config = unit(weight, activation, **FORMULATIONS[name])
    dut = CodesToTerm(config)
    layout = dut.term.shape()
    assert isinstance(layout, data.StructLayout)
    if "part0" in dict(iter(layout)):
        parts = bins(config.product) if name == "binned" else row_parts(config.product)
        fields = [(layout[f"part{i}"], part.place) for i, part in enumerate(parts)]
        read = [(layout[f"part{i}"].offset, numbers(field.shape, name in ROWS), place)
                for i, (field, place) in enumerate(fields)]  # fmt: skip
    else:
        read = [(0, numbers(layout, biased=True), 0)]
    first, second = fixed_values(weight), fixed_values(activation)
    for codes, packed in enumerate(every_input(dut, "codes", "term")):
        x, y = first[codes & (len(first) - 1)], second[codes >> dut.bits]
        if x is not None and y is not None:
            value = sum(number(packed >> offset) << place for offset, number, place in read)
            assert value == x * y, f"codes {codes:#x} of {weight} x {activation}"


def sums(tree, parts, steps):
    """What a tree makes of each step's ``(significand, carry)`` per part of every lane."""
    found = []

    async def bench(ctx):
        ctx.set(tree.enable, 1)
        for step in steps:
            for lane, term in enumerate(step):
                for index, (significand, carry) in enumerate(term):
                    port = getattr(tree.term(lane), f"part{index}")
                    bias = 1 << (len(port.significand) - 1) if parts[index].terms.biased else 0
                    ctx.set(
                        port.significand, significand + (-bias if significand >= 0 else bias) if bias else significand
                    )
                    ctx.set(port.carry, carry)
            await ctx.tick().repeat(tree.LATENCY)
            found.append(ctx.get(tree.sum.significand) + ctx.get(tree.sum.carry))

    simulator = Simulator(tree)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


@pytest.mark.parametrize("lanes", [2, 3, 5, 8])
def test_sums_of_rows_at_their_ends(lanes):
    product = Product(formats.get("INT8"), formats.get("INT8"))
    parts = row_parts(product)
    # -256 = twice -128 and 255 = the complement of that are the ends of nine bits; only the latter needs its carry.
    ends = [(-256, 0), (255, 1), (254, 0), (-128, 1), (0, 0)]
    tree = PartsTree(lanes=lanes, parts=parts, sum_layout=room_for(lanes))
    steps = [[[end] * 4] * lanes for end in ends] + [
        [[ends[(lane + row) % 5] for row in range(4)] for lane in range(lanes)]
    ]
    expected = [sum((s + c) * 4**row for term in step for row, (s, c) in enumerate(term)) for step in steps]
    assert sums(tree, parts, steps) == expected


def room_for(lanes):
    """Room for any sum of rows: 85 times 256 a lane."""
    wide = TermRange(-(85 << 8), 85 << 8, carry=True)
    return wide.layout(lanes)


def test_widths_by_hand():
    parts = row_parts(Product(formats.get("INT8"), formats.get("INT8")))
    assert [part.place for part in parts] == [0, 2, 4, 6]
    widths = [parts[0].terms.layout(lanes)["significand"].width for lanes in (1, 2, 3, 32, 257)]
    assert widths == [9, 10, 11, 14, 18]
    # UINT4 has digits for 5 bits, of which INT8's multiples have a bit for twice -128.
    mixed = row_parts(Product(formats.get("UINT4"), formats.get("INT8")))
    assert [(part.place, part.terms.layout(1)["significand"].width) for part in mixed] == [(0, 9), (2, 9), (4, 9)]
    # E4M3: exponent fields 2 to 30 in bins of 16; shifts reach 13 (15 less the 2 that never occur) and 14.
    halves = bins(Product(formats.get("E4M3"), formats.get("E4M3")))
    assert [(part.place, part.terms.high) for part in halves] == [(0, 255 << 13), (14, 255 << 14)]


# Shifters differ within a lane only; terms in parts pass through every register that there may be.
DEPTHS = [("barrel", 2), ("placed", 3), *((name, depth) for name in ("binned", *ROWS) for depth in (0, 1, 2, 3))]


@pytest.mark.parametrize(("name", "pipeline"), DEPTHS)
def test_units_against_golden(name, pipeline):
    check_unit(name, pipeline)


@pytest.mark.long
@pytest.mark.parametrize("name", ["barrel", "placed"])
@pytest.mark.parametrize("pipeline", [0, 1, 2, 3])
def test_shifters_at_every_depth(name, pipeline):
    check_unit(name, pipeline, "E5M2")


def check_unit(name, pipeline, activation="E2M1"):
    weight, activation = ("INT8", "INT6") if name in ROWS else ("E4M3", activation)
    accumulators = (ExactAccumulator(), FloatAccumulator(), FixedAccumulator(width=14, overflow="wrap"),
                    FloatAccumulator(format="BF16", fused=6))  # fmt: skip
    config = unit(
        weight,
        activation,
        lanes=3,
        pipeline=pipeline,
        k_max=24,
        accumulator=accumulators[pipeline],
        **FORMULATIONS[name],
    )
    result = verify(config, seed=21 + pipeline, dot_products=30, corner_steps=40)
    assert result.mismatches == 0
    assert result.output_stalls > 0
    assert result.resets >= 1


@pytest.mark.parametrize("name", ["binned", *ROWS])
def test_array_against_golden(name):
    pair = "INT8" if name in ROWS else "E4M3"
    config = MacConfig(
        weight=pair, activation=pair, unit="array", rows=2, cols=2, lanes=2, k_max=16, **FORMULATIONS[name]
    )
    assert verify(config, seed=29, dot_products=12, corner_steps=16).mismatches == 0


@pytest.mark.parametrize("name", FORMULATIONS)
def test_latency(name):
    """The parts of a term are put together in a cycle of their own where trees have registers."""
    pair = "INT8" if name in ROWS else "E4M3"
    aligned = int(name not in ROWS)
    apart = int(name in ("binned", *ROWS))
    latencies = [
        build(unit(pair, pair, lanes=32, pipeline=stages, **FORMULATIONS[name])).LATENCY for stages in range(4)
    ]
    assert latencies == [2, 3, 3 + aligned, 3 + aligned + 3 + apart]


def test_every_exponent_bit_is_a_step_of_the_barrel_only():
    """E4M3's products have exponent fields of five bits: steps of 1, 2, 4, 8 and 16."""
    steps = {
        name: [
            step
            for step in (1, 2, 4, 8, 16, 32)
            if f" shifted{step};" in verilog.emit(unit("E4M3", "E4M3", aligner=name))
        ]
        for name in ("grouped", "barrel", "placed", "binned")
    }
    assert steps == {"grouped": [1, 2, 4], "barrel": [1, 2, 4, 8, 16], "placed": [], "binned": [1, 2, 4, 8]}


def test_the_usual_formulation_is_not_mentioned():
    config = unit("E4M3", "E4M3", aligner="grouped")
    assert "aligner" not in config.to_dict()
    assert config == unit("E4M3", "E4M3")
    other = unit("E4M3", "E4M3", aligner="barrel")
    assert MacConfig.from_dict(other.to_dict()) == other
    assert "barrel aligner" in other.title
    assert "barrel aligner" in verilog.emit(other)


WRONG = {
    "rows of a name": (RowMultiplier, {"product": "INT8"}, TypeError, "RowMultiplier product must be a Product, not 'INT8'"),
    "tree of one lane": (
        PartsTree, {"lanes": 1, "parts": [], "sum_layout": None}, ValueError, "PartsTree lanes must be at least 2, not 1"
    ),
    "tree of nothing": (
        PartsTree, {"lanes": 2, "parts": [], "sum_layout": None}, ValueError, "PartsTree parts must begin with one of place 0"
    ),
    "tree above the bottom": (
        PartsTree, {"lanes": 2, "parts": [Part(1, TermRange(0, 1, carry=False))], "sum_layout": None}, ValueError,
        "PartsTree parts must begin with one of place 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_init_wrong_arguments(case):
    component, arguments, error, message = WRONG[case]
    with pytest.raises(error) as caught:
        component(**arguments)
    assert str(caught.value).startswith(message)
