"""The bit-serial tile against golden: every type, mixed in one stream, ragged K, stalls, resets, and its cycles."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from bitmill import BitmillError
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.formats import get
from bitmill.formats.block import get_block
from bitmill.golden import decode, encode
from bitmill.golden.bit_serial import SerialResult, matmul
from bitmill.hdl import build
from bitmill.hdl.bit_serial.serial_layouts import serial_result_layout, step_layout
from bitmill.hdl.bit_serial.serial_tile import SerialTile
from bitmill.hdl.bit_serial.term_generator import special_fields
from bitmill.hdl.emit import verilog
from bitmill.sim.serial_payload import SerialPayload
from bitmill.sim.serial_traffic import SerialTileWork, SerialTraffic
from bitmill.system.tools import run_yosys

SEED = 91


@dataclass
class Tile:
    """One tile's operands, and what golden makes of them."""

    work: SerialTileWork
    golden: SerialResult


def types_of(bits):
    """Types of weights of at most so many bits, which take the same number of cycles."""
    found = [f"INT{bits}"]
    if bits == 4:
        found += ["INT3", *get_block("bitmod-fp3").elements, *get_block("bitmod-fp4").elements]
    return found


def random_tile(config, rng, groups, bits, specials=False):
    length = sum(groups)
    choices = types_of(bits)
    types = [[choices[rng.integers(len(choices))] for _ in groups] for _ in range(config.cols)]
    codes, values = np.zeros((config.cols, length), int), np.zeros((config.cols, length), int)
    ends = np.cumsum(groups)
    for col in range(config.cols):
        for name, group, end in zip(types[col], groups, ends, strict=True):
            drawn = rng.integers(0, 1 << get(name).bits, group)
            codes[col, end - group : end] = drawn
            values[col, end - group : end] = decode(name, drawn)
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
    return Tile(SerialTileWork(bits, tuple(groups), types, codes, activations, scales, "random"), golden)


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


def play(config, tiles, *, rng=None, stall=0.0, specials=()):
    """Rows of results, and the cycles from the first step's entry to the last result, without stalls."""
    unit = SerialTile(config=config)
    layout = step_layout(config)
    writes = [{"write": 1, "index": index, "value": special_fields(value)} for index, value in specials]
    steps = [layout.const(write).as_value().value for write in writes]
    steps += SerialTraffic(config).inputs([tile.work for tile in tiles])
    wanted = sum(config.rows for _ in tiles)
    found, times = [], []
    clock = [0]

    async def feed(ctx):
        for step in steps:
            while rng is not None and rng.random() < stall:
                ctx.set(unit.i.valid, 0)
                await ctx.tick()
            ctx.set(unit.i.payload.as_value(), step)
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


