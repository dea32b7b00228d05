"""What a unit's formats and accumulator lose on real layers, computed by golden, bit for bit what the RTL does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ...config import STAGES, USUAL, MacConfig
from ...models.layers import Layer
from ..ids import unit_key
from ..int_vs_fp.accumulators import POLICY, TOKENS, operands_of
from ..int_vs_fp.scales import ChooseScale
from ..int_vs_fp.summed import unit_error
from ..records import Metric, Record, metric

SEED = 1


def error_id(config: MacConfig) -> str:
    """The id of a unit's error: neither its structure nor, of an exact sum, its lanes matter to it."""
    fields = {**config.to_dict(), "pipeline": len(STAGES), **USUAL}
    if config.accumulator.never_rounds:  # Another kind may clamp or round once a step.
        fields |= {"lanes": 1, "unit": "mac"}
    return f"error/{unit_key(MacConfig.from_dict(fields))}"


def error_jobs(
    units: Iterable[MacConfig], layers: tuple[Layer, ...], choose: ChooseScale
) -> Iterator[tuple[str, Callable[[], list[Record]]]]:
    """Name and job of the error of every unit that is different in what it computes."""
    different = {error_id(config): config for config in units}
    for name, config in different.items():
        yield name, lambda name=name, config=config: [error_record(name, config, layers, choose)]


def error_record(name: str, config: MacConfig, layers: tuple[Layer, ...], choose: ChooseScale) -> Record:
    """SQNR of the layers' outputs in dB: of each, their mean, and the least.

    Raises
    ------
    BitmillError
        As ``golden.matmul``.
    """
    found: dict[str, Metric] = {}
    lost: list[float | None] = []
    for layer in layers:
        operands = operands_of(config.weight, config.activation, layer, longest=config.k_max, seed=SEED, choose=choose)
        whole, accumulated = unit_error(config, operands)
        found[f"sqnr {layer.name}"] = Metric(whole, "dB")
        lost.append(accumulated)
    values = [entry.value for entry in found.values() if entry.value is not None]
    mean = metric(sum(values) / len(values), "dB") if len(values) == len(found) else Metric(None, "dB")
    finite = [value for value in lost if value is not None]
    bits = (config.weight_format.bits + config.activation_format.bits) / 2
    return Record(
        id=name,
        topic="error",
        config=config.to_dict(),
        part=unit_key(config),
        flow={
            "computed_by": "golden, bit for bit what the RTL does",
            "sqnr": "against float64 x @ weight.T of the stored tensors",
            "accumulator_sqnr": "against the exact sum of the same codes, on the worst layer; none where they are equal",
            "scales": f"weights per channel, activations per {POLICY.granularity}, {POLICY.rule}",
            "evaluated_on": f"{TOKENS} held-out tokens of each layer picked by seed, every output channel",
        },
        tool_versions={"numpy": np.__version__},
        seeds=(SEED,),
        metrics={
            "sqnr": mean,
            "sqnr_worst": metric(min(values), "dB") if values else Metric(None, "dB"),
            "accumulator_sqnr": metric(min(finite), "dB") if finite else Metric(None, "dB"),
            "operand_bits": metric(bits, "bits"),
            **found,
        },
    )
