"""The parts of a bit-serial tile: term generator, aligner and PE, against the facts and the golden model."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth import Elaboratable, Module, Signal
from amaranth.sim import Simulator

from bitmill import BitmillError, formats
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.formats.term import terms
from bitmill.formats.weight_type import WeightKind
from bitmill.golden import encode
from bitmill.golden.bit_serial import align, matmul
from bitmill.hdl.bit_serial.serial_aligner import SerialAligner
from bitmill.hdl.bit_serial.serial_pe import SerialPE
from bitmill.hdl.bit_serial.term_generator import TermGenerator, default_specials, special_fields, term_fields

SEED = 81
KINDS = {3: WeightKind.FP3, 4: WeightKind.FP4}


def run(unit, bench):
    simulator = Simulator(unit)
    if not isinstance(unit, TermGenerator):
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def set_specials(ctx, generator, values=None):
    for bank, of_bank in enumerate(values or default_specials()):
        for index, value in enumerate(of_bank):
            for place, fields in enumerate(special_fields(value)):
                ctx.set(generator.specials[4 * bank + index][place], fields)


def generated(ctx, generator, cycles):
    found = []
    for cycle in range(cycles):
        ctx.set(generator.cycle, cycle)
        packed = ctx.get(generator.terms[0].as_value())
        found.append({name: packed >> index & 1 for index, name in enumerate(("negative", "one", "two", "four"))})
    return found


def value_of(found):
    digits = [(-1) ** term["negative"] * (term["one"] + 2 * term["two"] + 4 * term["four"]) for term in found]
    return sum(digit << 2 * cycle for cycle, digit in enumerate(digits))


@pytest.mark.parametrize("weight_bits", [4, 6, 8])
def test_integers_have_their_booth_digits(weight_bits):
    generator = TermGenerator(config=BitSerialConfig(weight_bits=weight_bits, lanes=1))
    fmt = formats.get(f"INT{weight_bits}")

    async def bench(ctx):
        for code in range(1 << weight_bits):
            ctx.set(generator.codes[0], code)
            found = generated(ctx, generator, weight_bits // 2)
            wanted = terms(fmt, code)
            assert value_of(found) == sum(term.value for term in wanted)
            for term, fields in zip(wanted, found, strict=True):
                magnitudes = {name: value for name, value in fields.items() if name != "negative"}
                assert magnitudes == {name: value for name, value in term_fields(term).items() if name != "negative"}

    run(generator, bench)


@pytest.mark.parametrize("bits", [3, 4])
def test_floats_and_their_special_values(bits):
    generator = TermGenerator(config=BitSerialConfig(weight_bits=4, lanes=1))

    async def bench(ctx):
        set_specials(ctx, generator)
        ctx.set(generator.kind, KINDS[bits])
        for special, suffix in enumerate(("ER_POS", "ER_NEG", "EA_POS", "EA_NEG")):
            fmt = formats.get(f"BITMOD_FP{bits}_{suffix}")
            ctx.set(generator.special, special)
            for code in range(1 << bits):
                ctx.set(generator.codes[0], code)
                assert value_of(generated(ctx, generator, 2)) == fmt.decode(code).value, (suffix, code)

    run(generator, bench)


def test_any_special_value_of_two_terms_needs_no_new_hardware():
    generator = TermGenerator(config=BitSerialConfig(lanes=1))
    possible = [value for value in range(-20, 21) if abs(value) not in (11, 13, 19)]

    async def bench(ctx):
        ctx.set(generator.kind, WeightKind.FP4)
        ctx.set(generator.codes[0], 8)
        for value in possible:
            set_specials(ctx, generator, [[0] * 4, [0, value, 0, 0]])
            ctx.set(generator.special, 1)
            assert value_of(generated(ctx, generator, 2)) == value

    run(generator, bench)
    with pytest.raises(BitmillError, match="not 11"):
        special_fields(11)


CONFIGS = [
    BitSerialConfig(group=32),
    BitSerialConfig(window=11, lanes=3, group=12),
    BitSerialConfig(window=24, lanes=2, group=16, weight_bits=4),
    BitSerialConfig(activation="BF16", window=8, group=16),
    BitSerialConfig(activation="BF16", window=20, lanes=1, group=8, weight_bits=6),
    BitSerialConfig(activation="INT8", group=32),
]


class Column(Elaboratable):
    """One row, one column: aligner, term generator and PE, with the registers between them that a tile has."""

    def __init__(self, config):
        self.aligner, self.generator, self.pe = (
            SerialAligner(config=config), TermGenerator(config=config), SerialPE(config=config),
        )  # fmt: skip
        self.enable = Signal()

    def elaborate(self, platform):
        m = Module()
        m.submodules += [self.aligner, self.generator, self.pe]
        terms_register = Signal.like(self.generator.terms)
        m.d.comb += [
            self.aligner.enable.eq(self.enable),
            self.pe.enable.eq(self.enable),
            self.pe.activations.eq(self.aligner.aligned),
            self.pe.terms.eq(terms_register),
        ]
        with m.If(self.enable):
            m.d.sync += terms_register.eq(self.generator.terms)
        return m


def operands(config, rng, groups):
    """Codes, weights, their codes and kinds, for one row and one column."""
    length = sum(groups)
    if config.is_integer:
        activations = rng.integers(0, 256, (1, length)).astype(np.uint8)
    else:
        numbers = rng.normal(size=(1, length)) * 2.0 ** rng.uniform(-14, 0, (1, length))
        activations = encode(config.activation, np.where(rng.random((1, length)) < 0.2, 0.0, numbers))
        activations[0, rng.integers(length)] = encode(config.activation, [-60000.0])[0]
    weights = rng.integers(-(1 << config.weight_bits - 1), 1 << config.weight_bits - 1, (1, length))
    return activations, weights


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.title)
def test_group_sums_are_golden(config):
    rng = np.random.default_rng(SEED)
    groups = [config.group, config.lanes, config.group // 2 // config.lanes * config.lanes, config.lanes * 2]
    activations, weights = operands(config, rng, groups)
    aligned = align(config, activations, groups)
    column = Column(config)
    mask = (1 << config.weight_bits) - 1
    sums, exponents = [], []

    async def tick(ctx):
        # A stall in between changes nothing.
        while rng.random() < 0.2:
            ctx.set(column.enable, 0)
            ctx.set(column.pe.step, 0)
            await ctx.tick()
        ctx.set(column.enable, 1)

    async def step(ctx, index, first, last):
        lanes = slice(index * config.lanes, (index + 1) * config.lanes)
        ctx.set(column.aligner.load, 1)
        ctx.set(column.aligner.first, first)
        for lane, (code, weight) in enumerate(zip(activations[0, lanes], weights[0, lanes], strict=True)):
            ctx.set(column.aligner.activations[lane], int(code))
            ctx.set(column.generator.codes[lane], int(weight) & mask)
        await tick(ctx)
        await ctx.tick()
        ctx.set(column.aligner.load, 0)
        for cycle in range(config.term_cycles):
            ctx.set(column.generator.cycle, cycle)
            ctx.set(column.pe.step, 0)
            await tick(ctx)
            await ctx.tick()  # terms are registered, and with the first of them the activations
            await tick(ctx)
            await ctx.tick()  # and summed
            ctx.set(column.pe.step, 1)
            ctx.set(column.pe.cycle, cycle)
            ctx.set(column.pe.shift, ctx.get(column.aligner.shift) if cycle == 0 else 0)
            final = last and cycle == config.term_cycles - 1
            ctx.set(column.pe.last, final)
            if final:
                sums.append(ctx.get(column.pe.total))
                exponents.append(ctx.get(column.aligner.exponent))
            await ctx.tick()
            ctx.set(column.pe.step, 0)
        assert not ctx.get(column.aligner.invalid)
        assert [ctx.get(column.aligner.aligned[lane].plus) for lane in range(config.lanes)] == aligned.values[
            0, index
        ].tolist()

    async def bench(ctx):
        index = 0
        for group in groups:
            for place in range(group // config.lanes):
                await step(ctx, index, place == 0, place == group // config.lanes - 1)
                index += 1

    run(column, bench)
    start = 0
    for group, found, exponent, wanted in zip(groups, sums, exponents, aligned.exponents[0], strict=True):
        part = slice(start, start + group)
        ones = np.ones((1, 1), int)
        golden = matmul(config, weights[:, part], activations[:, part], scales=ones, groups=[group])
        assert config.drop == 0
        assert found == golden.value[0, 0]
        assert exponent == wanted
        start += group


def test_specials_of_activations_are_invalid_zeros():
    config = BitSerialConfig(lanes=2, group=4)
    aligner = SerialAligner(config=config)

    async def bench(ctx):
        ctx.set(aligner.enable, 1)
        for numbers, invalid in (([np.nan, 1.0], 1), ([1.0, 2.0], 0), ([-np.inf, 4.0], 1)):
            codes = encode("FP16", np.array(numbers), saturate=False)
            ctx.set(aligner.load, 1)
            ctx.set(aligner.first, 1)
            for lane in range(2):
                ctx.set(aligner.activations[lane], int(codes[lane]))
            await ctx.tick()
            ctx.set(aligner.load, 0)
            await ctx.tick()
            assert ctx.get(aligner.invalid) == invalid
            assert ctx.get(aligner.aligned[0].plus) == (0 if invalid else 1 << 14)
            assert ctx.get(aligner.aligned[1].plus) == 1 << 15

    run(aligner, bench)


@pytest.mark.parametrize(
    ("numbers", "values"),
    [
        ([1025.0, 2048.0], [512, 1024]),  # 512.5
        ([1027.0, -2048.0], [514, -1024]),  # 513.5
        ([-1027.0, 2048.0], [-514, 1024]),
        ([1027.0, 4096.0], [257, 1024]),  # 256.75
        ([1026.0, 4096.0], [256, 1024]),  # 256.5
        ([2.0**-24, 65504.0], [0, 2047]),
        ([2.0**-24, -3 * 2.0**-24], [1, -3]),
        ([2047.0, 4.0 * 1024], [512, 1024]),  # 511.75
        ([0.0, -0.0], [0, 0]),
    ],
)
def test_rounding_by_hand(numbers, values):
    aligner = SerialAligner(config=BitSerialConfig(lanes=2, group=4, window=11))

    async def bench(ctx):
        ctx.set(aligner.enable, 1)
        ctx.set(aligner.load, 1)
        ctx.set(aligner.first, 1)
        for lane, code in enumerate(encode("FP16", np.array(numbers))):
            ctx.set(aligner.activations[lane], int(code))
        await ctx.tick().repeat(2)
        assert [ctx.get(aligner.aligned[lane].plus) for lane in range(2)] == values
        assert [-ctx.get(aligner.aligned[lane].minus) for lane in range(2)] == values

    run(aligner, bench)


@pytest.mark.parametrize("component", [SerialAligner, SerialPE, TermGenerator])
def test_init_wrong_config(component):
    with pytest.raises(TypeError, match=rf"{component.__name__} config must be a BitSerialConfig, not 'x'"):
        component(config="x")
