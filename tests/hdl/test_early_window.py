"""Windows with early signs, added two by two or in one tree: golden's bits, where windows lose bits, none, or are narrow."""

import itertools

import pytest

from bitmill import BitmillError, MacConfig
from bitmill.hdl import build
from bitmill.hdl.accumulators import table
from bitmill.hdl.accumulators.lean_float import LeanWindowAccumulator
from bitmill.hdl.accumulators.merged_window import MergedWindowAccumulator
from bitmill.hdl.mac import step_terms
from bitmill.sim import verify

from .test_units import run


def unit(weight="E4M3", activation="E4M3", *, width=24, rounding="nearest-even", lanes=3, pipeline=0, **fields):
    accumulator = {"kind": "window", "width": width, "rounding": rounding}
    return MacConfig.from_dict({
        "weight": weight, "activation": activation, "unit": "dot", "lanes": lanes, "k_max": 30, "pipeline": pipeline,
        "accumulator": accumulator, "aligner": "early", **fields,
    })  # fmt: skip


PAIRS = [("E4M3", "E4M3"), ("E5M2", "E2M1"), ("E2M1", "E2M1"), ("E3M0", "E2M0"), ("POT4", "E2M1")]
WIDTHS = [4, 7, 12, 24, 48]


@pytest.mark.parametrize(
    ("pair", "width", "rounding"),
    [
        case
        for index, case in enumerate(itertools.product(PAIRS, WIDTHS, ("nearest-even", "truncate")))
        if index % 3 == 0
    ],
    ids=str,
)
def test_units_against_golden(pair, width, rounding):
    result = verify(unit(*pair, width=width, rounding=rounding), seed=width, dot_products=30, corner_steps=60)
    assert (result.mismatches, result.output_stalls > 0) == (0, True)


@pytest.mark.parametrize(
    ("pair", "width", "rounding"),
    [
        case
        for index, case in enumerate(itertools.product(PAIRS, WIDTHS, ("nearest-even", "truncate")))
        if index % 6 == 1
    ],
    ids=str,
)
def test_units_with_one_tree_against_golden(pair, width, rounding):
    config = unit(*pair, width=width, rounding=rounding, reduction="carried", lanes=2 + width % 3)
    assert table.for_config(config) is MergedWindowAccumulator
    result = verify(config, seed=width, dot_products=30, corner_steps=60, engine="compiled")
    assert (result.mismatches, result.output_stalls > 0) == (0, True)


def test_sums_that_cancel_above_an_accumulator_that_left_the_window():
    """Terms of great exponents that sum to 0 leave the accumulator as it is, though all its bits were shifted out."""
    config = unit("E5M2", "E5M2", width=4, reduction="carried", lanes=2)
    one, great, minus = 0x3C, 0x7B, 0xFB
    dots = [([small, 0, great, minus], [one, 0, great, great]) for small in (0x01, 0x81, 0x02, one)]
    results, _ = run(build(config), dots, seed=0, stall=0.3)
    alone, _ = run(build(config), [(weights[:2], activations[:2]) for weights, activations in dots], seed=0, stall=0)
    assert results == alone
    assert len({value for value, _, _ in alone}) == len(dots)


@pytest.mark.parametrize(("pipeline", "latency"), [(1, 1), (3, 4), (["sum"], 1), (["reduce"], 3)])
def test_registers_of_one_tree(pipeline, latency):
    """With registers behind the sum the accumulator takes one number; the tree has one stage, whatever the lanes."""
    config = unit(pipeline=pipeline, lanes=6, reduction="carried")
    assert step_terms.latency(config) == latency
    assert (table.for_config(config) is LeanWindowAccumulator) == (pipeline != 1)
    assert verify(config, seed=3, dot_products=20, corner_steps=30, engine="compiled").mismatches == 0


def test_one_tree_under_icarus_or_verilator_and_as_gates():
    config = unit(width=12, reduction="carried")
    assert verify(config, seed=4, dot_products=12, corner_steps=20).mismatches == 0
    assert (
        verify(config, seed=4, dot_products=12, corner_steps=20, netlist="generic", engine="compiled").mismatches == 0
    )


@pytest.mark.parametrize(("pipeline", "latency"), [(1, 1), (3, 4), (["sum"], 1), (["reduce"], 3)])
@pytest.mark.parametrize("engine", ["compiled", "cocotb"])
def test_registers(pipeline, latency, engine):
    config = unit(pipeline=pipeline, lanes=4)
    assert step_terms.latency(config) == latency
    assert verify(config, seed=3, dot_products=20, corner_steps=30, engine=engine).mismatches == 0


def test_it_is_for_windows():
    with pytest.raises(BitmillError, match="aligner must be 'grouped' for a exact accumulator, not 'early'"):
        unit().from_dict({**unit().to_dict(), "accumulator": {"kind": "exact"}})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"accumulator": {"kind": "exact"}, "aligner": "grouped"},
         "reduction must be 'tree' for a exact accumulator, not 'carried'"),
        ({"aligner": "grouped"}, "aligner must be 'early' for reduction 'carried', not 'grouped'"),
    ],
)  # fmt: skip
def test_one_tree_is_for_windows_with_early_signs(fields, message):
    with pytest.raises(BitmillError, match=message):
        MacConfig.from_dict({**unit(reduction="carried").to_dict(), **fields})
