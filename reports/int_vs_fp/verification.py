"""The layer's own quantized numbers through the generated Verilog, compared with golden bit for bit."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np

from ... import tools
from ...fpga.cache import cached
from ...sim import verify
from ..records import Record, metric
from ..tensors import Layer
from .accuracy import quantize_activation, quantize_weight
from .hardware import verilog_of
from .scales import ChooseScale, source_digest
from .study import Case, Policy, Study

POLICY = Policy("tensor", "maximum")
"""Whose codes run through the RTL; the static per-tensor scale also exercises saturation."""

STEPS = {"mac": 3072, "mac-fp32": 3072, "dot32": 144}
"""Steps (beats of ``lanes`` products) that a unit runs of each layer, in whole dot products, and at least four."""
LEAST_DOT_PRODUCTS = 4


def verification_jobs(study: Study, choose: ChooseScale) -> Iterator[tuple[str, Callable[[], list[Record]]]]:
    """Name and job of every simulation. A unit that fails ends the study: no cost of a wrong unit is reported."""
    for case in study.cases:
        for layer in study.verified_on(case):
            yield (
                f"verify {case.preset} on {layer.name}",
                lambda case=case, layer=layer: [verification_record(case, layer, study.verification_seed, choose)],
            )


def verification_record(case: Case, layer: Layer, seed: int, choose: ChooseScale) -> Record:
    """Dot products of the layer's output, picked by a seeded permutation, through the RTL under stalls and resets.

    Raises
    ------
    VerificationError
        If a single bit differs from golden.
    """
    weight = quantize_weight(layer, case.pair.weight, POLICY.rule, choose).codes
    activation = quantize_activation(layer, case.pair.activation, POLICY, choose).codes
    rows, tokens = _pick(case, layer, seed)
    config, text = case.config, verilog_of(case.config)
    length = min(layer.weight.shape[1], config.k_max)
    codes = weight[rows, :length], activation[tokens, :length]
    inputs = {
        "verilog": text,
        "config": config.to_dict(),
        "weight": codes[0].tolist(),
        "activation": codes[1].tolist(),
        "seed": seed,
        "tools": _versions(),
        "source": source_digest("formats", "golden", "sim"),
    }
    counted = cached("verify", inputs, lambda: _plain(verify(config, seed=seed, codes=codes, verilog=text)))
    return Record(
        id=f"verification/{case.preset}/{layer.name}",
        kind="verification",
        config={
            **config.to_dict(),
            "layer": layer.name,
            "activation_scale": POLICY.granularity,
            "rule": POLICY.rule,
        },
        unit=case.unit,
        flow={
            "level": "rtl",
            "simulator": "Icarus Verilog through cocotb",
            "compared_with": "golden, every bit",
            "length": length,
        },
        tool_versions=_versions(),
        seeds=(seed,),
        metrics={
            "dot_products": metric(counted["dot_products"], "dot products"),
            "products": metric(counted["products"], "products"),
            "products_matched": metric(counted["products"] if counted["mismatches"] == 0 else 0, "products"),
            "mismatches": metric(counted["mismatches"], "results"),
            "dot_products_in_layer": metric(layer.weight.shape[0] * len(layer.held_out), "dot products"),
            "products_in_layer": metric(layer.products, "products"),
            "transactions": metric(counted["transactions"], "results"),
            "input_stalls": metric(counted["input_stalls"], "cycles"),
            "output_stalls": metric(counted["output_stalls"], "cycles"),
            "resets": metric(counted["resets"], "resets"),
            "cycles": metric(counted["cycles"], "cycles"),
        },
    )


def _pick(case: Case, layer: Layer, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight rows and token rows ``[n]`` of the dot products that run, no pair twice."""
    outputs, length = layer.weight.shape
    available = outputs * len(layer.held_out)
    wanted = max(LEAST_DOT_PRODUCTS, STEPS[case.unit] // math.ceil(length / case.config.lanes))
    chosen = np.random.default_rng(seed).permutation(available)[: min(wanted, available)]
    return chosen // len(layer.held_out), chosen % len(layer.held_out)


def _plain(result: Any) -> dict[str, int]:
    return {field.name: value for field in fields(result) if isinstance(value := getattr(result, field.name), int)}


def _versions() -> dict[str, str]:
    return {
        "iverilog": tools.tool_versions().get("iverilog", "missing"),
        "cocotb": importlib.metadata.version("cocotb"),
    }
