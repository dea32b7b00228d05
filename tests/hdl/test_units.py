"""Mac and DotProduct in Amaranth's simulator against exact fractions, under random stalls, with resets and over-long products."""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction

import pytest
from amaranth import ResetInserter, Signal
from amaranth.sim import Simulator

from bitmill import FloatAccumulator, MacConfig, formats
from bitmill.formats import Special
from bitmill.hdl import DotProduct, Mac, build

CANONICAL_NAN, POSITIVE_INF, NEGATIVE_INF = 0x7FC00000, 0x7F800000, 0xFF800000


def round_to_fp32(value: Fraction) -> int:
    """IEEE 754 binary32 code of a nonzero fraction, to nearest even."""
    sign, value = int(value < 0) << 31, abs(value)
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    exponent += int(Fraction(2) ** (exponent + 1) <= value) - int(Fraction(2) ** exponent > value)
    exponent = max(exponent, -126)
    integer = round(value / Fraction(2) ** (exponent - 23))
    if integer == 1 << 24:
        integer, exponent = 1 << 23, exponent + 1
    if exponent > 127:
        return sign | POSITIVE_INF
    return sign | (integer if integer < 1 << 23 else (exponent + 127 << 23) + integer - (1 << 23))


@dataclass
class Reference:
    """One dot product, step by step, on fractions."""

    config: MacConfig
    total: Fraction = Fraction(0)
    code: int = 0
    nan: bool = False
    infinities: frozenset[int] = frozenset()
    invalid: bool = False

    def step(self, weights: list[int], activations: list[int]) -> None:
        addend = Fraction(0)
        for weight, activation in zip(weights, activations, strict=True):
            w, a = self.config.weight_format.decode(weight), self.config.activation_format.decode(activation)
            if w.special is None and a.special is None:
                addend += w.value * a.value
            else:
                self._special(w, a)
        self.total += addend
        if isinstance(self.config.accumulator, FloatAccumulator) and addend and not self.infinities:
            exact = formats.get("FP32").decode(self.code).value + addend
            self.code = round_to_fp32(exact) if exact else 0
            if self.code & POSITIVE_INF == POSITIVE_INF:
                self.infinities |= {self.code >> 31}

    def _special(self, w: formats.Decoded, a: formats.Decoded) -> None:
        self.invalid = True
        numbers = [d for d in (w, a) if d.special is None]
        if Special.NAN in (w.special, a.special) or any(d.value == 0 for d in numbers):
            self.nan = True
        else:
            self.infinities |= {(w.sign ^ a.sign) ^ int(any(d.significand < 0 for d in numbers))}

    @property
    def value(self) -> int:
        if not isinstance(self.config.accumulator, FloatAccumulator):
            fixed = self.total / Fraction(2) ** self.config.product.min_exponent
            assert fixed.denominator == 1
            half = 1 << (self.config.accumulator_bits - 1)
            return 0 if self.invalid else (int(fixed) + half) % (2 * half) - half
        if self.nan or len(self.infinities) == 2:
            return CANONICAL_NAN
        if self.infinities:
            return NEGATIVE_INF if 1 in self.infinities else POSITIVE_INF
        return self.code


def expected(config: MacConfig, weights: list[int], activations: list[int]) -> tuple[int, int, int]:
    reference = Reference(config)
    steps = range(0, len(weights), config.lanes)
    for k in steps:
        reference.step(weights[k : k + config.lanes], activations[k : k + config.lanes])
    return reference.value, int(reference.invalid), int(len(steps) > config.max_steps)


def random_code(fmt: formats.Format, rng: random.Random) -> int:
    """Uniform over codes, but specials are rare enough that most dot products are numbers."""
    while True:
        code = rng.randrange(1 << fmt.bits)
        if fmt.decode(code).special is None or rng.random() < 0.02:
            return code


def random_dot(config: MacConfig, rng: random.Random, steps: int) -> tuple[list[int], list[int]]:
    operands = (config.weight_format, config.activation_format)
    weights, activations = ([random_code(fmt, rng) for _ in range(steps * config.lanes)] for fmt in operands)
    return weights, activations


