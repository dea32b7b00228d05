"""What a unit works on while its power is measured: codes of a real layer, or uniform random ones, step by step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import count, islice

import numpy as np

from ...config import MacConfig
from ...formats import Format
from ...formats.block import Block, block_for
from ...golden.blocks import quantize_blocks
from ...models.layers import Layer, sample_layers
from ...sim.dot_product import DotProduct
from ...sim.dot_traffic import DotTraffic
from ...sim.scaled_stimulus import blocks_of
from ..int_vs_fp.accuracy import quantize_activation, quantize_weight
from ..int_vs_fp.study import Policy
from ..records import digest_of
from .task import Operands

LAYER = "attention"
"""The layer of the committed sample."""
POLICY = Policy("token", "maximum")
"""Scales of its activations; its weights have one per channel by the same rule."""
SEED = 1
"""Of uniform codes."""

Stimulus = dict[str, list[int]]
"""Input port to its values, one a cycle."""


def unit_stimulus(config: MacConfig, operands: Operands, cycles: int) -> Stimulus:
    """Inputs of a MAC or dot product that is never stalled: dot products one after the other, a step a cycle.

    A dot product is as long as a row of the layer, or ``k_max`` where that is shorter.

    Parameters
    ----------
    config
        The unit.
    operands
        ``layer``: dot products of tokens and channels of the layer, in the order of their codes; ``uniform``: every finite code
        of either format is equally likely.
    cycles
        Steps.
    """
    products = _layer_products(config) if operands == "layer" else _uniform_products(config)
    steps = -(-_length(config) // config.lanes)
    work = list(islice(products, -(-cycles // steps)))
    payloads = list(DotTraffic(config).inputs(work)[:cycles])
    return {"i_payload": payloads, "i_valid": [1] * cycles, "o_ready": [1] * cycles}


def stimulus_digest(stimulus: Stimulus) -> str:
    """SHA-256 by which a record names what it was measured on, however many underscores its ports' names have."""
    return digest_of(json.dumps({re.sub("_+", "__", name): values for name, values in stimulus.items()}))


def described(operands: Operands, config: MacConfig) -> str:
    """What a unit's operands are, for a record."""
    if operands == "layer" and config.scale_format is not None:
        rules = " and ".join(sorted({block.rule for block in _blocks(config)}))
        return f"all-MiniLM-L6-v2 {LAYER} layer, blocks of {config.block_size} with {config.scale} scales, {rules}"
    if operands == "layer":
        return f"all-MiniLM-L6-v2 {LAYER} layer, weights per channel, activations {POLICY.label}"
    return f"uniform random finite codes, seed {SEED}"


def _layer_products(config: MacConfig) -> Iterator[DotProduct]:
    """Dot products of the layer's codes: of the first token with the first channel, then of the second with the second."""
    layer = _layer()
    if config.scale_format is not None:
        of_weights, of_activations = (
            quantize_blocks(block, x) for block, x in zip(_blocks(config), (layer.weight, layer.held_out), strict=True)
        )
        length = _length(config)
        for index in count():
            row, column = index % len(of_weights.codes), index % len(of_activations.codes)
            blocks = blocks_of(config, length)
            yield DotProduct(
                of_weights.codes[row, :length], of_activations.codes[column, :length], f"product {index}",
                of_weights.scales[row, :blocks], of_activations.scales[column, :blocks],
            )  # fmt: skip
    weights = quantize_weight(layer, config.weight_format, POLICY.rule).codes
    activations = quantize_activation(layer, config.activation_format, POLICY).codes
    for index in count():
        row, column = weights[index % len(weights)], activations[index % len(activations)]
        yield DotProduct(row[: config.k_max], column[: config.k_max], f"product {index}")


def _uniform_products(config: MacConfig) -> Iterator[DotProduct]:
    rng = np.random.default_rng(SEED)
    weights, activations = (_finite_codes(fmt) for fmt in (config.weight_format, config.activation_format))
    scales = None if config.scale_format is None else _finite_codes(config.scale_format)
    for index in count():
        chosen, streamed = (rng.choice(codes, _length(config)) for codes in (weights, activations))
        drawn = () if scales is None else (rng.choice(scales, blocks_of(config, _length(config))) for _ in range(2))
        yield DotProduct(chosen, streamed, f"uniform {index}", *drawn)


def _blocks(config: MacConfig) -> tuple[Block, Block]:
    """What the weights and the activations of a unit with scales are quantized as."""
    weight, activation = (
        block_for(name, config.scale, config.block_size, own=config.formats)
        for name in (config.weight, config.activation)
    )
    return weight, activation


def _finite_codes(fmt: Format) -> list[int]:
    return [code for code in range(1 << fmt.bits) if fmt.decode(code).value_or_none() is not None]


def _length(config: MacConfig) -> int:
    return min(config.k_max, _layer().weight.shape[1])


@cache
def _layer() -> Layer:
    return next(layer for layer in sample_layers() if layer.name == LAYER)
