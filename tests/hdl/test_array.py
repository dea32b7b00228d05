"""The array: its cycle formula, its refusals, a missing and an early ``last``, and one circuit however it is elaborated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.sim import Simulator

from bitmill import BitmillError, ExactAccumulator, MacConfig, golden, preset
from bitmill.hdl import PE, Array, build
from bitmill.hdl.array.column_bus import ColumnBus
from bitmill.hdl.emit import verilog

from .test_verilog import prove_equal


def array(weight: str, activation: str | None = None, **fields: object) -> MacConfig:
    shape = {"rows": 2, "cols": 2, **fields}
    return MacConfig.from_dict({"weight": weight, "activation": activation or weight, "unit": "array", **shape})


def run(config: MacConfig, beats: list[tuple[list[int], list[int], int]], outputs: int, *, spare: int = 30):
    """Play beats (weights, activations, last) back to back; the output beats, cycles as the formula counts, and ``error``."""
    dut = build(config)
    assert isinstance(dut, Array)
    taken: list[int] = []
    given: list[tuple[int, Any]] = []
    errors: list[int] = []

    async def drive(ctx):
        ctx.set(dut.o.ready, 1)
        for weights, activations, last in beats:
            ctx.set(dut.i.payload.weight, weights)
            ctx.set(dut.i.payload.activation, activations)
            ctx.set(dut.i.payload.last, last)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def watch(ctx):
        cycle = 0
        while len(given) < outputs or cycle < given[-1][0] + spare:
            _, _, taking, valid, payload, error = await ctx.tick().sample(
                dut.i.valid & dut.i.ready, dut.o.valid, dut.o.payload, dut.error
            )
            if taking:
                taken.append(cycle)
            if valid:
                flags = int(payload.invalid), int(payload.too_long), int(payload.last)
                given.append((cycle, ([int(value) for value in payload.value], *flags)))
            errors.append(int(error))
            cycle += 1
            assert cycle < 3000

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(watch)
    simulator.run()
    return [beat for _, beat in given], given[-1][0] - taken[0] + 1, errors


def random_beats(config, rng, steps):
    beats = []
    for count in steps:
        for step in range(count):
            weights, activations = (
                [int(code) for code in rng.integers(0, 1 << fmt.bits, vectors * config.lanes)]
                for fmt, vectors in ((config.weight_format, config.rows), (config.activation_format, config.cols))
            )
            beats.append((weights, activations, int(step == count - 1)))
    return beats


SHAPES = [
    (array("INT4", rows=1, cols=1), [1, 1, 3]),
    (array("INT8", rows=2, cols=5), [2, 2, 7, 1, 1, 4]),
    (array("E2M1", rows=5, cols=2), [9, 5, 5, 4, 1, 6]),
    (array("E4M3", rows=3, cols=3, lanes=2), [3, 4, 3, 2]),
    (array("INT8", rows=8, cols=8, accumulator={"kind": "exact", "width": 32}), [8, 8, 3]),
    (array("INT2", rows=18, cols=2), [3, 20]),
]


@pytest.mark.parametrize(("config", "steps"), SHAPES, ids=lambda value: getattr(value, "title", ""))
def test_cycles_are_the_formula(config, steps):
    """The docstring's sum, written out once more by hand: first tile, later tiles, way through, rows."""
    rng = np.random.default_rng(1)
    beats = random_beats(config, rng, steps)
    given, cycles, errors = run(config, beats, config.rows * len(steps))
    unit = build(config)
    assert cycles == unit.cycles(steps)
    assert len(given) == config.rows * len(steps)
    assert not any(errors)
    waited = sum(max(0, config.rows - count) for count in steps[1:])
    assert cycles == sum(steps) + waited + unit.LATENCY + config.rows - 1


