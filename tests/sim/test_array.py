"""Arrays against golden: every kind of PE, ragged tiles back to back, random stalls, resets, RTL and netlist."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bitmill import BitmillError, MacConfig
from bitmill.hdl import Array, build
from bitmill.hdl.emit import verilog
from bitmill.sim import Verification, verify
from bitmill.sim.job import Job, Phase
from bitmill.sim.runner import SimulationError, simulate
from bitmill.sim.tile_traffic import Tile, TileTraffic, steps_of


def array(weight: str, activation: str | None = None, **fields: object) -> MacConfig:
    return MacConfig.from_dict({"weight": weight, "activation": activation or weight, "unit": "array", **fields})


KINDS = [
    array("INT8", rows=3, cols=4, k_max=64),
    array("INT4", "INT8", rows=2, cols=2, lanes=4, k_max=64),
    array("E2M1", rows=5, cols=1, k_max=40),
    array("E4M3", rows=2, cols=3, k_max=40),
    array("E5M2", "E4M3", rows=2, cols=2, k_max=24, accumulator={"kind": "float"}),
    array("E2M1", "E4M3", rows=1, cols=3, lanes=2, k_max=64, multiplier="operator"),
    array("E3M2", rows=2, cols=2, lanes=3, k_max=30),
    array("INT8", rows=2, cols=3, k_max=40, accumulator={"kind": "fixed", "width": 18, "overflow": "saturate"}),
    array("E4M3", rows=2, cols=2, lanes=4, k_max=40, accumulator={"kind": "window", "width": 12}),
    array("E2M1", "E4M3", rows=1, cols=2, k_max=24, accumulator={"kind": "float", "format": "FP16", "fused": 8}),
]
BLOCKS = [
    array("INT4", rows=18, cols=3, k_max=64),
    array("E2M1", rows=33, cols=2, k_max=40),
    array("INT3", "INT2", rows=17, cols=1, lanes=2, k_max=64),
]
"""More than 16 rows, which are built in blocks, full ones and what is left."""
NETLISTS = [(KINDS[0], "ecp5", "cocotb"), (KINDS[3], "generic", "cocotb")]
NETLISTS += [
    # Those that the testbench plays already are played compiled in `make test-all`.
    pytest.param(config, "ecp5" if index % 2 else "generic", "compiled", marks=[pytest.mark.long] * (index in (0, 3)))
    for index, config in enumerate(KINDS)
]


def check(result: Verification, config: MacConfig) -> None:
    assert result.mismatches == 0
    assert result.input_stalls > 0
    assert result.output_stalls > 0
    assert result.resets == 2
    assert result.discarded >= 0
    assert sum(phase.transactions for phase in result.phases[:3]) * config.cols == result.results > 0


@pytest.mark.parametrize("config", BLOCKS, ids=lambda config: config.title)
def test_an_array_of_blocks_is_golden(config):
    check(verify(config, seed=3, dot_products=6, corner_steps=70, engine="compiled"), config)


@pytest.mark.parametrize("config", KINDS, ids=lambda config: config.title)
@pytest.mark.parametrize("engine", ["cocotb", "compiled"])
def test_rtl_is_golden(config, engine):
    check(verify(config, seed=21, dot_products=24, corner_steps=24, engine=engine), config)


@pytest.mark.parametrize(("config", "kind", "engine"), NETLISTS, ids=lambda value: getattr(value, "title", value))
def test_netlist_is_golden(config, kind, engine):
    check(verify(config, seed=22, dot_products=12, corner_steps=12, netlist=kind, engine=engine), config)


@pytest.mark.parametrize("config", KINDS[:2], ids=lambda config: config.title)
def test_cycles_on_the_wires_are_the_formula(config):
    traffic, rng = TileTraffic(config), np.random.default_rng(5)
    steps = (3, 1, 2, 9, 4, 4, 4, 5)
    tiles = [random_tile(config, rng, count * config.lanes) for count in steps]
    counts = play(config, traffic.inputs(tiles), expected(traffic, tiles))
    unit = build(config)
    assert isinstance(unit, Array)
    assert counts.cycles == unit.cycles(steps)
    assert counts.beats == sum(steps)


def test_verify_finds_a_fault_in_one_pe():
    config = KINDS[0]
    text = verilog.emit(config)
    # The second PE of every row: its activations come from the first one.
    marker = "bitmill_top_pe  pe1 ("
    start = text.index(marker)
    place = text.index(".activation(", start)
    faulty = text[:place] + text[place:].replace(".activation(", ".activation(~", 1)
    with pytest.raises(BitmillError, match="first in result"):
        verify(config, seed=23, dot_products=8, corner_steps=8, verilog=faulty)


def test_missing_and_early_last_fail_in_one_line():
    config = KINDS[0]
    traffic, rng = TileTraffic(config), np.random.default_rng(6)
    tiles = [random_tile(config, rng, 6), random_tile(config, rng, 5)]
    inputs, results = traffic.inputs(tiles), expected(traffic, tiles)
    last = 1 << (traffic.layout.input_bits - 1)
    with pytest.raises(SimulationError, match="no transfer for 60 cycles"):
        play(config, [*inputs[:-1], inputs[-1] & ~last], results)
    with pytest.raises(SimulationError, match=r"wrong outputs|more outputs than"):
        play(config, [inputs[0] | last, *inputs[1:]], results)


def test_given_tiles_of_the_wrong_shape():
    config = KINDS[0]
    right, wrong = np.zeros((2, 3, 5), int), np.zeros((2, 3, 5), int)
    with pytest.raises(
        BitmillError, match=r"\[n, rows = 3, K\] and \[n, cols = 4, K\], not \[2, 3, 5\] and \[2, 3, 5\]"
    ):
        verify(config, seed=1, codes=(right, wrong))


def test_steps_are_filled_up_with_zeros_lane_by_lane():
    codes = np.arange(10).reshape(2, 5)
    assert steps_of(codes, 2, 99).tolist() == [[0, 1, 5, 6], [2, 3, 7, 8], [4, 99, 9, 99]]


def random_tile(config: MacConfig, rng: np.random.Generator, length: int) -> Tile:
    weights = rng.integers(0, 1 << config.weight_format.bits, (config.rows, length))
    return Tile(weights, rng.integers(0, 1 << config.activation_format.bits, (config.cols, length)), "random")


def expected(traffic: TileTraffic, tiles: list[Tile]) -> list[int]:
    return [payload for tile in traffic.expected(tiles) for payload in tile]


def play(config: MacConfig, inputs: Sequence[int], results: list[int]):
    layout = TileTraffic(config).layout
    job = Job(layout.input_bits, layout.output_bits, (Phase("back-to-back", inputs, results),), patience=60)
    return simulate(verilog.emit(config), "bitmill_top", job).phases[0]
