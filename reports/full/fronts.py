"""Formats against each other on every axis with their Pareto fronts, and the smallest formulations of FP8 and INT8."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ... import formats
from ...config import FORMULATIONS, MacConfig
from ...formats import Int
from ...studies.full.layer_errors import error_id
from ...studies.ids import label_of, unit_key
from ...studies.records import Metric, Record, Records, metric
from ...studies.sweep.task import unit_of
from ..choice import Candidate, Question, front
from ..libraries import USUAL, libraries
from ..names import unit_names

EQUAL_NS = 15


@dataclass(frozen=True)
class Axis:
    """What a unit costs: words for axes and sentences, the ends of ids of records, the cost from these, the library if any."""

    title: str
    unit: str
    word: str
    needs: tuple[str, ...]
    cost: Callable[..., float]
    library: str = ""


def _number(name: str) -> Callable[[Record], float]:
    return lambda record: record.number(name)


_EVERYWHERE: dict[str, Axis] = {
    "gates": Axis("NAND2-equivalents per MAC, registers included", "NAND2-equivalents", "gates", ("generic",),
                  _number("total_per_mac")),
    "lut4": Axis("ECP5 LUT4 per MAC, no DSP blocks", "LUT4", "LUT4", ("ecp5",), _number("logic_per_mac")),
    "own_clock": Axis("ECP5 LUT4 per GMAC/s, each unit at its own best clock", "LUT4 / (GMAC/s)", "LUT4 per GMAC/s",
                      ("ecp5", "clock"), lambda area, clock: 1e3 * area.number("logic_per_mac") / clock.number("fmax")),
}  # fmt: skip


def axes_of(records: Records, parts: Sequence[str]) -> dict[str, Axis]:
    """Every axis that these units were measured on: gates and FPGA, then area and energy on each cell library."""
    found = dict(_EVERYWHERE)
    measured = [record for record in records if record.part in set(parts)]
    for library in libraries(measured):
        of = "" if library == USUAL else f"_{library}"
        on = "" if library == USUAL else f"-{library}"
        area = _common(records, parts, f"{library}-")
        if area:
            found[f"equal_clock{of}"] = Axis(
                f"{library} GE per MAC, all units at {area} ns", "GE", f"{library} cells", (f"{library}-{area}ns",),
                _number("total_per_mac"), library,
            )  # fmt: skip
        power = _common(records, parts, f"power{on}-layer-")
        if power:
            end = f"power{on}-layer-{power}ns"
            unit = records[f"{parts[0]}/{end}"].metrics["energy"].unit
            found[f"energy{of}"] = Axis(
                f"{unit.partition('/')[0]} per MAC on the layer's operands, {library} before layout", unit,
                f"{library} energy", (end,), _number("energy"), library,
            )  # fmt: skip
        if library != USUAL and all(f"{part}/fastest{on}" in records for part in parts):
            found[f"own_clock{of}"] = Axis(
                f"{library} GE per GMAC/s, each unit at its own best clock", "GE / (GMAC/s)", f"{library} GE per GMAC/s",
                (f"fastest{on}",), lambda fastest: fastest.number("total_per_mac") * fastest.number("delay"), library,
            )  # fmt: skip
    return found


def _common(records: Records, parts: Sequence[str], start: str) -> str:
    """The period at which all units were measured, as in ids: ``EQUAL_NS``, or that in the middle; empty where there is none."""
    of_first = [record.id.partition("/")[2] for record in records if record.part == parts[0]]
    periods = [match[1] for end in of_first if (match := re.fullmatch(rf"{re.escape(start)}([\d.]+)ns", end))]
    kept = sorted((p for p in periods if all(f"{part}/{start}{p}ns" in records for part in parts)), key=float)
    return f"{EQUAL_NS}" if f"{EQUAL_NS}" in kept else kept[len(kept) // 2] if kept else ""


def point_records(records: Records, units: Iterable[MacConfig]) -> Iterator[Record]:
    """What every compared unit costs on every axis, beside its error on the real layers: a record per unit."""
    units = list(units)
    axes = axes_of(records, [unit_key(config) for config in units])
    for config in units:
        name, error = unit_key(config), records[error_id(config)]
        sources = {axis: [records[f"{name}/{end}"] for end in axes[axis].needs] for axis in axes}
        yield Record(
            id=f"point/{name}",
            topic="point",
            config=config.to_dict(),
            part=name,
            flow={
                "derived_from": [error.id, *dict.fromkeys(source.id for found in sources.values() for source in found)]
            },
            metrics={
                "sqnr": error.metrics["sqnr"],
                "sqnr_worst": error.metrics["sqnr_worst"],
                "operand_bits": error.metrics["operand_bits"],
                **{axis: metric(axes[axis].cost(*found), axes[axis].unit) for axis, found in sources.items()},
            },
        )


def points_of(records: Records) -> tuple[list[Record], dict[str, Axis]]:
    """The compared units, and the axes they have."""
    points = records.of_kind("point")
    axes = axes_of(records, [point.part for point in points])
    return points, {name: axis for name, axis in axes.items() if all(name in point.metrics for point in points)}


def question(records: Records) -> Question:
    """Which format to choose: mean SQNR on the layers, and every axis as a column."""
    points, axes = points_of(records)
    names, common = unit_names(points)
    candidates = [
        Candidate(names[p.part], p.number("sqnr"), {axis.word: p.number(name) for name, axis in axes.items()})
        for p in points
    ]
    energy = f"{USUAL} energy"
    told = {"gates": (0, "GE"), **({energy: (1, "pJ")} if energy in candidates[0].costs else {})}
    return Question(candidates, "mean output SQNR", told, f"per MAC of {common}, registers included")


def members(points: Iterable[Record], axis: str) -> list[Record]:
    """The points that no other one beats in both error and cost, by rising cost."""
    by_name = {point.id: point for point in points}
    found = front((point.number(axis), point.number("sqnr"), name) for name, point in by_name.items())
    return [by_name[name] for _, _, name in found]


def front_records(records: Records) -> Iterator[Record]:
    """A record per axis: which units are on the front, and how many of them are integers."""
    points, axes = points_of(records)
    for name, axis in axes.items():
        on_front = members(points, name)
        yield Record(
            id=f"front/{name}",
            topic="front",
            config={"axis": axis.title, "members": [point.part for point in on_front]},
            flow={"derived_from": [point.id for point in points], "rule": "no other unit costs less and errs less"},
            metrics={
                "units": metric(len(points), "units"),
                "members": metric(len(on_front), "units"),
                "integer_members": metric(sum(map(is_integer, on_front)), "units"),
            },
        )


def is_integer(record: Record) -> bool:
    """Whether both operands of a record's unit are integers."""
    return all(isinstance(formats.get(record.config[name]), Int) for name in ("weight", "activation"))


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
