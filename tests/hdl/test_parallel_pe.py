"""Parallel PEs with their decoders: every code and pair against golden, sums in simulation and as netlists, and by themselves."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bitmill import formats
from bitmill.config.bit_serial import BitSerialConfig
from bitmill.config.parallel import Activation, ParallelConfig, Weight
from bitmill.formats.block import BLOCKS
from bitmill.golden.parallel.pe import parallel_pe_sum
from bitmill.golden.parts import value_table
from bitmill.golden.weights import olive
from bitmill.hdl.bit_serial.serial_aligner import SerialAligner
from bitmill.hdl.bit_serial.serial_pe import SerialPE
from bitmill.hdl.bit_serial.serial_scaler import SerialScaler
from bitmill.hdl.bit_serial.term_generator import TermGenerator
from bitmill.hdl.emit import verilog
from bitmill.hdl.parallel.activation_decoder import ActivationDecoder
from bitmill.hdl.parallel.ant_decoder import AntDecoder
from bitmill.hdl.parallel.olive_decoder import OliveDecoder
from bitmill.hdl.parallel.parallel_layouts import activation_layout, weight_layout
from bitmill.hdl.parallel.parallel_pe import ParallelPE
from bitmill.hdl.parallel.weight_decoder import WeightDecoder
from bitmill.sim.compiled import CompiledSimulation
from bitmill.sim.job import Job, Phase
from bitmill.sim.netlist import netlist
from bitmill.sim.pattern import Pattern

SEED = 95
CONFIGS = [
    *(ParallelConfig(weight=weight, activation=activation) for weight in get_args(Weight) for activation in get_args(Activation)),
    ParallelConfig(guard=1, headroom=5),
    ParallelConfig(weight="OLIVE", guard=8),
    ParallelConfig(weight="INT8", activation="INT8", headroom=5),
]  # fmt: skip
IDS = [f"{config.title}, {config.bits} bits" for config in CONFIGS]


def field_of(layout, name, packed):
    """A field's bits; `from_bits` would take a minute for the codes of FP16."""
    field = layout[name]
    return packed >> field.offset & (1 << field.width) - 1


def signed(bits, width):
    return bits - (bits >> (width - 1) << width)


def weight_of(config, packed):
    """What a decoder's output stands for, in units of the least exponent."""
    layout = weight_layout(config)
    digits, value = field_of(layout, "digits", packed), 0
    for place, greatest in enumerate(config.digits):
        digit = digits >> sum(greatest_before + 1 for greatest_before in config.digits[:place])
        multiple, negative = digit & (1 << greatest) - 1, digit >> greatest & 1
        assert multiple.bit_count() <= 1
        value += (-1) ** negative * multiple.bit_length() << 3 * place
    return value << field_of(layout, "exponent", packed)


@pytest.mark.parametrize("name", ["INT8", *(pytest.param(name, marks=pytest.mark.long) for name in ("FP16", "BF16"))])
def test_every_code_of_floats_and_integers(name, every_input):
    fmt = formats.get(name)
    config = ParallelConfig(weight=name, activation=name)
    weights = every_input(WeightDecoder(config=config), "code", "weight")
    activations = every_input(ActivationDecoder(config=config), "code", "activation")
    layout = activation_layout(config)
    bits = layout["significand"].width
    for code in range(1 << fmt.bits):
        wanted = fmt.decode(code).value_or_none()
        if wanted is None:
            continue
        significand = signed(field_of(layout, "significand", activations[code]), bits)
        exponent = field_of(layout, "exponent", activations[code]) + fmt.min_exponent
        assert significand * Fraction(2) ** exponent == wanted, code
        assert signed(field_of(layout, "triple", activations[code]), bits + 2) == 3 * significand, code
        assert weight_of(config, weights[code]) * Fraction(2) ** fmt.min_exponent == wanted, code


def simulated(component, bench):
    simulator = Simulator(component)
    simulator.add_testbench(bench)
    simulator.run()


