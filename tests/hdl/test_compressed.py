"""Sums in full adders: what every bit of a lane is worth, heaps at their ends, whole units against golden."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth import Module, Signal
from amaranth.lib import data
from amaranth.sim import Simulator

from bitmill import BitmillError, ExactAccumulator, FixedAccumulator, FloatAccumulator, MacConfig, formats
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.hdl.mac import formulations
from bitmill.hdl.sums.bit_heap import BitHeap
from bitmill.hdl.sums.compressed_tree import CompressedTree
from bitmill.hdl.sums.counted_aligner import fine_bits
from bitmill.hdl.sums.weights import Weights
from bitmill.sim import verify

from .codes_to_term import CodesToTerm

FORMULATIONS: dict[str, dict[str, Any]] = {
    "bits": {"multiplier": "bits"},
    "digits": {"multiplier": "digits"},
    "columns": {"multiplier": "columns"},
    "whole": {},
    "placed": {"aligner": "placed"},
    "binned": {"aligner": "binned"},
    "counted": {"aligner": "counted"},
    "in place": {"multiplier": "placed"},
}
INTEGERS = [("INT4", "INT4"), ("INT3", "UINT4"), ("UINT5", "INT2"), ("INT8_SYM", "INT5")]
MAGNITUDES = [("E2M1", "E2M1"), ("E3M2", "E2M1")]
PAIRS = [
    *((name, *pair) for name in ("bits", "digits", "columns", "whole") for pair in INTEGERS),
    *((name, *pair) for name in ("whole", "placed", "binned", "counted", "in place") for pair in MAGNITUDES),
    ("counted", "E4M3", "E4M3"), ("counted", "E5M2", "E2M3"), ("counted", "POT4", "E2M0"),
    ("whole", "UINT4", "UINT4"), ("whole", "NF4", "E2M1"), ("whole", "E2M1", "INT4"),
]  # fmt: skip


def unit(weight, activation, name, *, lanes=2, pipeline: Any = 0, **fields):
    chosen = {"reduction": "compressed", **FORMULATIONS[name], **fields}
    return MacConfig(weight=weight, activation=activation, unit="dot", lanes=lanes, pipeline=pipeline, **chosen)


def fixed_values(name):
    """Value of every code in units of the format's least step, None for specials."""
    fmt = formats.get(name)
    values = (fmt.decode(code).value_or_none() for code in range(1 << fmt.bits))
    return [None if value is None else int(value * 2**-fmt.min_exponent) for value in values]


@pytest.mark.parametrize(("name", "weight", "activation"), PAIRS)
def test_weights_of_every_pair_of_codes(name, weight, activation, every_input):
    config = unit(weight, activation, name)
    weights, sign = formulations.weights(config), -1 if formulations.negated(config) else 1
    dut = CodesToTerm(config)
    first, second = fixed_values(weight), fixed_values(activation)
    for codes, packed in enumerate(every_input(dut, "codes", "term")):
        x, y = first[codes & (len(first) - 1)], second[codes >> dut.bits]
        if x is not None and y is not None:
            found = weights.constant + sum(w * (packed >> bit & 1) for bit, w in enumerate(weights.bits))
            assert sign * found == x * y, f"codes {codes:#x} of {weight} x {activation}"


MADE_UP = Weights((1, 2, -4, 1, -7, 0, 12), constant=-5)
"""Powers of two of both signs, one of them twice, a bit that is worth none, and two that are worth no power of two."""


@pytest.mark.parametrize("lanes", [2, 3, 7, 32])
@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("registered", "waits"), [(False, True), (True, True), (False, False)])
def test_sums_of_any_weights(lanes, negated, registered, waits):
    term = data.StructLayout({"bits": 7})
    layout = data.StructLayout({"significand": 11, "carry": 1})
    tree = CompressedTree(
        lanes=lanes, term=term, weights=MADE_UP, sum_layout=layout, negated=negated, registered=registered, waits=waits
    )
    steps = [[0] * lanes, [127] * lanes, [0b0101011] * lanes, [0b1010100] * lanes]
    steps += [[(37 * lane + 11 * step * step) & 127 for lane in range(lanes)] for step in range(20)]
    found = []

    async def bench(ctx):
        ctx.set(tree.enable, 1)
        for step in steps:
            for lane, bits in enumerate(step):
                ctx.set(tree.term(lane).bits, bits)
            await (ctx.tick() if registered else ctx.delay(1e-9))
            found.append(ctx.get(tree.sum.significand))

    simulator = Simulator(tree)
    simulator.add_clock(1e-6, if_exists=True)
    simulator.add_testbench(bench)
    simulator.run()
    values = [sum(MADE_UP.constant + sum(w for bit, w in enumerate(MADE_UP.bits) if bits >> bit & 1) for bits in step)
              for step in steps]  # fmt: skip
    assert found == [(-value if negated else value) % (1 << 11) for value in values]


