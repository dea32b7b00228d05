"""The cheapest correct aligner: the smallest of all formulations of FP8 against the smallest of INT8."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...config import FORMULATIONS, MacConfig
from ...studies.full.layer_errors import error_id
from ...studies.ids import label_of, unit_key
from ...studies.records import Metric, Record, Records, metric
from ...studies.sweep.task import unit_of

COSTS = {"generic": "logic_per_mac", "ecp5": "logic_per_mac"}
"""Target to what is compared: gates and LUT4, registers apart."""
EXACT, FUSED = "exact", "fused"

_OF_INTEGERS = {"logic": "rows of digits", "columns": "columns of all lanes", "operator": "synthesizer's own"}
"""What integers' multipliers are called, others by their titles."""


def rounding_of(config: MacConfig) -> str:
    """``exact``, or ``fused`` for one alignment and one rounding of all products of a step."""
    return FUSED if config.accumulator.is_float else EXACT


def formulation_of(config: MacConfig) -> str:
    """``grouped aligner``, ``24-bit window``, ``columns of all lanes``: how the unit does what others do as well."""
    if config.product.exponent_span == 0:
        return _OF_INTEGERS.get(config.multiplier, FORMULATIONS["multiplier"][config.multiplier].title)
    label = label_of(config.accumulator)
    return f"{label.removeprefix('window ')}-bit window" if label.startswith("window") else f"{config.aligner} aligner"


def cheapest_records(records: Records, units: Iterable[MacConfig]) -> Iterator[Record]:
    """A record per pair, rounding and target: the smallest formulation, of how many, and how it compares with INT8's."""
    groups: dict[tuple[str, str], list[MacConfig]] = {}
    for config in units:
        groups.setdefault((config.weight, rounding_of(config)), []).append(config)
    for target, cost in COSTS.items():
        smallest = {
            group: min(
                (records[f"{unit_key(config)}/{target}"] for config in configs), key=lambda found: found.number(cost)
            )
            for group, configs in groups.items()
        }
        for (pair, rounding), found in smallest.items():
            baseline = smallest["INT8", rounding]
            errors = records[error_id(unit_of(found))]
            yield Record(
                id=f"cheapest/{pair.lower()}-{rounding}/{target}",
                topic="cheapest",
                config={
                    "pair": pair,
                    "rounding": rounding,
                    "formulation": formulation_of(unit_of(found)),
                },
                part=found.part,
                flow={
                    "derived_from": [f"{unit_key(config)}/{target}" for config in groups[pair, rounding]],
                    "compared_with": baseline.id,
                    "metric": cost,
                },
                tool_versions=dict(found.tool_versions),
                metrics={
                    "formulations": metric(len(_ways(records, groups[pair, rounding], target)), "formulations"),
                    "cost": metric(found.number(cost), found.metrics[cost].unit),
                    "over_int8": metric(100 * (found.number(cost) / baseline.number(cost) - 1), "%"),
                    "accumulator_sqnr": errors.metrics.get("accumulator_sqnr", Metric(None, "dB")),
                },
            )  # fmt: skip


def _ways(records: Records, configs: Iterable[MacConfig], target: str) -> list[str]:
    """Formulations in RTL, and for a plain ``*`` those that Yosys has for it."""
    ways = []
    for config in configs:
        tried = records[f"{unit_key(config)}/{target}"].flow.get("tried", {})
        ways += [f"{formulation_of(config)}, {recipe}" for recipe in tried] if config.multiplier == "operator" else [
            formulation_of(config)
        ]  # fmt: skip
    return ways