def test_every_code_of_ant():
    config = ParallelConfig(weight="ANT")
    decoder = AntDecoder(config=config)

    async def bench(ctx):
        for kind, name in enumerate(("INT4_SYM", "FLINT4")):
            for code, wanted in enumerate(value_table(formats.get(name))):
                ctx.set(decoder.kind, kind)
                ctx.set(decoder.code, code)
                found = weight_of(config, ctx.get(decoder.weight.as_value()))
                assert found == (0 if np.isnan(wanted) else wanted), (name, code)

    simulated(decoder, bench)


def test_every_pair_of_olive():
    config = ParallelConfig(weight="OLIVE")
    decoder = OliveDecoder(config=config)
    pairs = np.array([[pair % 16, pair // 16] for pair in range(256)], np.uint8)

    async def bench(ctx):
        for pair, wanted in zip(pairs, olive.values(BLOCKS["olive4"], pairs), strict=True):
            for place in (0, 1):
                ctx.set(decoder.codes[place], int(pair[place]))
            for place in (0, 1):
                ctx.set(decoder.second, place)
                assert weight_of(config, ctx.get(decoder.weight.as_value())) == wanted[place], pair

    simulated(decoder, bench)


def stored_weights(config, rng, count, length):
    """What goes into the weight decoder, and the values."""
    if config.weight == "ANT":
        kinds = rng.integers(0, 2, (count, 1))
        codes = rng.integers(0, 16, (count, length))
        values = np.where(kinds, value_table(formats.get("FLINT4"))[codes], value_table(formats.get("INT4_SYM"))[codes])
        return codes | kinds << 4, np.nan_to_num(values)
    codes = rng.integers(0, 16, (count, length + length % 2)).astype(np.uint8)
    codes[rng.random(codes.shape) < 0.3] = 8
    pairs = codes[:, 0::2].astype(np.int64) | codes[:, 1::2].astype(np.int64) << 4
    packed = np.repeat(pairs, 2, axis=1) | np.arange(codes.shape[1]) % 2 << 8
    return packed[:, :length], olive.values(BLOCKS["olive4"], codes)[:, :length]


def plain_codes(fmt, rng, count, length):
    """Numbers' codes: exponents anywhere, or near one another; the greatest and least numbers; zeros."""
    codes = rng.integers(0, 1 << fmt.bits, (count, length))
    if fmt.kind == "int":
        codes[0], codes[1] = 0x80, np.where(np.arange(length) % 2, 0x80, 0x7F)
        return codes
    top = (1 << fmt.exponent_bits) - 2
    width = rng.integers(1, top + 1, (count, 1))
    low = (rng.random((count, 1)) * (top - width + 1)).astype(np.int64)
    exponents = low + rng.integers(0, top, (count, length)) % width
    codes = codes & (1 << fmt.bits - 1 | (1 << fmt.mantissa_bits) - 1) | exponents << fmt.mantissa_bits
    codes[rng.random(codes.shape) < 0.1] = 0
    greatest, negative = (top + 1 << fmt.mantissa_bits) - 1, 1 << fmt.bits - 1
    codes[0], codes[1] = greatest, greatest | negative
    codes[2] = np.where(np.arange(length) % 2, greatest | negative, 1)
    codes[3] = rng.integers(1, 1 << fmt.mantissa_bits, length)
    return codes


def random_sums(config, rng, count, length):
    """Inputs of the decoders ``[count, length]`` each, and golden's sums."""
    activations = plain_codes(config.activation_format, rng, count, length)
    if config.weight not in ("ANT", "OLIVE"):
        weights = plain_codes(config.carrier, rng, count, length)
        weights[:4] = rng.permutation(weights[:4])
        return weights, activations, parallel_pe_sum(config, weights, activations)
    weights, values = stored_weights(config, rng, count, length)
    codes = {config.carrier.decode(code).value: code for code in range(1 << config.carrier.bits)}
    carried = np.array([[codes[value] for value in row] for row in values])
    return weights, activations, parallel_pe_sum(config, carried, activations)


class Streamed(wiring.Component):
    """A PE behind its decoders and their registers, as a stream of products and one of sums."""

    def __init__(self, *, config):
        self.config = config
        weight_bits = {"ANT": 5, "OLIVE": 9}.get(config.weight, config.carrier.bits)
        self.payload = data.StructLayout(
            {"weight": weight_bits, "activation": config.activation_format.bits, "first": 1, "last": 1}
        )
        self.result = data.StructLayout({"total": config.bits, "exponent": config.exponent_bits})
        super().__init__({"i": In(stream.Signature(self.payload)), "o": Out(stream.Signature(self.result))})

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.pe = pe = ParallelPE(config=config)
        m.submodules.activation = activation = ActivationDecoder(config=config)
        code = self.i.payload.weight
        if config.weight == "ANT":
            m.submodules.weight = decoder = AntDecoder(config=config)
            m.d.comb += [decoder.code.eq(code[:4]), decoder.kind.eq(code[4])]
            weight = decoder.weight
        elif config.weight == "OLIVE":
            m.submodules.weight = decoder = OliveDecoder(config=config)
            m.d.comb += [decoder.codes.eq(code[:8]), decoder.second.eq(code[8])]
            weight = decoder.weight
        else:
            m.submodules.weight = decoder = WeightDecoder(config=config)
            m.d.comb += decoder.code.eq(code)
            weight = decoder.weight
        advance = Signal()
        valid, first, last = Signal(2), Signal(), Signal(2)
        weight_register, activation_register = Signal.like(weight), Signal.like(activation.activation)
        m.d.comb += [
            activation.code.eq(self.i.payload.activation),
            advance.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(advance),
            pe.weight.eq(weight_register),
            pe.activation.eq(activation_register),
            pe.first.eq(first),
            pe.enable.eq(valid[0] & advance),
            pe.step.eq(valid[1] & advance),
        ]
        with m.If(advance):
            m.d.sync += [
                valid.eq(self.i.valid | valid[0] << 1),
                last.eq(self.i.payload.last | last[0] << 1),
                first.eq(self.i.payload.first),
                weight_register.eq(weight),
                activation_register.eq(activation.activation),
                self.o.valid.eq(valid[1] & last[1]),
                self.o.payload.total.eq(pe.total),
                self.o.payload.exponent.eq(pe.exponent),
            ]
        return m


def traffic(config, unit, rng, count):
    """Input payloads and the output payloads that they must give; sums of many lengths, one after the other."""
    inputs, outputs = [], []
    for length in sorted({min(length, config.k_max) for length in (1, 2, 24)}):
        weights, activations, sums = random_sums(config, rng, count, length)
        for row in range(count):
            for step in range(length):
                fields = {
                    "weight": int(weights[row, step]), "activation": int(activations[row, step]),
                    "first": int(step == 0), "last": int(step == length - 1),
                }  # fmt: skip
                inputs.append(unit.payload.const(fields).as_value().value)
            total = int(sums.total[row]) & (1 << config.bits) - 1
            outputs.append(total | int(sums.exponent[row]) << config.bits)
    return inputs, outputs


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_simulated_sums_are_golden(config):
    rng = np.random.default_rng(SEED)
    unit = Streamed(config=config)
    inputs, outputs = traffic(config, unit, rng, 8)
    stalls = rng.random(20 * len(inputs)) < 0.3

    async def feed(ctx):
        for payload in inputs:
            while rng.random() < 0.3:
                await ctx.tick()
            ctx.set(unit.i.valid, 1)
            ctx.set(unit.i.payload.as_value(), payload)
            await ctx.tick().until(unit.i.ready)
            ctx.set(unit.i.valid, 0)

    async def take(ctx):
        got = []
        for stall in stalls:
            ctx.set(unit.o.ready, not stall)
            _, _, valid, payload = await ctx.tick().sample(unit.o.valid, unit.o.payload.as_value())
            if valid and not stall:
                assert payload == outputs[len(got)], (SEED, len(got))
                got.append(payload)
                if len(got) == len(outputs):
                    return
        raise AssertionError(f"{len(got)} of {len(outputs)} sums came")

    simulator = Simulator(unit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(feed, background=True)
    simulator.add_testbench(take)
    simulator.run()


def plays(config, text, count):
    unit = Streamed(config=config)
    inputs, outputs = traffic(config, unit, np.random.default_rng(SEED + 1), count)
    random = Pattern("random", 0.3, seed=SEED), Pattern("random", 0.3, seed=SEED + 1)
    phases = (Phase("back to back", inputs, outputs), Phase("stalls", inputs, outputs, *random, resets=(7, 40)))
    job = Job(unit.payload.size, unit.result.size, phases)
    return CompiledSimulation(text, "streamed", input_bits=job.input_bits, output_bits=job.output_bits).run(job).failure


KINDS = [ParallelConfig(), ParallelConfig(weight="OLIVE")]
OTHERS = [ParallelConfig(weight="ANT"), ParallelConfig(weight="INT8"), ParallelConfig(weight="INT8", activation="INT8")]


@pytest.mark.parametrize("config", [*KINDS, *(pytest.param(c, marks=pytest.mark.long) for c in OTHERS)], ids=str)
def test_netlists_are_golden(config):
    text = verilog.emit_component(Streamed(config=config), top="streamed")
    assert plays(config, netlist(text, "streamed", "generic"), 300) is None


def test_the_comparison_can_fail():
    config = KINDS[1]
    text = verilog.emit_component(Streamed(config=config), top="streamed")
    wrong = text.replace("moved1 = places", "moved1 = ~places")
    assert wrong != text
    assert "wrong outputs" in str(plays(config, wrong, 20))


def test_a_part_alone_has_its_ports():
    parts = {
        "clk rst enable first step weight activation total": ParallelPE(config=OTHERS[2]),
        "clk rst enable first step weight activation total exponent": ParallelPE(config=KINDS[0]),
        "codes second weight": OliveDecoder(config=KINDS[1]),
        "clk rst enable activations terms step last cycle shift total": SerialPE(config=BitSerialConfig()),
        "clk rst enable load first activations aligned shift exponent invalid": SerialAligner(config=BitSerialConfig()),
        "clk rst sum scale_bit capture multiply lower lift join_port clear total": SerialScaler(
            config=BitSerialConfig()
        ),
        "codes kind special specials cycle terms": TermGenerator(config=BitSerialConfig()),
    }
    for ports, part in parts.items():
        text = verilog.emit_component(part, top="lone")
        assert text == verilog.emit_component(part, top="lone")
        (header,) = re.findall(r"^module lone\(([^)]*)\);", text, re.MULTILINE)
        found = [name.strip() for name in header.split(",")]
        # `join` is a word of Verilog's own.
        assert sorted(found) == sorted(ports.split())


@pytest.mark.parametrize(
    ("component", "arguments", "message"),
    [
        (ParallelPE, {"config": "FP16"}, "ParallelPE config must be a ParallelConfig, not 'FP16'"),
        (
            AntDecoder,
            {"config": ParallelConfig()},
            "AntDecoder config must be a ParallelConfig of ANT weights, not Par",
        ),
        (OliveDecoder, {"config": None}, "OliveDecoder config must be a ParallelConfig, not None"),
        (
            WeightDecoder,
            {"config": ParallelConfig(weight="ANT")},
            "WeightDecoder config must be a ParallelConfig of floats",
        ),
        (ActivationDecoder, {"config": 8}, "ActivationDecoder config must be a ParallelConfig, not 8"),
    ],
)
def test_init_wrong_arguments(component, arguments, message):
    with pytest.raises(TypeError, match=message):
        component(**arguments)