def run(
    dut: DotProduct, dots: list[tuple[list[int], list[int]]], *, seed: int, stall: float, reset_after: int | None = None
):
    """Results of the dot products and the cycles it took.

    With ``reset_after`` the unit is reset after that many steps, and everything is sent anew.
    """
    rng, results, cycles = random.Random(seed), [], 0
    lanes = dut.config.lanes

    async def drive(ctx):
        if reset_after is not None:
            await send(ctx, limit=reset_after)
            ctx.set(dut.i.valid, 0)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
        await send(ctx)
        ctx.set(dut.i.valid, 0)

    async def send(ctx, limit: int | None = None):
        sent = 0
        for weights, activations in dots:
            for k in range(0, len(weights), lanes):
                while rng.random() < stall:
                    ctx.set(dut.i.valid, 0)
                    await ctx.tick()
                last = int(k + lanes >= len(weights))
                payload = {"weight": weights[k : k + lanes], "activation": activations[k : k + lanes], "last": last}
                ctx.set(dut.i.payload, payload)
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                sent += 1
                if sent == limit:
                    return

    async def collect(ctx):
        nonlocal cycles
        ready = random.Random(seed + 1)
        while len(results) < len(dots):
            ctx.set(dut.o.ready, int(ready.random() >= stall))
            _, in_reset, valid, taken, payload = await ctx.tick().sample(dut.o.valid, dut.o.ready, dut.o.payload)
            cycles += 1
            if in_reset or (reset_after is not None and ctx.get(reset)):
                results.clear()
            elif valid and taken:
                results.append((int(payload.value), int(payload.invalid), int(payload.too_long)))

    reset = Signal()
    simulator = Simulator(ResetInserter(reset)(dut))
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.add_testbench(collect)
    simulator.run()
    return results, cycles


PAIRS = [
    ("INT8", "INT8"), ("E4M3", "E4M3"), ("E5M2", "E5M2"), ("E2M1", "E2M1"), ("E3M2", "E3M2"), ("E2M3", "E2M3"), ("INT4", "INT4"),
    ("E2M1", "E4M3"), ("INT4", "INT8"), ("UINT8", "INT8"), ("INT8", "E5M2"), ("UINT4", "UINT3"), ("TERNARY", "INT8"),
    ("E4M3FNUZ", "FLINT4"), ("INT8_SYM", "E3M2"), ("BF16", "BF16"), ("FP16", "E5M2"), ("E1M1", "E2M0"), ("UINT5", "E4M3"),
]  # fmt: skip
FP32 = FloatAccumulator()


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("accumulator", [None, FP32], ids=["exact", "fp32"])
@pytest.mark.parametrize(("weight", "activation"), PAIRS)
def test_against_fractions(weight, activation, accumulator, lanes):
    chosen = {} if accumulator is None else {"accumulator": accumulator}
    config = MacConfig(
        weight=weight,
        activation=activation,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        k_max=6 * lanes,
        **chosen,
    )
    rng = random.Random(f"{weight}{activation}{lanes}")
    dots = [random_dot(config, rng, rng.choice([1, 1, 2, 3, 6, 7])) for _ in range(40)]
    results, _ = run(build(config), dots, seed=5, stall=0.25)
    assert results == [expected(config, *dot) for dot in dots]


@pytest.mark.parametrize("lanes", [1, 2, 4, 5, 32])
@pytest.mark.parametrize("weight", ["INT8", "E4M3", "E2M1"])
def test_latency_and_throughput_are_as_documented(weight, lanes):
    config = MacConfig(weight=weight, activation=weight, unit="dot", lanes=lanes)
    rng = random.Random(lanes)
    unit = build(config)
    latency = unit.LATENCY
    dots = [random_dot(config, rng, steps) for steps in (1, 3, 1, 1, 2)]
    results, cycles = run(unit, dots, seed=0, stall=0)
    assert results == [expected(config, *dot) for dot in dots]
    # One step a cycle, the last one's result LATENCY cycles behind it, taken in the same cycle as it appears.
    assert cycles == 8 + latency


