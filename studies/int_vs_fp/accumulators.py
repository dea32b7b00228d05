"""The accumulator axis: what each kind loses on real layers, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...models.layers import Layer
from ..committed import committed
from ..ids import measured_id
from ..jobs import Job
from ..records import Metric, Record, Records, metric
from .accuracy import Quantized, quantize_activation, quantize_weight
from .emitted import verilog_of
from .hardware import area_record
from .scales import ChooseScale
from .study import Case, Pair, Policy, Study
from .summed import UNITS, Operands, accumulation_errors

POLICY = Policy("token", "least-squares")
"""How the codes are made that are accumulated: one scale per token, where accuracy is best."""
TOKENS = 32
"""Held-out tokens of a layer, picked by seed, whose outputs are accumulated; every output channel of each."""


def accumulator_jobs(study: Study, choose: ChooseScale) -> Iterator[tuple[str, Job]]:
    """Name and job of the cost of each unit, and of the errors of all accumulators of a pair on a layer."""
    for case in (*study.accumulated, *study.accumulated_macs):
        yield f"gates {case.name}", lambda case=case: [gates_record(case)]
    for pair in dict.fromkeys(case.pair for case in study.accumulated):
        cases = [Case(pair, "dot32"), *(case for case in study.accumulated if case.pair == pair)]
        for layer in study.layers:
            yield (
                f"accumulation of {pair.key} on {layer.name}",
                lambda cases=cases, layer=layer: error_records(cases, layer, study.verification_seed, choose),
            )


def gates_record(case: Case) -> Record:
    """NAND2-equivalents of the flat unit: committed with the benchmarks if of this very Verilog, counted now if not."""
    found = committed(
        "bench", measured_id(case.key, "generic"), lambda: verilog_of(case.config), measured_by="make bench"
    )
    return replace(found, topic="area", part=case.part) if found else area_record(case)


def error_records(cases: Sequence[Case], layer: Layer, seed: int, choose: ChooseScale) -> list[Record]:
    """Error of each accumulator of one pair on one layer; the first case has the exact one.

    Raises
    ------
    BitmillError
        As ``golden.matmul``.
    """
    pair = cases[0].pair
    operands = operands_of(pair.weight, pair.activation, layer, longest=cases[0].config.k_max, seed=seed, choose=choose)
    errors = accumulation_errors([case.config for case in cases], operands)
    return [_error_record(case, layer, seed, found) for case, found in zip(cases, errors, strict=True)]


def operands_of(
    weight_format: str, activation_format: str, layer: Layer, *, longest: int, seed: int, choose: ChooseScale
) -> Operands:
    """A layer's codes for ``TOKENS`` held-out tokens picked by seed, dot products cut to ``longest`` products."""
    weight = quantize_weight(layer, weight_format, POLICY.rule, choose)
    activation = quantize_activation(layer, activation_format, POLICY, choose)
    tokens = np.sort(np.random.default_rng(seed).permutation(len(layer.held_out))[:TOKENS])
    length = min(layer.weight.shape[1], longest)
    return Operands(
        weight=weight.codes[:, :length],
        activation=activation.codes[tokens, :length],
        scales=_column(weight) * _column(activation)[tokens].T,
        reference=layer.weight[:, :length] @ layer.held_out[tokens, :length].T,
    )


def worst_records(records: Records) -> Iterator[Record]:
    """Of each unit the worst layer: least ratio of signal to accumulator error, most overflow, most lost in the total."""
    by_case: dict[str, list[Record]] = {}
    for record in records.of_kind("accumulation"):
        by_case.setdefault(record.id.split("/")[2], []).append(record)
    for name, parts in by_case.items():
        exact = [records[_error_id(_exact(part), part.config["layer"])] for part in parts]
        errors = [part.metrics["error_sqnr"].value for part in parts]
        finite = [error for error in errors if error is not None]
        lost = [
            _total(best) - _total(part) if part is not best else 0.0 for best, part in zip(exact, parts, strict=True)
        ]
        yield Record(
            id=f"accumulator/{name}",
            topic="accumulator",
            config={key: value for key, value in parts[0].config.items() if key != "layer"},
            part=parts[0].part,
            flow={"derived_from": [part.id for part in parts], "worst_over": "layers"},
            tool_versions=dict(parts[0].tool_versions),
            seeds=parts[0].seeds,
            metrics={
                "error_sqnr": Metric(min(finite), "dB") if finite else Metric(None, "dB"),
                "total_sqnr_lost": metric(max(lost), "dB"),
                "overflowed": metric(max(part.number("overflowed") for part in parts), "%"),
            },
        )


def _exact(record: Record) -> Case:
    """The unit with the exact accumulator that a record's unit is compared with."""
    return Case(Pair(record.config["weight"], record.config["activation"]), "dot32")


def _error_id(case: Case, layer: str) -> str:
    return f"accumulation/{layer}/{case.key}"


def _total(record: Record) -> float:
    value = record.metrics["total_sqnr"].value
    return float("inf") if value is None else value


def _column(quantized: Quantized) -> NDArray[np.float64]:
    return np.asarray(quantized.scales.values, dtype=np.float64).reshape(-1, 1)


def _error_record(case: Case, layer: Layer, seed: int, found: Mapping[str, float | int | None]) -> Record:
    return Record(
        id=_error_id(case, layer.name),
        topic="accumulation",
        config={
            **case.config.to_dict(),
            "layer": layer.name,
            "weight_scale": "channel",
            "activation_scale": POLICY.granularity,
            "rule": POLICY.rule,
        },
        part=case.part,
        flow={
            "computed_by": "golden, bit for bit what the RTL does",
            "error_sqnr": "against the exact sum of the same codes",
            "total_sqnr": "against float64 x @ weight.T of the stored tensors",
            "overflowed": "results of infinity, counted as the format's largest number",
            "evaluated_on": f"{TOKENS} held-out tokens picked by seed, every output channel",
        },
        tool_versions={"numpy": np.__version__},
        seeds=(seed,),
        metrics={name: Metric(value, UNITS[name]) for name, value in found.items()},
    )
