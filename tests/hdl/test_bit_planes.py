"""Tiles of bit planes in simulation: every product against Python's integers, and not a cycle lost."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitmill.config.bit_planes import BitPlanesConfig
from bitmill.hdl.bit_planes.plane_pe import PlanePE
from bitmill.hdl.bit_planes.tile import BitPlaneTile
from bitmill.hdl.emit import verilog
from bitmill.sim import verify
from bitmill.sim.bit_planes_traffic import BitPlanesTraffic
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase

from ..golden.test_bit_planes import meant


def played(config: BitPlanesConfig, inputs: list[int], expected: list[int]) -> int:
    """Cycles from the first transfer to the last result; fails where a result is another."""
    layout = BitPlanesTraffic(config).layout
    simulation = CompiledSimulation(
        verilog.emit(config), verilog.TOP, input_bits=layout.input_bits, output_bits=layout.output_bits
    )
    outcome = simulation.run(Job(layout.input_bits, layout.output_bits, (Phase("all", inputs, expected),)))
    assert outcome.failure is None
    assert outcome.phases[0].mismatches == 0
    return outcome.phases[0].cycles


@pytest.mark.parametrize(("weight", "activation"), [("signed", "unsigned"), ("bipolar", "bipolar")])
def test_every_product_of_every_precision(weight, activation):
    # A lane: weights of 3 bits, activations of 2, their precisions less one in 2 bits and 1 bit, last.
    config = BitPlanesConfig(weight=weight, activation=activation, weight_bits=3, activation_bits=2, lanes=1, k_max=1)
    inputs, expected = [], []
    bits = config.total_bits
    for w, a, x, y in product((1, 2, 3), (1, 2), range(8), range(4)):
        inputs.append(x | y << 3 | w - 1 << 5 | a - 1 << 7 | 1 << 8)
        expected.append(meant(weight, x, w) * meant(activation, y, a) & (1 << bits) - 1)
    played(config, inputs, expected)


def test_every_cycle_uses_every_product_of_planes_at_all_precisions():
    config = BitPlanesConfig(lanes=4, k_max=64)
    traffic, rng = BitPlanesTraffic(config), np.random.default_rng(8)
    settings = [(w, a) for w in range(1, 9) for a in range(1, 9)]
    # All of them one after another, in an order in which precisions change all the time: not a cycle is lost.
    work = [traffic.of_precision(rng, 2, w, a, "") for w, a in rng.permutation(settings).tolist()]
    expected = [payload for item in traffic.expected(work) for payload in item]
    used = sum(2 * w * a for w, a in settings)
    latency = BitPlaneTile(config=config).LATENCY
    assert played(config, list(traffic.inputs(work)), expected) == used + latency
    # The filling of the pipeline included, at least 95 % are used by 16 sums of 16 steps, even of one bit each.
    for w, a in ((1, 1), (1, 8), (3, 2), (8, 8)):
        work = [traffic.of_precision(rng, 16, w, a, "") for _ in range(16 if w * a < 8 else 2)]
        expected = [payload for item in traffic.expected(work) for payload in item]
        used = len(work) * config.sum_cycles(64, weight_bits=w, activation_bits=a)
        assert used / played(config, list(traffic.inputs(work)), expected) >= 0.95


def test_padding_of_bipolar_operands_follows_its_step():
    config = BitPlanesConfig(
        weight="bipolar", activation="bipolar", weight_bits=2, activation_bits=1, lanes=3, rows=2, k_max=9
    )
    assert verify(config, seed=3, dot_products=20, corner_steps=20, engine="compiled").mismatches == 0


@pytest.mark.parametrize("part", [PlanePE, BitPlaneTile])
def test_another_configuration_is_refused(part):
    with pytest.raises(TypeError, match="config must be a BitPlanesConfig, not 3"):
        part(config=3)
