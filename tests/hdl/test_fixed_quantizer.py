"""Quantizers to fixed point: every number of FP16, all sources and words, a netlist."""

from __future__ import annotations

import numpy as np
import pytest

from bitmill.config.fixed_quantizer import FixedQuantizerConfig
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.hdl.quantize.fixed_quantizer import FixedQuantizer
from bitmill.sim import verify
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.fixed_traffic import FixedTraffic
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_payload import StepItem

SEED = 43


@pytest.mark.parametrize(
    ("length", "fraction"),
    [(7, 5), *(pytest.param(*one, marks=pytest.mark.long) for one in ((15, 31), (1, -3), (10, 12)))],
)
def test_every_number_of_fp16(length, fraction):
    config = FixedQuantizerConfig(lanes=64)
    traffic = FixedTraffic(config)
    numbers = np.random.default_rng(SEED).permutation(1 << 16).reshape(-1, 64)
    work = [StepItem(np.array([[*row, length, fraction]]), "every number") for row in numbers]
    outputs = [payload for row in traffic.expected(work) for payload in row]
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (Phase("all", traffic.inputs(work), outputs),))
    text = verilog.emit_component(build(config), top="quantizer")
    played = CompiledSimulation(text, "quantizer", input_bits=job.input_bits, output_bits=job.output_bits).run(job)
    assert played.failure is None
    # A step a cycle, two cycles later.
    stated = build(config).LATENCY
    assert played.phases[0].cycles == len(work) + stated == len(work) + 2


FEW = (("FP32", 16), ("BF16", 2))
ALL = [(source, bits) for source in ("FP16", "BF16", "FP32") for bits in (2, 3, 8, 16)]


@pytest.mark.parametrize(
    ("source", "bits"), [*FEW, *(pytest.param(*one, marks=pytest.mark.long) for one in ALL if one not in FEW)]
)
def test_all_sources_and_words(source, bits):
    config = FixedQuantizerConfig(source=source, bits=bits, lanes=2)
    assert verify(config, seed=SEED, dot_products=60, engine="compiled").mismatches == 0


def test_netlist():
    result = verify(FixedQuantizerConfig(lanes=1), seed=SEED, dot_products=20, netlist="generic", engine="compiled")
    assert (result.level, result.mismatches, result.resets) == ("generic", 0, 2)


def test_another_configuration_is_refused():
    with pytest.raises(TypeError, match="FixedQuantizer config must be a FixedQuantizerConfig, not 8"):
        FixedQuantizer(config=8)  # pyright: ignore[reportArgumentType]
