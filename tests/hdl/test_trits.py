"""Units of trits in simulation: every byte of both codes, a step a cycle, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill.config.trits import TritsConfig
from bitmill.hdl.emit import verilog
from bitmill.hdl.trits.trit_byte import TritByte
from bitmill.hdl.trits.trit_sum import TritSum
from bitmill.hdl.trits.unit import TritUnit
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.stepped_traffic import SteppedTraffic

from ..formats.test_trit_bytes import by_specification


@pytest.mark.parametrize("code", ["astc", "base3"])
def test_every_byte(code):
    unit: Any = TritByte(code=code)
    found: dict[int, list[int]] = {}

    async def bench(ctx):
        for byte in range(256):
            ctx.set(unit.code, byte)
            trits = [(ctx.get(trit.nonzero), ctx.get(trit.negative)) for trit in unit.trits]
            found[byte] = [{(0, 0): 0, (1, 0): 1, (1, 1): -1}[trit] for trit in trits]

    simulator = Simulator(unit)
    simulator.add_testbench(bench)
    simulator.run()
    for byte in range(256):
        digits = by_specification(byte) if code == "astc" else [byte // 3**place % 3 for place in range(5)]
        if code == "astc" or byte < 243:
            assert found[byte] == [digit - 1 for digit in digits], byte


@pytest.mark.parametrize("fields", [{"weight": "binary"}, {"weight": "dual-binary"}, {"lanes": 10, "rows": 2}])
def test_a_step_a_cycle(fields):
    config = TritsConfig.from_dict({"lanes": 4, "k_max": 32, **fields})
    traffic = SteppedTraffic(config)
    rng = np.random.default_rng(2)
    work = [traffic.drawn(rng, length, "") for length in (3, 1, 1, 2, 3)]
    expected = [payload for item in traffic.expected(work) for payload in item]
    layout = traffic.layout
    simulation = CompiledSimulation(
        verilog.emit(config), verilog.TOP, input_bits=layout.input_bits, output_bits=layout.output_bits
    )
    job = Job(layout.input_bits, layout.output_bits, (Phase("all", traffic.inputs(work), expected),))
    (counts,) = simulation.run(job).phases
    assert (counts.mismatches, counts.cycles) == (0, 10 + TritUnit(config=config).LATENCY)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TritUnit(config=3), TypeError, "TritUnit config must be a TritsConfig, not 3"),  # pyright: ignore[reportArgumentType]
        (lambda: TritSum(config=3), TypeError, "TritSum config must be a TritsConfig, not 3"),  # pyright: ignore[reportArgumentType]
        (lambda: TritByte(code="x"), ValueError, "TritByte code must be one of astc, base3, not 'x'"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
