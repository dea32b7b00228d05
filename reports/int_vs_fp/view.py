"""What renderers show of the records: the candidates in order, and which record stands for what."""

from __future__ import annotations

from typing import TypeVar

from ...studies.ids import label_of
from ...studies.int_vs_fp.kinds import from_record
from ...studies.int_vs_fp.study import ARRAY_UNITS, POLICIES, TIMES, Case, Pair, Policy, unit_named
from ...studies.records import Record, Records
from ...system.errors import BitmillError
from ..choice import front

_Kind = TypeVar("_Kind")

UNIT_TITLES = {"dot32": "32-lane dot product", "mac": "MAC", "mac-fp32": "MAC, FP32 accumulator"}
"""The single units, in the order of tables and panels."""

ARRAY_TITLES = {unit: f"{unit.replace('x', TIMES)} array" for unit in ARRAY_UNITS}


def pair_of(record: Record) -> Pair:
    """Formats of a record's operands."""
    return Pair(record.config["weight"], record.config["activation"])


def key(pair: Pair, unit: str) -> str:
    """What records call a unit."""
    return Case(pair, unit_named(unit)).key


def pairs(records: Records) -> list[Pair]:
    """The pairs with accuracy records, in order.

    Raises
    ------
    BitmillError
        If there are none.
    """
    found = (pair_of(r) for r in records.of_kind("accuracy"))
    return _some("accuracy", list(dict.fromkeys(found)))


def layers(records: Records) -> list[Record]:
    """The layers' records, in order.

    Raises
    ------
    BitmillError
        If there are none.
    """
    return _some("layer", records.of_kind("layer"))


def units(records: Records) -> list[str]:
    """The units that were synthesized: dot products first, then single lanes."""
    there = {record.part for record in records.of_kind("area")}
    return [unit for unit in UNIT_TITLES if unit in there]


def arrays(records: Records) -> list[Pair]:
    """The pairs that arrays were built of, in order."""
    found = {pair_of(r) for r in records.of_kind("cycles")}
    return [pair for pair in pairs(records) if pair in found]


def accumulator_pairs(records: Records) -> list[Pair]:
    """The pairs that were built with several accumulators, in order."""
    found = {pair_of(r) for r in records.of_kind("accumulator")}
    return [pair for pair in pairs(records) if pair in found]


def accumulators(records: Records, pair: Pair) -> list[Record]:
    """One record per accumulator of a pair's dot product, the exact one first."""
    return [r for r in records.of_kind("accumulator") if pair_of(r) == pair]


def accumulator_label(record: Record) -> str:
    """``exact`` or ``FP16 fused 128``."""
    return label_of(from_record(record.config))


def unit_title(record: Record) -> str:
    """What a unit is, with its accumulator where that is not the one of its preset."""
    title = {**UNIT_TITLES, **ARRAY_TITLES}[record.part]
    accumulator = from_record(record.config)
    own = record.part == "mac-fp32" or accumulator.never_rounds
    return title if own else f"{title}, {label_of(accumulator)}"


def main_unit(records: Records) -> str:
    """The unit that accuracy is shown against.

    Raises
    ------
    BitmillError
        If no unit was synthesized.
    """
    found = units(records)
    if not found:
        raise BitmillError("records must hold a record of kind 'area', not none")
    return found[0]


def sqnr(records: Records, layer: str, pair: Pair, policy: Policy) -> float | None:
    """Output SQNR in dB; None where the result is exact."""
    record = records[f"accuracy/{layer}/{pair.key}/{policy.key}"]
    if "sqnr" not in record.metrics:
        raise BitmillError(f"record {record.id} has no value 'sqnr'")
    return record.metrics["sqnr"].value


def best_policy(records: Records, layer: str, pair: Pair, granularity: str) -> Policy:
    """The scale rule with the higher SQNR, of equals the first."""
    policies = [policy for policy in POLICIES if policy.granularity == granularity]
    return max(policies, key=lambda policy: _or_infinite(sqnr(records, layer, pair, policy)))


def pareto(records: Records, layer: str, granularity: str, flow: str, metric: str) -> list[str]:
    """Keys of the pairs on the front of SQNR (better rule) against a cost of ``main_unit``, by rising cost."""
    unit = main_unit(records)
    points = []
    for pair in pairs(records):
        quality = sqnr(records, layer, pair, best_policy(records, layer, pair, granularity))
        points.append((records[f"{key(pair, unit)}/{flow}"].number(metric), _or_infinite(quality), pair.key))
    return [name for _, _, name in front(points)]


def timing_of(records: Records, pair: Pair, unit: str) -> str | None:
    """Id of the timing record of a unit or of the slice of it that was routed."""
    for record in records.of_kind("timing"):
        is_slice = unit == "dot32" and record.part.startswith("dot")
        if pair_of(record) == pair and (record.part == unit or is_slice) and record.id.endswith("/clock"):
            return record.id
    return None


def _or_infinite(value: float | None) -> float:
    return float("inf") if value is None else value


def _some(kind: str, found: list[_Kind]) -> list[_Kind]:
    if not found:
        raise BitmillError(f"records must hold a record of kind {kind!r}, not none")
    return found