@pytest.mark.parametrize("pipeline", [0, 1, 2])
@pytest.mark.parametrize("accumulator", [None, FP32], ids=["exact", "fp32"])
@pytest.mark.parametrize(
    ("weight", "activation", "lanes"), [("E4M3", "E4M3", 5), ("INT8", "E3M2", 1), ("E2M1", "E2M1", 5)]
)
def test_shorter_pipelines_compute_the_same(weight, activation, lanes, accumulator, pipeline):
    config = MacConfig(
        weight=weight,
        activation=activation,
        unit="mac" if lanes == 1 else "dot",
        lanes=lanes,
        k_max=20,
        pipeline=pipeline,
        **({} if accumulator is None else {"accumulator": accumulator}),
    )
    rng = random.Random(f"{weight}{activation}{lanes}{pipeline}")
    dots = [random_dot(config, rng, rng.choice([1, 1, 2, 3, 4, 5])) for _ in range(20)]
    unit = build(config)
    latency = unit.LATENCY
    results, _ = run(unit, dots, seed=5, stall=0.25)
    wanted = [expected(config, *dot) for dot in dots]
    assert results == wanted
    straight, cycles = run(build(config), dots, seed=0, stall=0)
    assert straight == wanted
    assert cycles == sum(len(weights) // lanes for weights, _ in dots) + latency


@pytest.mark.parametrize("accumulator", [None, FP32], ids=["exact", "fp32"])
@pytest.mark.parametrize("reset_after", [1, 4, 9])
def test_reset_in_the_middle(accumulator, reset_after):
    chosen = {} if accumulator is None else {"accumulator": accumulator}
    config = MacConfig(weight="E4M3", activation="E4M3", unit="dot", lanes=2, k_max=8, **chosen)
    rng = random.Random(reset_after)
    dots = [random_dot(config, rng, rng.choice([1, 2, 4, 5])) for _ in range(10)]
    results, _ = run(build(config), dots, seed=reset_after, stall=0.1, reset_after=reset_after)
    assert results == [expected(config, *dot) for dot in dots]


@pytest.mark.parametrize("sign", [0, 1])
@pytest.mark.parametrize(("weight", "code"), [("INT8", 0x80), ("E4M3", 0x7E), ("E5M2", 0x7B)])
def test_longest_dot_product_of_extremes_fits(weight, code, sign):
    config = MacConfig(weight=weight, activation=weight, k_max=19)
    other = code if weight == "INT8" and not sign else (code ^ 0xFF if weight == "INT8" else code | sign << 7)
    dots = [([code] * 19, [other] * 19), ([code] * 20, [other] * 20)]
    results, _ = run(build(config), dots, seed=1, stall=0)
    assert results == [expected(config, *dot) for dot in dots]
    assert [result[2] for result in results] == [0, 1]


def test_output_valid_does_not_depend_on_ready():
    config = MacConfig(weight="INT4", activation="INT4")
    dut = build(config)

    async def bench(ctx):
        ctx.set(dut.i.payload, {"weight": [3], "activation": [5], "last": 1})
        ctx.set(dut.i.valid, 1)
        await ctx.tick().repeat(dut.LATENCY)
        for ready in (0, 1, 0, 1):
            ctx.set(dut.o.ready, ready)
            await ctx.delay(1e-8)
            assert ctx.get(dut.o.valid) == 1
            assert ctx.get(dut.o.payload.value) == 15

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_init_wrong_config():
    with pytest.raises(TypeError, match="DotProduct config must be a MacConfig, not None"):
        DotProduct(config=None)  # pyright: ignore[reportArgumentType]


def test_init_wrong_mac_lanes():
    with pytest.raises(ValueError, match="Mac config must have 1 lane, not 4"):
        Mac(config=MacConfig(weight="INT8", activation="INT8", unit="dot", lanes=4))