def test_the_latency_of_the_8x8_array_is_counted_stage_by_stage():
    """Entry 1, product register 1, skew of eight columns in pairs 3, registers of two and of eight PEs' results 2."""
    unit = build(preset("int8-8x8"))
    assert isinstance(unit, Array)
    assert unit.LATENCY == 1 + 1 + 3 + 2
    assert unit.FILL == 1 + 1 + 3 + 7
    assert unit.cycles([64] * 64) == 4110
    assert unit.cycles([256] * 32) == 8192 + 14


def test_an_early_last_makes_two_tiles_and_a_missing_one_joins_them():
    config = array("INT8", rows=2, cols=3, k_max=6)
    rng = np.random.default_rng(2)
    beats = random_beats(config, rng, [4, 4])

    def expected(part):
        weights, activations = (np.array([beat[side] for beat in part]).T for side in (0, 1))
        result = golden.matmul(config, weights, activations)
        return [
            ([int(value) for value in result.value[row]], 0, int(result.too_long[row, 0]), int(row == 1))
            for row in range(2)
        ]

    early = [(weights, activations, int(index in (1, 3, 7))) for index, (weights, activations, _) in enumerate(beats)]
    given, _, errors = run(config, early, 6)
    assert given == expected(beats[:2]) + expected(beats[2:4]) + expected(beats[4:])
    assert not any(errors)

    missing = [(weights, activations, int(index == 7)) for index, (weights, activations, _) in enumerate(beats)]
    given, _, errors = run(config, [*missing, *beats[:4]], 4)
    joined, following = given[:2], given[2:]
    assert joined == expected(beats)
    assert all(too_long for _, _, too_long, _ in joined)
    assert following == expected(beats[:4])
    assert errors[-1] == 1, "the error stays after a good tile"
    assert errors[0] == 0


EQUAL = [
    array("INT4", rows=2, cols=2, k_max=4),
    array("E2M1", rows=2, cols=1, lanes=2, k_max=4),
    array("E2M1", "INT4", rows=1, cols=3, k_max=2),
]


@pytest.mark.parametrize("config", EQUAL, ids=lambda config: config.title)
def test_instantiated_pes_equal_elaborated_pes(config):
    prove_equal(config, verilog.emit(config))


@pytest.mark.parametrize("rows", [17, pytest.param(32, marks=pytest.mark.long)])
def test_blocks_placed_as_instances_equal_elaborated_ones(rows):
    config = array("INT2", rows=rows, cols=1, k_max=4)
    prove_equal(config, verilog.emit(config))


def test_the_equivalence_can_fail():
    config, other = EQUAL[0], array("INT4", rows=2, cols=2, k_max=8, accumulator={"kind": "exact", "width": 11})
    same_ports = MacConfig.from_dict({**config.to_dict(), "accumulator": {"kind": "exact", "width": 11}})
    with pytest.raises(BitmillError, match="unproven"):
        prove_equal(same_ports, verilog.emit(other))


def test_a_pe_is_emitted_once():
    text = verilog.emit(preset("int8-4x4"))
    assert text.count("\nmodule bitmill_top_pe ") == 1
    assert text.count("\nmodule bitmill_top_row ") == 1
    assert text.count("\n  bitmill_top_pe  pe") == 4
    assert text.count("\n  bitmill_top_row  row") == 4


def test_ports_are_the_streams_and_the_error():
    text = rtlil.convert(build(array("INT4")), name="array")
    assert "wire width 1 output" in text
    assert "\\error" in text


def test_init_wrong_config():
    with pytest.raises(TypeError, match=r"Array config must be a MacConfig, not 'int8-4x4'"):
        Array(config="int8-4x4")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"PE config must be a MacConfig, not None"):
        PE(config=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"unit must be .array. for an Array, not .mac."):
        Array(config=MacConfig(weight="INT8", activation="INT8", accumulator=ExactAccumulator()))


def test_init_wrong_rows():
    with pytest.raises(ValueError, match=r"ColumnBus rows must be at least 1, not 0"):
        ColumnBus(rows=0, bits=4)
