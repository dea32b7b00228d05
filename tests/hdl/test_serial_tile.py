"""The bit-serial tile against golden: every type, mixed in one stream, ragged K, stalls, resets, and its cycles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.sim import Simulator

from bitmill.bit_serial import BitSerialConfig
from bitmill.golden import decode, encode
from bitmill.golden.bit_serial import SerialResult, matmul
from bitmill.hdl import verilog
from bitmill.hdl.serial_layouts import serial_result_layout, step_layout
from bitmill.hdl.serial_tile import SerialTile
from bitmill.hdl.term_generator import WeightKind, special_fields
from bitmill.sim.serial_payload import SerialPayload

SEED = 91
SUFFIXES = ("ER_POS", "ER_NEG", "EA_POS", "EA_NEG")


@dataclass
class Tile:
    """One tile's operands: per group its length, per column and group the type; codes; what golden makes of them."""

    bits: int
    groups: list[int]
    types: list[list[tuple[str, int]]]
    codes: np.ndarray
    scales: np.ndarray
    activations: np.ndarray
    golden: SerialResult


def types_of(bits):
    """Kinds of weights of at most so many bits, which take the same number of cycles, each with its special value."""
    found = [(f"INT{bits}", 0)]
    if bits == 4:
        found += [("INT3", 0)]
        found += [(f"BITMOD_FP{width}_{suffix}", index) for width in (3, 4) for index, suffix in enumerate(SUFFIXES)]
    return found


def random_tile(config, rng, groups, bits, specials=False):
    length = sum(groups)
    choices = types_of(bits)
    types = [[choices[rng.integers(len(choices))] for _ in groups] for _ in range(config.cols)]
    codes, values = np.zeros((config.cols, length), int), np.zeros((config.cols, length), int)
    for col in range(config.cols):
        start = 0
        for group, (name, _) in zip(groups, types[col], strict=True):
            width = int(name.removeprefix("INT")) if name.startswith("INT") else int(name[9])
            drawn = rng.integers(0, 1 << width, group)
            codes[col, start : start + group] = drawn
            values[col, start : start + group] = decode(name, drawn)
            start += group
    scales = rng.integers(0, 256, (config.cols, len(groups)))
    if config.is_integer:
        activations = rng.integers(0, 256, (config.rows, length)).astype(np.uint8)
    else:
        numbers = rng.normal(size=(config.rows, length)) * 2.0 ** rng.uniform(-9, 9, (config.rows, 1))
        activations = encode(config.activation, numbers * 2.0 ** rng.uniform(-6, 0, numbers.shape))
        if specials:
            activations[rng.integers(config.rows), rng.integers(length)] = encode(
                config.activation, [np.inf], saturate=False
            )[0]
    golden = matmul(config, values, activations, scales=scales, groups=groups)
    return Tile(bits, groups, types, codes, scales, activations, golden)


