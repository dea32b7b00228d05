"""Block quantizers: every number of FP16 beside a greatest one, all sources and rules, netlists, a block a cycle."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitmill.config.block_quantizer import QUANTIZED, BlockQuantizerConfig
from bitmill.formats import get
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.hdl.quantize.ratio import Ratio
from bitmill.hdl.quantize.target import Target
from bitmill.sim import verify
from bitmill.sim.block_traffic import BlockTraffic
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_payload import StepItem

SEED = 42


def every_number(config, greatest, tensor_scale):
    """Blocks of the greatest magnitude and, over all of them, every FP16 number that is not greater, of either sign."""
    magnitudes = np.arange(greatest + 1)
    numbers = np.random.default_rng(SEED).permutation(np.concatenate([magnitudes, magnitudes | 0x8000]))
    others = np.resize(numbers, (-(-len(numbers) // (config.lanes - 1)), config.lanes - 1))
    rows = np.concatenate([np.full((len(others), 1), greatest), others], axis=1)
    if config.tensor_scale_bits:
        rows = np.concatenate([rows, np.full((len(rows), 1), tensor_scale)], axis=1)
    return [StepItem(row[None], "every number") for row in rows]


@pytest.mark.parametrize(
    ("name", "greatest", "tensor_scale"),
    [
        ("mxfp4", 0x4BFF, 0),
        ("nvfp4", 0x4A66, 0x3C012345),
        *(
            pytest.param(name, greatest, 0x3B800001, marks=pytest.mark.long)
            for name in QUANTIZED
            for greatest in (0x7BFF, 0x4B00, 0x03FF)
        ),
    ],
)
def test_every_number_beside_a_greatest(name, greatest, tensor_scale):
    config = BlockQuantizerConfig(block=name, group=64)
    traffic = BlockTraffic(config)
    work = every_number(config, greatest, tensor_scale)
    outputs = [payload for row in traffic.expected(work) for payload in row]
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (Phase("all", traffic.inputs(work), outputs),))
    text = verilog.emit_component(build(config), top="quantizer")
    played = CompiledSimulation(text, "quantizer", input_bits=job.input_bits, output_bits=job.output_bits).run(job)
    assert played.failure is None
    assert len(set(outputs)) > 100


FEW = (("mxfp8-e5m2-up", "FP32"), ("mxint8", "BF16"), ("nvfp4", "FP32"))
ALL = [(name, source) for name in QUANTIZED for source in ("FP16", "BF16", "FP32")]


@pytest.mark.parametrize(
    ("name", "source"), [*FEW, *(pytest.param(*one, marks=pytest.mark.long) for one in ALL if one not in FEW)]
)
def test_every_block_of_every_source(name, source):
    config = BlockQuantizerConfig(block=name, source=source, group=3)
    assert verify(config, seed=SEED, dot_products=60, engine="compiled").mismatches == 0


@pytest.mark.parametrize("name", ["nvfp4", pytest.param("mxfp6-up", marks=pytest.mark.long)])
def test_netlists_and_the_other_engine(name):
    config = BlockQuantizerConfig(block=name, group=2)
    assert verify(config, seed=SEED, dot_products=10, engine="cocotb").mismatches == 0
    result = verify(config, seed=SEED, dot_products=10, netlist="generic", engine="compiled")
    assert (result.level, result.mismatches, result.resets) == ("generic", 0, 2)


@pytest.mark.parametrize(
    ("name", "source", "latency"), [("mxfp4", "FP16", 2), ("nvfp4", "BF16", 5), ("nvfp4", "FP32", 6)]
)
def test_a_block_a_cycle(name, source, latency):
    config = BlockQuantizerConfig(block=name, source=source, group=2)
    unit = build(config)
    stated = unit.LATENCY
    assert stated == latency
    traffic = BlockTraffic(config)
    work = [traffic.drawn(np.random.default_rng(SEED), 1, "random") for _ in range(30)]
    outputs = [payload for row in traffic.expected(work) for payload in row]
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (Phase("all", traffic.inputs(work), outputs),))
    text = verilog.emit_component(unit, top="quantizer")
    played = CompiledSimulation(text, "quantizer", input_bits=job.input_bits, output_bits=job.output_bits).run(job)
    assert played.failure is None
    assert played.phases[0].cycles == 30 + latency


@pytest.mark.parametrize("name", ["E2M1", "E2M3", "E3M2", "E4M3", "E5M2", "INT8", "INT4_SYM", "FP16", "BF16"])
def test_a_target_is_its_format(name):
    fmt, target = get(name), Target.of(get(name))
    assert fmt.decode(target.greatest_code).value == fmt.max_value
    assert Fraction(2) ** target.greatest_exponent <= fmt.max_value < Fraction(2) ** (target.greatest_exponent + 1)
    leading = Fraction(2) ** target.least_exponent
    assert fmt.decode(1 << target.mantissa_bits).value == leading
    assert fmt.decode(1).value == leading / (1 << target.mantissa_bits)


def test_a_ratio_of_other_elements_is_refused():
    with pytest.raises(ValueError, match="Ratio greatest must be three times a power of two, not 7"):
        Ratio(source=get("FP16"), scale=get("E4M3"), greatest=Fraction(7))
    assert Ratio(source=get("FP16"), scale=get("E4M3"), greatest=Fraction(3, 2)).power == -1
