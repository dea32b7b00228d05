"""The quantizer to DialectFP4: ranges of dialects by hand, numbers all along a block's range, a block a cycle."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill import BitmillError
from bitmill.config.dialect_quantizer import DialectQuantizerConfig
from bitmill.config.family import config_of
from bitmill.golden.dialect import quantize_online
from bitmill.golden.quantizers.dialect import dialect_codes
from bitmill.hdl.dialect.quantizer import DialectQuantizer
from bitmill.hdl.dialect.ranges import better_range, steps_up
from bitmill.hdl.emit import verilog
from bitmill.sim.block_traffic import BlockTraffic
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_payload import StepItem


def half_units(places):
    """Of the first and the last place of an open range, its ends."""
    first, last = places
    assert first % 2 == last % 2 == 1
    return (first - 1) / 4, (last + 1) / 4


def test_better_ranges():
    """With 6 11 15 against 6 9 15: 11 is nearer than 9 from 10, 15 as near from 13; 9 is nearer than 6 from 7.5 to 10."""
    assert half_units(better_range(0, 1)) == (10, 13)
    assert half_units(better_range(1, 0)) == (7.5, 10)
    # 4 6 7 8 against 4 5 6 8.
    assert half_units(better_range(14, 15)) == (6.5, 7.5)
    assert half_units(better_range(15, 14)) == (4.5, 5.5)


def test_first_places_of_codes():
    """E2M1 in quarters of half-units: middles 0.5, 1.5, 2.5, 3.5, 5, 7, 10; a tie goes to the even code."""
    assert steps_up(7) == (3, 6, 11, 14, 21, 28, 41)


def simulated(config, items):
    traffic = BlockTraffic(config)  # pyright: ignore[reportArgumentType]
    layout = traffic.layout
    simulation = CompiledSimulation(
        verilog.emit(config), verilog.TOP, input_bits=layout.input_bits, output_bits=layout.output_bits
    )
    expected = [payload for item in traffic.expected(items) for payload in item]
    job = Job(layout.input_bits, layout.output_bits, (Phase("all", traffic.inputs(items), expected),), every_input=True)
    (counts,) = simulation.run(job).phases
    return counts


def test_numbers_all_along_the_range_of_every_pair():
    """Blocks of a greatest number of each pair and two others, all middles of two numbers among them and what is beside them."""
    config = DialectQuantizerConfig(group=3)
    blocks = []
    for top in np.arange(8, 16, 0.5):
        for half in np.arange(0, top, 0.25):
            beside = np.float16(half).view(np.uint16) + np.array([0, 1])
            numbers = np.array([np.float16(top).view(np.uint16), *beside], np.int64)
            blocks.append(numbers | np.array([0, 0x8000, 0]))
    items = [StepItem(block[None], "along the range") for block in blocks]
    dialects = {dialect_codes(config, {"numbers": item.steps})["dialect"] for item in items}
    assert dialects == set(range(16))
    counts = simulated(config, items)
    assert (counts.mismatches, counts.cycles) == (0, len(items) + DialectQuantizer(config=config).LATENCY)


def test_golden_is_the_online_choice():
    config = DialectQuantizerConfig()
    x = np.random.default_rng(3).normal(size=32).astype(np.float16)
    found = dialect_codes(config, {"numbers": x.view(np.uint16).astype(np.int64)[None]})
    wanted = quantize_online(x)
    assert (found["codes"], found["dialect"]) == (wanted.codes.tolist(), wanted.selectors[0])
    assert (found["exponent"], found["invalid"]) == (wanted.scales[0], 0)
    zeros = dialect_codes(config, {"numbers": np.zeros((1, 32), np.int64)})
    assert (zeros["codes"], zeros["exponent"]) == ([0] * 32, 15)
    special = dialect_codes(config, {"numbers": np.full((1, 32), 0x7C00)})
    assert special == {"codes": [0] * 32, "dialect": 0, "exponent": 31, "invalid": 1}


@pytest.mark.parametrize("group", [0, 129])
def test_what_is_refused(group):
    with pytest.raises(BitmillError, match=rf"group: must be at (least 1|most 128), not {group}$"):
        config_of({"unit": "dialect-quantizer", "group": group})
    with pytest.raises(TypeError, match="DialectQuantizer config must be a DialectQuantizerConfig, not 3"):
        DialectQuantizer(config=3)  # pyright: ignore[reportArgumentType]