def random_groups(config, rng, ragged=True):
    count = int(rng.integers(1, 4))
    groups = [config.lanes * int(rng.integers(1, config.group // config.lanes + 1)) for _ in range(count)]
    if ragged and rng.random() < 0.5:
        groups[-1] = max(1, groups[-1] - int(rng.integers(0, config.lanes)))
    return groups


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_mixed_types_and_precisions_in_one_stream(serial_tile, stall):
    config = serial_tile
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


@pytest.mark.parametrize("exponents", [[1, 31], [31, 1], [0, 31], [30, 1], [31, 31]])
def test_given_exponents_at_both_ends(exponents):
    config = BitSerialConfig(rows=1, cols=1, group=4, group_exponent="given")
    small, great = np.full(4, 0x03FF), np.full(4, 0x7BFF)
    activations = np.concatenate([great if exponent > 29 else small for exponent in exponents])[None].astype(np.uint16)
    given = np.array([exponents], np.uint8)
    weights, scales = np.full((1, 8), -127), np.full((1, 2), 255)
    golden = matmul(config, weights, activations, scales=scales, groups=[4, 4], exponents=given)
    work = SerialTileWork(8, (4, 4), [["INT8", "INT8"]], weights & 255, activations, scales, "ends", given)
    check(config, [Tile(work, golden)])


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_an_invalid_tile_leaves_the_next_one_alone(bits):
    config = BitSerialConfig(rows=2, cols=1, lanes=2, group=4)
    rng = np.random.default_rng(SEED)
    tiles = []
    for index in range(8):
        tile = random_tile(config, rng, [2], bits, specials=index % 2 == 0)
        assert tile.golden.invalid.any() == (index % 2 == 0)
        tiles.append(tile)
    check(config, tiles)


@pytest.mark.parametrize("cycles", [1, 3, 4, 5, 6, 8, 12, 14, 15, 16, 17, 18, 19, 20, 22, 25])
def test_a_reset_forgets_everything(cycles):
    """A tile under way, an invalid one, is cut off after so many cycles, its results not taken; the next one is whole."""
    config = BitSerialConfig(rows=2, cols=1, lanes=2, group=4)
    rng = np.random.default_rng(SEED)
    first, second = (random_tile(config, rng, [4, 2], 4, specials=specials) for specials in (True, False))
    unit, reset = SerialTile(config=config), Signal()
    traffic = SerialTraffic(config)
    found = []

    async def bench(ctx):
        async def feed(tile, limit):
            steps, clock = list(traffic.inputs([tile.work])), 0
            while clock < limit:
                ctx.set(unit.i.valid, bool(steps))
                if steps:
                    ctx.set(unit.i.payload.as_value(), steps[0])
                taken = ctx.get(unit.i.ready) and bool(steps)
                if ctx.get(unit.o.valid) and ctx.get(unit.o.ready):
                    payload = ctx.get(unit.o.payload)
                    found.append((payload.values[0], payload.exponent, payload.invalid))
                await ctx.tick()
                clock += 1
                steps = steps[int(taken) :]

        ctx.set(unit.o.ready, 0)
        await feed(first, cycles)
        ctx.set(reset, 1)
        ctx.set(unit.i.valid, 0)
        await ctx.tick()
        ctx.set(reset, 0)
        ctx.set(unit.o.ready, 1)
        await feed(second, 60)

    simulator = Simulator(ResetInserter(reset)(unit))
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == [(row["values"][0], row["exponent"], row["invalid"]) for row in expected(config, second)]


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
        types = [[get_block("bitmod-fp4").elements[index]]]
        one = np.ones((1, 1), int)
        tiles.append(Tile(SerialTileWork(4, (2,), types, np.full((1, 2), 8), ones, one, "special"), golden))
    check(config, tiles, specials=[(4 + index, value) for index, value in enumerate(values)])


def test_payloads_of_simulations_are_the_layouts(serial_tile):
    payload = SerialPayload.of(serial_tile)
    assert payload.input_bits == step_layout(serial_tile).size
    assert payload.output_bits == serial_result_layout(serial_tile).size


def test_names_have_no_brackets():
    text = verilog.emit(BitSerialConfig(rows=1, cols=2, group=32))
    names = re.findall(r"\\\S+", text[text.index("\nmodule ") :])
    assert any("weights_1_" in name for name in names)
    assert not any("[" in name for name in names)


def test_parts_are_emitted_once():
    text = verilog.emit(BitSerialConfig(rows=2, cols=3, group=32))
    for part, count in (("pe", 6), ("scaler", 6), ("control", 2), ("aligner", 2), ("generator", 3)):
        assert text.count(f"\nmodule bitmill_top_{part} ") == 1
        assert text.count(f"\n  bitmill_top_{part}  {part}") == count


EQUIVALENCE = """
read_verilog plain.v
read_verilog emitted.v
attrmap -modattr -remove top
proc
flatten
opt_clean
async2sync
rename -hide w:*$*
equiv_make plain_unit bitmill_top equivalence
hierarchy -top equivalence
opt_clean
equiv_struct -icells
equiv_simple -undef
equiv_induct -undef
equiv_status -assert
write_rtlil proved.il
"""
EQUAL = [
    BitSerialConfig(rows=1, cols=1, lanes=2, group=4, k_max=8, activation="INT8", weight_bits=4),
    BitSerialConfig(rows=2, cols=2, lanes=1, group=4, k_max=8, activation="INT8", weight_bits=4),
]


def prove_equal(config, emitted):
    # Registers are paired by name, so the plain hierarchy is written as the emitted one is.
    plain = verilog.written({"plain_unit": build(config)})
    files = {"plain.v": verilog.without_brackets(plain), "emitted.v": emitted}
    run_yosys(EQUIVALENCE, files=files, outputs=["proved.il"])


@pytest.mark.parametrize("config", EQUAL, ids=lambda config: config.title)
def test_instantiated_parts_equal_elaborated_parts(config):
    prove_equal(config, verilog.emit(config))


@pytest.mark.parametrize(("part", "port", "wrong"), [("generator", "special", "2'h0"), ("pe", "last", "1'h0")])
def test_the_equivalence_can_fail(part, port, wrong):
    text = verilog.emit(EQUAL[0])
    place = text.index(f".{port}(", text.index(f"bitmill_top_{part}  {part}0"))
    faulty = f"{text[:place]}.{port}({wrong}{text[text.index(')', place) :]}"
    with pytest.raises(BitmillError, match="unproven"):
        prove_equal(EQUAL[0], faulty)


def test_init_wrong_config():
    with pytest.raises(TypeError, match="SerialTile config must be a BitSerialConfig, not 'x'"):
        SerialTile(config="x")  # pyright: ignore[reportArgumentType]
