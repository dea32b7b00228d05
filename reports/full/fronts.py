"""Pareto fronts: error on the real layers against what a unit costs, at an equal clock and at each one's own best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ... import formats
from ...config import MacConfig
from ...formats import Int
from ...studies.full.layer_errors import error_id
from ...studies.ids import unit_key
from ...studies.records import Record, Records, metric
from ..shown import front

EQUAL_NS = 15


@dataclass(frozen=True)
class Axis:
    """What a unit costs.

    Attributes
    ----------
    title, unit
        For axis labels, and of the numbers.
    needs
        Ends of the ids of the records that it is computed from.
    cost
        From those records.
    """

    title: str
    unit: str
    needs: tuple[str, ...]
    cost: Callable[..., float]


def _number(name: str) -> Callable[[Record], float]:
    return lambda record: record.number(name)


AXES: dict[str, Axis] = {
    "gates": Axis("NAND2-equivalents per MAC, registers included", "NAND2-equivalents", ("generic",), _number("total_per_mac")),
    "lut4": Axis("ECP5 LUT4 per MAC, no DSP blocks", "LUT4", ("ecp5",), _number("logic_per_mac")),
    "own_clock": Axis("ECP5 LUT4 per GMAC/s, each unit at its own best clock", "LUT4 / (GMAC/s)", ("ecp5", "clock"),
                      lambda area, clock: 1e3 * area.number("logic_per_mac") / clock.number("fmax")),
    "equal_clock": Axis(f"osu018 GE per MAC, all units at {EQUAL_NS} ns", "GE", (f"osu018-{EQUAL_NS}ns",),
                        _number("total_per_mac")),
    "energy": Axis("pJ per MAC on the layer's operands, osu018 before layout", "pJ/MAC", (f"power-layer-{EQUAL_NS}ns",),
                   _number("energy")),
}  # fmt: skip


def point_records(records: Records, units: Iterable[MacConfig]) -> Iterator[Record]:
    """What every compared unit costs on every axis, beside its error on the real layers: a record per unit."""
    for config in units:
        name, error = unit_key(config), records[error_id(config)]
        sources = {axis: [records[f"{name}/{end}"] for end in AXES[axis].needs] for axis in AXES}
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
                **{axis: metric(AXES[axis].cost(*found), AXES[axis].unit) for axis, found in sources.items()},
            },
        )


def members(points: Iterable[Record], axis: str) -> list[Record]:
    """The points that no other one beats in both error and cost, by rising cost."""
    by_name = {point.id: point for point in points}
    found = front((point.number(axis), point.number("sqnr"), name) for name, point in by_name.items())
    return [by_name[name] for _, _, name in found]


def front_records(points: Iterable[Record]) -> Iterator[Record]:
    """A record per axis: which units are on the front, and how many of them are integers."""
    points = list(points)
    for name, axis in AXES.items():
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