UNITS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "bits": ("bits", "INT4", "INT4", {"lanes": 5}),
    "bits of odd widths": ("bits", "UINT5", "INT3", {"pipeline": ("sum",), "lanes": 3}),
    "digits": ("digits", "INT8", "INT8", {}),
    "digits in all stages": ("digits", "INT5", "UINT4", {"pipeline": 3, "lanes": 3}),
    "columns": ("columns", "INT8", "INT6", {"pipeline": 1, "lanes": 3}),
    "operator": ("whole", "INT8", "INT4", {"multiplier": "operator"}),
    "E2M1": ("placed", "E2M1", "E2M1", {"lanes": 7}),
    "E2M1 in place": ("in place", "E2M1", "E2M1", {"pipeline": ("sum",), "lanes": 3}),
    "E3M2 in place, by two": ("in place", "E3M2", "E2M1", {"reduction": "tree", "pipeline": 3, "lanes": 3}),
    "E4M3 in bins": ("binned", "E4M3", "E2M1", {"pipeline": ("multiply",)}),
    "saturating": (
        "digits",
        "INT8",
        "INT8",
        {"accumulator": FixedAccumulator(width=14, overflow="saturate"), "saturated": True},
    ),
    "FP32": ("whole", "E2M1", "E2M1", {"accumulator": FloatAccumulator(), "pipeline": 3}),
    "NVFP4": (
        "in place",
        "E2M1",
        "E2M1",
        {"accumulator": FloatAccumulator(), "scale": "E4M3", "pipeline": ("sum", "scale")},
    ),
    "scaled, truncated": (
        "digits",
        "INT4",
        "INT4",
        {"accumulator": FloatAccumulator(format="FP16", rounding="truncate"), "scale": "E5M2"},
    ),
    "flat": ("digits", "INT8", "INT8", {"reduction": "flat", "lanes": 3}),
    "MXFP4, late": (
        "in place",
        "E2M1",
        "E2M1",
        {"reduction": "late", "accumulator": FloatAccumulator(), "scale": "E8M0", "lanes": 4, "saturated": True},
    ),
    "NVFP4, late, with registers": (
        "in place",
        "E2M1",
        "E2M1",
        {"reduction": "late", "accumulator": FloatAccumulator(), "scale": "E4M3", "pipeline": ("sum", "scale")},
    ),
    "late, truncated": (
        "digits",
        "INT4",
        "INT4",
        {"reduction": "late", "accumulator": FloatAccumulator(format="FP16", rounding="truncate"), "scale": "E5M2"},
    ),
    "late, with infinities": (
        "counted",
        "E5M2",
        "E2M1",
        {"reduction": "late", "accumulator": FloatAccumulator(), "scale": "E5M2", "lanes": 3},
    ),
    "MXFP4": ("placed", "E2M1", "E2M1", {"accumulator": FloatAccumulator(), "scale": "E8M0", "lanes": 4}),
}


@pytest.mark.parametrize("name", UNITS)
def test_units_against_golden(name):
    row, weight, activation, fields = UNITS[name]
    config = unit(weight, activation, row, k_max=24, **fields)
    result = verify(config, seed=31, dot_products=24, corner_steps=40, engine="compiled")
    assert result.mismatches == 0
    assert result.resets >= 1


@pytest.mark.parametrize("name", ["bits", "E2M1", "MXFP4, late"])
def test_units_under_icarus_or_verilator(name):
    row, weight, activation, fields = UNITS[name]
    config = unit(weight, activation, row, k_max=24, **fields)
    assert verify(config, seed=32, dot_products=12, corner_steps=20).mismatches == 0


@pytest.mark.parametrize("name", ["digits", "E2M1", "MXFP4, late"])
def test_netlists(name):
    row, weight, activation, fields = UNITS[name]
    config = unit(weight, activation, row, k_max=24, **fields)
    result = verify(config, seed=33, dot_products=12, corner_steps=20, netlist="generic", engine="compiled")
    assert result.mismatches == 0


def test_array_against_golden():
    config = MacConfig(
        weight="INT4", activation="INT4", unit="array", rows=2, cols=2, lanes=2, k_max=16, pipeline=0,
        multiplier="bits", reduction="compressed",
    )  # fmt: skip
    assert verify(config, seed=29, dot_products=12, corner_steps=16, engine="compiled").mismatches == 0


def test_latency_and_where_the_register_is():
    """Sums of all lanes are one stage; without registers an exact accumulator has no reduction of its own."""
    latencies = [build(unit("INT8", "INT8", "digits", lanes=32, pipeline=stages)).LATENCY for stages in range(4)]
    assert latencies == [2, 3, 3, 4]
    merged = [formulations.circuit(unit("INT8", "INT8", "digits", pipeline=stages)) for stages in range(4)]
    assert merged == ["merged", "merged", "merged", "exact"]
    assert formulations.circuit(unit("INT8", "INT8", "digits", pipeline=("sum",))) == "exact"
    scaled = unit("E2M1", "E2M1", "whole", accumulator=FloatAccumulator(), scale="E8M0")
    assert formulations.circuit(scaled) == "lean scaled"
    assert formulations.circuit(unit("INT8", "INT8", "whole", accumulator=FloatAccumulator())) == "lean float"


