"""Speed of compiled simulation against Amaranth's own simulator, both on the same unit and traffic in one run."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.lib import wiring
from amaranth.sim import Simulator

from ..config import MacConfig
from ..golden import encode
from ..hdl import build
from ..hdl.emit import verilog
from ..system.cache import CACHE_VARIABLE
from ..system.errors import BitmillError
from .compiled import CompiledSimulation
from .families import TRAFFIC
from .job import Job, Phase


@dataclass(frozen=True)
class SimulationSpeed:
    """Clock cycles a second of the two simulators, and the seconds that compiling took with nothing in the cache.

    Seconds depend on the machine and its load; ``ratio`` is taken within one run.
    """

    compiled: float
    amaranth: float
    build_seconds: float

    @property
    def ratio(self) -> float:
        """How many times faster the compiled simulation is."""
        return self.compiled / self.amaranth


def simulation_speed(
    unit: Callable[[], wiring.Component], text: str, top: str, job: Job, *, amaranth_cycles: int = 500
) -> SimulationSpeed:
    """Play ``job`` in compiled simulation, and its first inputs back to back in Amaranth's simulator.

    Parameters
    ----------
    unit
        Makes the component with streams ``i`` and ``o``; each simulation needs its own.
    text, top
        Its Verilog and the name of the top module.
    job
        What to play; the time is that of all its phases.
    amaranth_cycles
        Cycles that the slow simulator runs.

    Raises
    ------
    BitmillError
        If a tool is missing or the unit fails the job.
    """
    with tempfile.TemporaryDirectory(prefix="bitmill-bench-") as folder:
        previous = os.environ.get(CACHE_VARIABLE)
        os.environ[CACHE_VARIABLE] = folder
        try:
            start = time.perf_counter()
            simulation = CompiledSimulation(text, top, input_bits=job.input_bits, output_bits=job.output_bits)
            build_seconds = time.perf_counter() - start
        finally:
            if previous is None:
                del os.environ[CACHE_VARIABLE]
            else:
                os.environ[CACHE_VARIABLE] = previous
        start = time.perf_counter()
        outcome = simulation.run(job)
        seconds = time.perf_counter() - start
    if outcome.failure is not None:
        raise BitmillError(f"compiled simulation of {top}: {outcome.failure}")
    cycles = sum(phase.cycles for phase in outcome.phases)
    slow = _amaranth_seconds(unit(), job, amaranth_cycles)
    return SimulationSpeed(cycles / seconds, amaranth_cycles / slow, build_seconds)


def unit_speed(config: MacConfig, *, steps: int = 200_000, length: int = 64, seed: int = 0) -> SimulationSpeed:
    """``simulation_speed`` of the unit of a configuration on dot products, or tiles, of ``length`` steps of normal numbers."""
    rng = np.random.default_rng(seed)
    traffic, count = TRAFFIC.of(config)(config), max(1, steps // length)
    codes = [
        encode(fmt, rng.normal(size=(count, vectors, length * config.lanes)) * 4)
        for fmt, vectors in ((config.weight_format, config.rows), (config.activation_format, config.cols))
    ]
    if not config.by_rows:
        codes = [operand[:, 0] for operand in codes]
    weights, activations = codes
    work: Any = traffic.given(weights, activations)
    expected = [payload for item in traffic.expected(work) for payload in item]
    phase = Phase("back-to-back", traffic.inputs(work), expected)
    job = Job(traffic.layout.input_bits, traffic.layout.output_bits, (phase,))
    return simulation_speed(lambda: build(config), verilog.emit(config), verilog.TOP, job)


def _amaranth_seconds(unit: wiring.Component, job: Job, cycles: int) -> float:
    dut: Any = unit
    inputs = job.phases[0].inputs
    seconds = 0.0

    async def traffic(ctx: Any) -> None:
        nonlocal seconds
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.o.ready, 1)
        start = time.perf_counter()
        for cycle in range(cycles):
            ctx.set(dut.i.payload.as_value(), inputs[cycle % len(inputs)])
            await ctx.tick()
        seconds = time.perf_counter() - start

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(traffic)
    simulator.run()
    return seconds