def steps_of(config, tile):
    """The tile's steps as constants of the layout, and the cycles of each."""
    kinds = {"I": WeightKind.INTEGER, "3": WeightKind.FP3, "4": WeightKind.FP4}
    ends = np.cumsum(tile.groups)
    start = 0
    for index, (group, end) in enumerate(zip(tile.groups, ends, strict=True)):
        for place in range(0, group, config.lanes):
            lanes = range(start + place, min(start + place + config.lanes, end))
            columns, weights = [], []
            for col in range(config.cols):
                name, special = tile.types[col][index]
                kind = kinds["I" if name.startswith("INT") else name[9]]
                columns.append({"kind": kind, "special": special, "scale": int(tile.scales[col, index])})
                weights.append([extended(name, int(tile.codes[col, k]), config.weight_bits) for k in lanes])
                weights[-1] += [0] * (config.lanes - len(weights[-1]))
            activations = [[int(tile.activations[row, k]) for k in lanes] for row in range(config.rows)]
            yield {
                "activations": [row + [0] * (config.lanes - len(row)) for row in activations],
                "weights": weights, "columns": columns, "cycles": -(-tile.bits // 2) - 1,
                "group_last": int(place + config.lanes >= group), "last": int(place + config.lanes >= group and end == ends[-1]),
            }  # fmt: skip
        start = int(end)


def extended(name, code, bits):
    """A code as it goes into the tile: integers sign-extended."""
    if not name.startswith("INT"):
        return code
    width = int(name.removeprefix("INT"))
    return (code - (code >> (width - 1) << width)) & ((1 << bits) - 1)


def expected(config, tile):
    golden, bias = tile.golden, 0
    if not config.is_integer:
        bias = config.drop - config.activation_float.exponent_bias - config.window + 1
    for row in range(config.rows):
        yield {
            "values": golden.value[:, row].tolist(),
            "exponent": 0 if config.is_integer else int(golden.exponent[row]) - bias,
            "invalid": bool(golden.invalid[row]),
            "too_long": golden.too_long,
        }


def play(config, tiles, *, rng=None, stall=0.0, specials=(), reset_at=()):
    """Rows of results, and the cycles from the first step's entry to the last result, without stalls."""
    unit = SerialTile(config=config)
    writes = [{"write": 1, "index": index, "value": special_fields(value)} for index, value in specials]
    steps = [*writes, *(step for tile in tiles for step in steps_of(config, tile))]
    wanted = sum(config.rows for _ in tiles)
    layout = step_layout(config)
    found, times = [], []
    clock = [0]

    async def feed(ctx):
        for step in steps:
            while rng is not None and rng.random() < stall:
                ctx.set(unit.i.valid, 0)
                await ctx.tick()
            ctx.set(unit.i.payload, layout.const(step))
            ctx.set(unit.i.valid, 1)
            await ctx.tick().until(unit.i.ready)
            times.append(clock[0])
        ctx.set(unit.i.valid, 0)

    async def take(ctx):
        while len(found) < wanted:
            ready = rng is None or rng.random() >= stall
            ctx.set(unit.o.ready, ready)
            valid, payload = ctx.get(unit.o.valid), ctx.get(unit.o.payload)
            if valid and ready:
                found.append({
                    "values": [payload.values[col] for col in range(config.cols)],
                    "exponent": payload.exponent,
                    "invalid": bool(not config.is_integer and payload.invalid),
                    "too_long": bool(payload.too_long),
                })  # fmt: skip
                times.append(clock[0] + 1)
            await ctx.tick()
            clock[0] += 1
            assert clock[0] < 60 * (len(steps) + 10 * wanted) + 400, "the tile hangs"

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(take)
    simulator.add_testbench(feed)
    simulator.run()
    return found, times[-1] - times[0]


def check(config, tiles, **options):
    found, cycles = play(config, tiles, **options)
    wanted = [row for tile in tiles for row in expected(config, tile)]
    for index, (got, golden) in enumerate(zip(found, wanted, strict=True)):
        assert got == golden, f"row {index}"
    return cycles


CONFIGS = [
    BitSerialConfig(rows=2, cols=3, group=32),
    BitSerialConfig(rows=3, cols=2, lanes=2, window=11, group=16, drop=4, k_max=64),
    BitSerialConfig(rows=1, cols=2, activation="BF16", window=12, group=16, weight_bits=6),
    BitSerialConfig(rows=2, cols=1, lanes=8, window=24, group=32, weight_bits=4),
    BitSerialConfig(rows=2, cols=2, activation="INT8", group=32),
]


def random_groups(config, rng, ragged=True):
    count = int(rng.integers(1, 4))
    groups = [config.lanes * int(rng.integers(1, config.group // config.lanes + 1)) for _ in range(count)]
    if ragged and rng.random() < 0.5:
        groups[-1] = max(1, groups[-1] - int(rng.integers(0, config.lanes)))
    return groups


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.title)
def test_mixed_types_and_precisions_in_one_stream(config, stall):
    rng = np.random.default_rng(SEED)
    widths = [bits for bits in (4, 6, 8) if bits <= config.weight_bits]
    tiles = [
        random_tile(config, rng, random_groups(config, rng), widths[rng.integers(len(widths))], specials=index == 3)
        for index in range(8)
    ]
    assert config.is_integer or any(tile.golden.invalid.any() for tile in tiles)
    check(config, tiles, rng=rng if stall else None, stall=stall)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_cycles_are_the_formula(bits):
    config = BitSerialConfig(rows=4, cols=2, activation="INT8", group=32)
    rng = np.random.default_rng(SEED)
    tiles = [random_tile(config, rng, [32, 32, 28], bits) for _ in range(3)]
    steps = 3 * 23
    unit = SerialTile(config=config)
    assert check(config, tiles) == steps * bits // 2 + unit.LATENCY + config.rows


def test_beyond_k_max():
    config = BitSerialConfig(rows=1, cols=1, lanes=2, group=8, k_max=16, activation="INT8")
    rng = np.random.default_rng(SEED)
    tiles = [random_tile(config, rng, groups, 4) for groups in ([8, 8], [8, 8, 2], [2], [8, 8, 8], [8, 8])]
    assert [tile.golden.too_long for tile in tiles] == [False, True, False, True, False]
    check(config, tiles)


def test_special_values_written_at_run_time():
    config = BitSerialConfig(rows=1, cols=1, lanes=2, group=8, activation="INT8")
    ones = np.ones((1, 2), int)
    values = [5, -7, 14, 20]
    tiles = []
    for index, value in enumerate(values):
        weights = np.full((1, 2), value)
        golden = matmul(config, weights, ones, scales=np.ones((1, 1), int), groups=[2])
        tiles.append(
            Tile(4, [2], [[("BITMOD_FP4_ER_POS", index)]], np.full((1, 2), 8), np.ones((1, 1), int), ones, golden)
        )
    check(config, tiles, specials=[(4 + index, value) for index, value in enumerate(values)])


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.title)
def test_payloads_of_simulations_are_the_layouts(config):
    payload = SerialPayload.of(config)
    assert payload.input_bits == step_layout(config).size
    assert payload.output_bits == serial_result_layout(config).size


def test_parts_are_emitted_once():
    text = verilog.emit(BitSerialConfig(rows=2, cols=3, group=32))
    for part, count in (("pe", 6), ("scaler", 6), ("control", 2), ("aligner", 2), ("generator", 3)):
        assert text.count(f"\nmodule \\bitmill_top.{part} ") == 1
        assert text.count(f"\n  \\bitmill_top.{part}  {part}") == count


def test_init_wrong_config():
    with pytest.raises(TypeError, match="SerialTile config must be a BitSerialConfig, not 'x'"):
        SerialTile(config="x")  # pyright: ignore[reportArgumentType]
