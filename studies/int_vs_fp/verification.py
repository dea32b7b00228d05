"""The layer's own quantized numbers through the generated Verilog, compared with golden bit for bit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...models.layers import Layer
from ..jobs import Job
from ..records import Record, metric
from .accuracy import quantize_activation, quantize_weight
from .emitted import verilog_of
from .scales import ChooseScale
from .study import Case, Policy, Study
from .verified import simulator_versions, verified

Codes = NDArray[np.unsignedinteger]

POLICY = Policy("tensor", "maximum")
"""Whose codes run through the RTL; the static per-tensor scale also exercises saturation."""

STEPS = {"mac": 3072, "mac-fp32": 3072, "dot32": 192}
"""Steps (beats of ``lanes`` products) that a unit runs of each layer, in whole dot products, and at least four."""
ACCUMULATOR_STEPS = 96
"""The same for a unit that has another accumulator than its preset."""
LEAST_DOT_PRODUCTS = 4
TILES, TILE_LENGTH = 4, 64
"""Tiles of ``rows`` x ``cols`` dot products that an array runs, and how many products of each: several tiles are on their way
at once in every traffic pattern, at a fraction of the time that whole dot products take."""


def verification_jobs(study: Study, choose: ChooseScale) -> Iterator[tuple[str, Job]]:
    """Name and job of every simulation. A unit that fails ends the study: no cost of a wrong unit is reported."""
    for case in (*study.cases, *study.arrays, *study.accumulated, *study.accumulated_macs):
        for layers in study.verified_on(case):
            yield (
                f"verify {case.name} on {_named(layers)}",
                lambda case=case, layers=layers: [verification_record(case, layers, study.verification_seed, choose)],
            )


def verification_record(case: Case, layers: Sequence[Layer], seed: int, choose: ChooseScale) -> Record:
    """Dot products of the layers' outputs, picked by a seeded permutation, through the RTL under stalls and resets.

    The layers must have dot products of one length.

    Raises
    ------
    VerificationError
        If a single bit differs from golden.
    """
    config, text = case.config, verilog_of(case.config)
    length = min(layers[0].weight.shape[1], config.k_max, TILE_LENGTH if config.by_rows else config.k_max)
    pick = _tiles if config.by_rows else _codes
    picked = [pick(case, layer, length, seed, choose) for layer in layers]
    codes = np.concatenate([weight for weight, _ in picked]), np.concatenate([activation for _, activation in picked])
    counted = verified(config, text, codes, seed=seed)
    metrics = {
        "dot_products": metric(counted["results"], "dot products"),
        "products": metric(counted["products"], "products"),
        "products_matched": metric(counted["products"] if counted["mismatches"] == 0 else 0, "products"),
        "mismatches": metric(counted["mismatches"], "results"),
        "dot_products_in_layers": metric(sum(_outputs(layer) for layer in layers), "dot products"),
        "products_in_layers": metric(sum(layer.products for layer in layers), "products"),
        "transactions": metric(counted["transactions"], "results"),
        "input_stalls": metric(counted["input_stalls"], "cycles"),
        "output_stalls": metric(counted["output_stalls"], "cycles"),
        "resets": metric(counted["resets"], "resets"),
        "cycles": metric(counted["cycles"], "cycles"),
    }
    return Record(
        id=f"verification/{case.key}/{_named(layers)}",
        topic="verification",
        config={
            **config.to_dict(),
            "layers": [layer.name for layer in layers],
            "activation_scale": POLICY.granularity,
            "rule": POLICY.rule,
        },
        part=case.part,
        flow={
            "level": "rtl",
            "simulator": "Icarus Verilog through cocotb",
            "compared_with": "golden, every bit",
            "length": length,
            "dot_products_by_layer": {
                layer.name: len(part[0]) * config.pes for layer, part in zip(layers, picked, strict=True)
            },
        },
        tool_versions=simulator_versions(),
        seeds=(seed,),
        metrics=metrics,
    )


def _codes(case: Case, layer: Layer, length: int, seed: int, choose: ChooseScale) -> tuple[Codes, Codes]:
    """Weight and activation codes ``[n, length]`` of the layer's dot products that run, none of them twice."""
    weight, activation = _quantized(case, layer, choose)
    available, tokens = _outputs(layer), len(layer.held_out)
    steps = STEPS[case.part] if case.accumulator is None else ACCUMULATOR_STEPS
    wanted = max(LEAST_DOT_PRODUCTS, steps // math.ceil(length / case.config.lanes))
    chosen = np.random.default_rng(seed).permutation(available)[: min(wanted, available)]
    return weight[chosen // tokens, :length], activation[chosen % tokens, :length]


def _tiles(case: Case, layer: Layer, length: int, seed: int, choose: ChooseScale) -> tuple[Codes, Codes]:
    """Codes ``[TILES, rows, length]`` and ``[TILES, cols, length]``: output channels by tokens, picked for each tile anew.

    A layer with fewer channels or tokens than the array has rows or columns gives some of them twice.
    """
    rng, config = np.random.default_rng(seed), case.config
    weight, activation = _quantized(case, layer, choose)
    rows = [rng.choice(len(weight), config.rows, replace=len(weight) < config.rows) for _ in range(TILES)]
    cols = [rng.choice(len(activation), config.cols, replace=len(activation) < config.cols) for _ in range(TILES)]
    return weight[np.array(rows), :length], activation[np.array(cols), :length]


def _quantized(case: Case, layer: Layer, choose: ChooseScale) -> tuple[Codes, Codes]:
    """The layer's weight codes ``[out, in]`` and held-out activation codes ``[tokens, in]``."""
    weight = quantize_weight(layer, case.pair.weight, POLICY.rule, choose).codes
    return weight, quantize_activation(layer, case.pair.activation, POLICY, choose).codes


def _outputs(layer: Layer) -> int:
    return layer.weight.shape[0] * len(layer.held_out)


def _named(layers: Sequence[Layer]) -> str:
    return "+".join(layer.name for layer in layers)
