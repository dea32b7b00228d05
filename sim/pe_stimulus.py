"""What the inputs of PEs are on a real layer: its codes through the decoders of a tile's edge, cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from amaranth.hdl import Value
from amaranth.lib import wiring
from amaranth.sim import Simulator

from ..config.bit_serial import BitSerialConfig
from ..config.parallel import ParallelConfig
from ..formats.weight_type import weight_type
from ..golden import encode_within
from ..golden.bit_serial import group_exponents
from ..golden.weights import quantize_weights
from ..hdl.bit_serial.serial_aligner import SerialAligner
from ..hdl.bit_serial.term_generator import TermGenerator, default_specials, special_fields
from ..hdl.parallel.activation_decoder import ActivationDecoder
from ..hdl.parallel.ant_decoder import AntDecoder
from ..hdl.parallel.olive_decoder import OliveDecoder
from ..hdl.parallel.weight_decoder import WeightDecoder
from ..models.sample import load_layer

LAYER = "output"
PRODUCTS = 512
"""Of the layer's first channel and token."""


Stimulus = dict[str, list[int]]
"""Input port to its values, one a cycle."""


def serial_stimulus(config: BitSerialConfig) -> Stimulus:
    """Inputs of a bit-serial PE at 4-bit BitMoD weights, two cycles a step."""
    sample = load_layer(LAYER)
    weights = quantize_weights("bitmod-fp4", sample.weight[:1, :PRODUCTS])
    names = weights.scheme.elements
    assert weights.selectors is not None
    types = [weight_type(names[choice]) for choice in np.repeat(weights.selectors[0], weights.group)]
    if config.is_integer:
        step = np.abs(sample.held_out[0, :PRODUCTS]).max() / 127
        activations = encode_within("INT8", sample.held_out[0, :PRODUCTS] / step)
    else:
        activations = encode_within(config.activation, sample.held_out[0, :PRODUCTS])
    aligner, generator = SerialAligner(config=config), TermGenerator(config=config)
    groups = (weights.group,) * (PRODUCTS // weights.group)
    exponents = group_exponents(config, activations[None], groups)[0] if config.exponents_given else []
    steps = range(0, PRODUCTS, config.lanes)
    aligned: list[int] = []
    shifts: list[int] = []
    terms: list[int] = []

    async def align(ctx: Any) -> None:
        ctx.set(aligner.enable, 1)
        for start in steps:
            ctx.set(aligner.first, start % weights.group == 0)
            if config.exponents_given:
                ctx.set(aligner.given, int(exponents[start // weights.group]))
            for lane in range(config.lanes):
                ctx.set(aligner.activations[lane], int(activations[start + lane]))
            for load in (1, 0):
                ctx.set(aligner.load, load)
                await ctx.tick()
                aligned.append(ctx.get(Value.cast(aligner.aligned)))
                shifts.append(ctx.get(aligner.shift) if len(aligner.shift) else 0)

    async def generate(ctx: Any) -> None:
        for index, value in enumerate(value for bank in default_specials() for value in bank):
            for place, fields in enumerate(special_fields(value)):
                ctx.set(generator.specials[index][place], fields)
        for start in steps:
            ctx.set(generator.kind, types[start].kind)
            ctx.set(generator.special, types[start].special)
            for lane in range(config.lanes):
                ctx.set(generator.codes[lane], int(weights.codes[0, start + lane]))
            for cycle in range(2):
                ctx.set(generator.cycle, cycle)
                terms.append(ctx.get(Value.cast(generator.terms)))

    _simulate(aligner, align)
    _simulate(generator, generate, clocked=False)
    # The second stage is a cycle behind the terms: its controls are those of the term before.
    count = len(terms)
    stage = [(index - 1) % count for index in range(count)]
    group = 2 * weights.group // config.lanes
    found = {
        "activations": [aligned[min(index + 1, count - 1)] for index in range(count)],
        "terms": terms,
        "cycle": [index % 2 for index in stage],
        "last": [int(index % group == group - 1) for index in stage],
        "enable": [1] * count,
        "step": [1] * count,
    }
    # Sums move with the first term of a step.
    shift = [0 if index % 2 else shifts[min(index + 1, count - 1)] for index in stage]
    return found | ({"shift": shift} if len(aligner.shift) else {})


def parallel_stimulus(config: ParallelConfig) -> Stimulus:
    """Inputs of a parallel PE, a new weight and activation every cycle."""
    sample = load_layer(LAYER)
    row, column = sample.weight[:1, :PRODUCTS], sample.held_out[0, :PRODUCTS]
    integer = config.activation == "INT8"
    activations = encode_within(config.activation, column / (np.abs(column).max() / 127) if integer else column)
    activation = ActivationDecoder(config=config)
    weight, settings = _weights(config, row)
    found: dict[str, list[int]] = {"weight": [], "activation": []}

    async def decode(ctx: Any) -> None:
        for code in activations:
            ctx.set(activation.code, int(code))
            found["activation"].append(ctx.get(Value.cast(activation.activation)))

    async def decode_weights(ctx: Any) -> None:
        for setting in settings:
            for port, value in setting:
                ctx.set(port, value)
            found["weight"].append(ctx.get(Value.cast(weight.weight)))

    _simulate(activation, decode, clocked=False)
    _simulate(weight, decode_weights, clocked=False)
    group = config.k_max
    return {
        **found,
        "first": [int(index % group == 0) for index in range(len(found["weight"]))],
        "enable": [1] * len(found["weight"]),
        "step": [1] * len(found["weight"]),
    }


def _weights(config: ParallelConfig, row: np.ndarray[Any, Any]) -> tuple[Any, Iterable[list[tuple[Any, int]]]]:
    """The decoder of a PE's weights, and what its ports are set to for each weight of a row."""
    if config.scheme is None:
        decoder = WeightDecoder(config=config)
        scheme = None if config.weight != "INT8" else quantize_weights("int8", row)
        codes = encode_within(config.weight, row[0]) if scheme is None else scheme.codes[0]
        return decoder, [[(decoder.code, int(code))] for code in codes]
    quantized = quantize_weights(config.scheme, row)
    codes = [int(code) for code in quantized.codes[0]]
    if config.weight == "OLIVE":
        pairs = OliveDecoder(config=config)
        return pairs, [
            [(pairs.codes[0], codes[k & ~1]), (pairs.codes[1], codes[k | 1]), (pairs.second, k & 1)]
            for k in range(len(codes))
        ]
    assert quantized.selectors is not None
    kinds = np.repeat(quantized.selectors[0], quantized.group)
    single = AntDecoder(config=config)
    return single, [[(single.code, code), (single.kind, int(kind))] for code, kind in zip(codes, kinds, strict=True)]


def _simulate(unit: wiring.Component, bench: Any, *, clocked: bool = True) -> None:
    simulator = Simulator(unit)
    if clocked:
        simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
