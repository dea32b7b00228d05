"""How an array stops: what one register lets move does not grow with the array, and stalls and resets lose nothing."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from bitmill import MacConfig, golden
from bitmill.fpga.synthesis import netlist
from bitmill.hdl import build
from bitmill.hdl.emit import verilog


def array(rows: int, cols: int, **fields: object) -> MacConfig:
    shape = {"unit": "array", "rows": rows, "cols": cols, **fields}
    return MacConfig.from_dict({"weight": "INT2", "activation": "INT2", "k_max": 16, **shape})


def test_no_register_lets_the_whole_array_move():
    """Each row and each column has its own: equal as they are, synthesis does not merge them into one."""
    mapped = json.loads(netlist(verilog.emit(array(16, 4)), verilog.TOP, "ecp5", "default"))
    cells = mapped["modules"][verilog.TOP]["cells"].values()
    enables = Counter(str(cell["connections"].get("CE")) for cell in cells if cell["type"] == "TRELLIS_FF")
    assert max(enables.values()) < enables.total() / 10
    assert sum(count > 20 for count in enables.values()) > 16


@pytest.mark.parametrize(("rows", "cols", "steps"), [(1, 1, (1, 2, 1)), (3, 2, (3, 1, 5, 3)), (6, 3, (6, 6, 7))])
@pytest.mark.parametrize("ready_of", [1, 2, 5, None], ids=lambda every: f"ready {every}")
def test_stalls_and_resets_lose_nothing(rows, cols, steps, ready_of):
    """Tiles under stalls of the output, regular ones and random ones, and of the input; the first run is cut off by a reset."""
    config, rng = array(rows, cols), np.random.default_rng(rows)
    beats, expected = [], []
    for count in steps:
        weights, activations = rng.integers(0, 4, (rows, count)), rng.integers(0, 4, (cols, count))
        result = golden.matmul(config, weights, activations)
        beats += [(weights[:, step], activations[:, step], step == count - 1) for step in range(count)]
        expected += [([int(value) for value in result.value[row]], int(row == rows - 1)) for row in range(rows)]
    dut, reset = build(config), Signal()

    async def bench(ctx):
        for length in (int(rng.integers(3, 25)), None):
            sent, given, shown, cycle = 0, [], None, 0
            while cycle < length if length else len(given) < len(expected) or cycle < 200:
                offered = sent < len(beats) and (ctx.get(dut.i.valid) or rng.random() < 0.7)
                if offered:
                    weights, activations, last = beats[sent]
                    ctx.set(dut.i.payload.weight, [int(code) for code in weights])
                    ctx.set(dut.i.payload.activation, [int(code) for code in activations])
                    ctx.set(dut.i.payload.last, int(last))
                ctx.set(dut.i.valid, int(offered))
                ready = rng.random() < 0.5 if ready_of is None else cycle % ready_of == 0
                ctx.set(dut.o.ready, int(ready))
                *_, taken, valid, payload = await ctx.tick().sample(dut.i.ready, dut.o.valid, dut.o.payload)
                if offered and taken:
                    sent += 1
                    ctx.set(dut.i.valid, 0)
                beat = [int(value) for value in payload.value], int(payload.last)
                assert shown in (None, (valid, beat)), "what is shown stays until it is taken"
                shown = (1, beat) if valid and not ready else None
                given += [beat] * bool(valid and ready)
                cycle += 1
                assert cycle < 2000
            assert given == expected[: len(given)]
            ctx.set(reset, 1)
            ctx.set(dut.i.valid, 0)
            await ctx.tick()
            ctx.set(reset, 0)
        assert given == expected

    simulator = Simulator(ResetInserter(reset)(dut))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
