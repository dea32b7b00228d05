"""Units of fixed-point numbers: every weight by every activation, sums of floats against NumPy, chains of all kinds, netlists."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill.config.chained import ChainedConfig
from bitmill.config.power_terms import PowerTermsConfig
from bitmill.hdl import build
from bitmill.hdl.emit import verilog
from bitmill.hdl.fixed.chained import ChainedDot
from bitmill.hdl.fixed.float_sum import FloatSum
from bitmill.hdl.fixed.power_terms import PowerTermsDot
from bitmill.sim import verify
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_payload import StepItem
from bitmill.sim.stepped_traffic import SteppedTraffic

SEED = 18


def test_every_weight_by_every_activation():
    config = PowerTermsConfig(terms=2, place_bits=2, activation_bits=4, lanes=1)
    traffic = SteppedTraffic(config)
    work = [
        StepItem(np.array([[first, second, activation]]), "a product")
        for first in range(8)
        for second in range(8)
        for activation in range(-8, 8)
    ]
    outputs = [payload for row in traffic.expected(work) for payload in row]
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (Phase("all", traffic.inputs(work), outputs),))
    unit = build(config)
    text = verilog.emit_component(unit, top="dot")
    played = CompiledSimulation(text, "dot", input_bits=job.input_bits, output_bits=job.output_bits).run(job)
    assert played.failure is None
    # A result leaves with each step: one after another, three cycles later.
    assert played.phases[0].cycles == len(work) + 3 == len(work) + unit.LATENCY
    assert "*" not in "".join(
        line for line in text.splitlines() if "assign" in line and not line.strip().startswith(("//", "(*"))
    )


def numbers(rng, count):
    """FP32 numbers and others near them, the negation of some, and zeros."""
    a = np.ldexp(rng.integers(-(1 << 24), 1 << 24, count), rng.integers(-60, 60, count)).astype(np.float32)
    near = (
        np.ldexp(rng.integers(-(1 << 24), 1 << 24, count), rng.integers(-30, 31, count))
        * 2.0 ** np.frexp(a)[1]
        / 2.0**24
    )
    near = np.where(np.abs(near) < 2.0**-90, 0, near)
    close = a * (1 + np.ldexp(rng.integers(-8, 9, count), -23))
    b = np.select([rng.random(count) < 0.1, rng.random(count) < 0.5], [-a, near], -close).astype(np.float32)
    b[rng.random(count) < 0.05] = 0
    return a + np.float32(0), b + np.float32(0)


def test_sums_of_floats_are_those_of_numpy():
    a, b = numbers(np.random.default_rng(SEED), 1500)
    wanted = (a + b).view(np.uint32)
    unit = FloatSum()
    found = []

    async def bench(ctx):
        for first, second in zip(a.view(np.uint32).tolist(), b.view(np.uint32).tolist(), strict=True):
            ctx.set(unit.a, first)
            ctx.set(unit.b, second)
            found.append(ctx.get(unit.total))

    sim = Simulator(unit)
    sim.add_testbench(bench)
    sim.run()
    assert found == wanted.tolist()


SMALL = (
    ChainedConfig(bits=4, chain_bits=8, chain=3, lanes=2, k_max=30),
    ChainedConfig(bits=5, chain_bits=10, chain=2, lanes=1, total="exact", k_max=20),
    ChainedConfig(bits=3, chain_bits=8, chain=1, lanes=1, total="exact", k_max=9),
    PowerTermsConfig(terms=3, place_bits=2, lanes=2, activation_bits=5, k_max=20),
)
OTHERS = (
    ChainedConfig(bits=3, chain_bits=48, chain=256, lanes=3, k_max=100),
    ChainedConfig(bits=16, chain_bits=33, chain=2, lanes=1, k_max=60),
    ChainedConfig(bits=2, chain_bits=8, chain=5, lanes=4, total="exact", k_max=90),
    PowerTermsConfig(terms=1, place_bits=4, lanes=3, activation_bits=2, k_max=50),
    PowerTermsConfig(terms=4, place_bits=1, lanes=1, activation_bits=16, k_max=7),
)


@pytest.mark.parametrize("config", [*SMALL, *(pytest.param(one, marks=pytest.mark.long) for one in OTHERS)], ids=str)
def test_all_kinds_are_golden(config):
    assert verify(config, seed=SEED, dot_products=60, corner_steps=110, engine="compiled").mismatches == 0


@pytest.mark.parametrize("config", [SMALL[0], pytest.param(SMALL[1], marks=pytest.mark.long)], ids=str)
def test_netlists(config):
    result = verify(config, seed=SEED, dot_products=20, corner_steps=40, netlist="generic", engine="compiled")
    assert (result.level, result.mismatches, result.resets) == ("generic", 0, 2)


@pytest.mark.parametrize(("total", "latency"), [("FP32", 5), ("exact", 4)])
def test_latency_of_chains(total, latency):
    unit = ChainedDot(config=ChainedConfig.from_dict({"total": total}))
    found = unit.LATENCY
    assert found == latency


def test_other_configurations_are_refused():
    with pytest.raises(TypeError, match="ChainedDot config must be a ChainedConfig, not None"):
        ChainedDot(config=None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="PowerTermsDot config must be a PowerTermsConfig, not 'x'"):
        PowerTermsDot(config="x")  # pyright: ignore[reportArgumentType]