@pytest.mark.parametrize("scale", ["E8M0", "E4M3"])
def test_late_units_take_a_cycle_more(scale):
    fields = {"accumulator": FloatAccumulator(), "scale": scale}
    usual, late = (build(unit("E2M1", "E2M1", "in place", reduction=name, **fields)) for name in ("flat", "late"))
    assert (usual.LATENCY, late.LATENCY) == (2, 3)


def test_no_carry_runs_along_a_heap_that_does_not_wait():
    """Beside the places where bits of lanes end stand two bits each, of an accumulator and of a constant."""
    depths = {}
    for waits in (True, False):
        heap = BitHeap(Module(), 60)
        for place in range(60):
            for _ in range(32 if place < 20 else 2):
                heap.add(place, Signal())
        heap.rows(waits=waits)
        depths[waits] = max(arrival for bits in heap._places for arrival, _, _ in bits)
    assert depths[True] > 40
    assert depths[False] < 16


def test_one_full_adder_a_bit():
    """Of 16 bits a lane, the register's 20 and a constant of 20 or less, two rows of 20 or less are left."""
    text = verilog.emit(unit("INT4", "INT4", "bits", lanes=32, accumulator=ExactAccumulator()))
    adders = text.count("wire [1:0] heap")
    assert 32 * 16 + 20 - 2 * 20 <= adders <= 32 * 16 + 20


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bits without it": (
        {"multiplier": "bits"}, "reduction must be 'compressed', 'flat' or 'late' for multiplier 'bits', not 'tree'",
    ),
    "digits of one lane": (
        {"multiplier": "digits", "reduction": "compressed", "lanes": 1, "unit": "mac"},
        "multiplier must be 'logic' or 'operator' for 1 lane, not 'digits'",
    ),
    "bits of floats": (
        {"weight": "E2M1", "multiplier": "bits", "reduction": "compressed"},
        "multiplier must be 'logic' or 'operator' for pairs that are not of signed integers, not 'bits'",
    ),
    "columns with an aligner": (
        {"weight": "E2M1", "activation": "E2M1", "multiplier": "digits", "reduction": "compressed"},
        "multiplier must be 'logic' or 'operator' for pairs that are not of signed integers, not 'digits'",
    ),
    "many exponents in place": (
        {"weight": "E4M3", "activation": "E4M3", "multiplier": "placed"},
        "for pairs that are not of signs, magnitudes and at most 16 exponents, not 'placed'",
    ),
    "late without scales": (
        {"reduction": "late"}, "reduction must be 'tree' for steps without scales, not 'late'",
    ),
    "late of fused steps": (
        {"reduction": "late", "scale": "E8M0", "accumulator": {"kind": "float", "fused": 8}},
        "reduction must be 'tree' for sums of several steps, not 'late'",
    ),
    "late in an array": (
        {"reduction": "late", "scale": "E8M0", "unit": "array", "accumulator": {"kind": "float"}},
        "reduction must be 'tree' for an array, not 'late'",
    ),
    "windows": (
        {"reduction": "compressed", "accumulator": {"kind": "window", "width": 24}},
        "reduction must be 'tree' for a window accumulator, not 'compressed'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    fields, message = REFUSED[case]
    with pytest.raises(BitmillError) as caught:
        MacConfig.from_dict({"weight": "INT4", "activation": "INT4", "unit": "dot", "lanes": 4, **fields})
    assert str(caught.value).endswith(message)


def test_init_wrong_arguments():
    term = data.StructLayout({"bits": 2})
    with pytest.raises(ValueError, match="CompressedTree lanes must be at least 2, not 1"):
        CompressedTree(lanes=1, term=term, weights=Weights((1, 2)), sum_layout=term)
    with pytest.raises(ValueError, match="CompressedTree weights must have 2 bits, as a term has, not"):
        CompressedTree(lanes=2, term=term, weights=Weights((1,)), sum_layout=term)


@pytest.mark.parametrize(("name", "fine"), [("E3M2", 2), ("E4M3", 3), ("E5M2", 4)])
def test_fine_shifts_of_counted_aligners(name, fine):
    """The least on sky130: E3M2 93 gates a lane and 4 counts against 110 and 2, E5M2 203 and 4 against 190 and 8."""
    product = formats.Product(formats.get(name), formats.get(name))
    assert fine_bits(product) == fine


@pytest.mark.parametrize("scale", ["E8M0", "E4M3"])
def test_sums_around_the_least_normal_number(scale):
    """Corners of scales and formats: differences of one last place, powers of two, and what is below subnormal numbers."""
    config = unit(
        "E2M1", "E2M1", "in place", lanes=2, k_max=64, scale=scale, accumulator=FloatAccumulator(format="FP16")
    )
    assert verify(config, seed=5, dot_products=150, corner_steps=300, engine="compiled").mismatches == 0
