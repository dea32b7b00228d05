"""How much dearer floating point is than integers on every cell library: at own best clocks, at shared clocks, in energy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ...fpga.libraries import LIBRARIES
from ...studies.ids import accumulator_key
from ...studies.records import Record, Records, metric
from ...studies.sweep.power import ENERGY
from ...studies.sweep.study_file import StudyFile
from ...studies.sweep.task import FASTEST, POWER, Task
from ..published import extra_cost
from ..shown import Column, Table, of_config, of_records

BEST, LEAST_ENERGY = "own best clock", "energy"
SHARED = ("tight clock", "middle clock", "slow clock")
"""What the three periods of a library are called, whatever it has for them."""


@dataclass(frozen=True)
class Gap:
    """Two functions that are compared, each by element format, scale and accumulator: floating point, then integers."""

    key: str
    title: str
    functions: tuple[tuple[str, str, str], tuple[str, str, str]]


_INT8, _INT4 = ("INT8", "none", "exact"), ("INT4", "none", "exact")
GAPS = (
    Gap("e4m3-exact", "E4M3, exact / INT8", (("E4M3", "none", "exact"), _INT8)),
    Gap("e4m3-window24", "E4M3, 24-bit window / INT8", (("E4M3", "none", "window24"), _INT8)),
    Gap("e2m1-exact", "E2M1, exact / INT4", (("E2M1", "none", "exact"), _INT4)),
    Gap("mxfp4", "MXFP4 / INT4", (("E2M1", "E8M0", "fp32"), _INT4)),
    Gap("nvfp4", "NVFP4 / INT4", (("E2M1", "E4M3", "fp32"), _INT4)),
)


def gap_records(records: Records, of_libraries: StudyFile, of_energy: StudyFile) -> Iterator[Record]:
    """A record per comparison, library and clock, as far as both functions were measured there, each as small as it was built.

    At a shared clock: by how many percent the floating-point unit that meets it is larger than the integer unit that does,
    registers included. At each one's own best clock: the same of area times clock period. In energy: of picojoules a MAC.
    """
    for library, asked in of_libraries.targets.by_library.items():
        clocks = {FASTEST: BEST, POWER: LEAST_ENERGY, **dict(zip(sorted(asked.periods), SHARED, strict=False))}
        found: dict[tuple[str, tuple[str, str, str]], Record] = {}
        for task in _tasks(library, of_libraries, of_energy):
            if task.key in records and records[task.key].flow.get("met", True):
                record, unit = records[task.key], task.unit
                clock = clocks.get(task.target) or clocks[task.period_ns or 0.0]
                place = clock, (unit.weight, unit.scale, accumulator_key(unit.accumulator))
                found[place] = min(record, found.get(place, record), key=_cost)
        for clock in (BEST, *SHARED, LEAST_ENERGY):
            for gap in GAPS:
                pair = [found[clock, function] for function in gap.functions if (clock, function) in found]
                if len(pair) == len(gap.functions):
                    yield _record(gap, library, clock, *pair)


def _tasks(library: str, of_libraries: StudyFile, of_energy: StudyFile) -> Iterator[Task]:
    """What is compared on a library: its own study, and the energies of the other one."""
    for study in (of_libraries, of_energy):
        asked = study.targets.by_library.get(library)
        if asked:
            tasks = (task for unit in study.expand().units.values() for task in asked.tasks(unit, library))
            yield from (task for task in tasks if (task.target == POWER) is (study is of_energy))


def _cost(record: Record) -> float:
    """What is compared: energy, or area at a shared clock, or area times period at a unit's own clock."""
    if record.topic == POWER:
        return record.number(ENERGY)
    return record.number("total_per_mac") * (record.number("delay") if record.topic == FASTEST else 1.0)


_UNITS: Mapping[str, str] = {POWER: "pJ/MAC", FASTEST: "GE ns/MAC"}


def _record(gap: Gap, library: str, clock: str, floating: Record, integer: Record) -> Record:
    unit = _UNITS.get(floating.topic, "GE/MAC")
    return Record(
        id=f"gap/{gap.key}/{library}/{clock.replace(' ', '-')}",
        topic="gap",
        config={"gap": gap.title, "library": library, "clock": clock, "node_nm": LIBRARIES[library].node_nm},
        part=floating.part,
        flow={"derived_from": [floating.id, integer.id], "library_sha256": floating.flow["library_sha256"]},
        tool_versions=dict(floating.tool_versions),
        metrics={
            "extra": metric(extra_cost(_cost(floating), _cost(integer)), "%"),
            "cost": metric(_cost(floating), unit),
            "baseline_cost": metric(_cost(integer), unit),
            "delay": floating.metrics["delay"],
            "baseline_delay": integer.metrics["delay"],
        },
    )


def gaps_of(records: Iterable[Record], title: str, clock: str) -> dict[str, Record]:
    """The records of a comparison at a clock by library, the oldest process first."""
    found = [
        row for row in records if row.topic == "gap" and (row.config["gap"], row.config["clock"]) == (title, clock)
    ]
    return {row.config["library"]: row for row in sorted(found, key=lambda row: -row.config["node_nm"])}


def gaps_answer(records: Records) -> Iterator[str]:
    """How far apart the libraries are: E4M3 over INT8."""
    for clock in (BEST, SHARED[-1], LEAST_ENERGY):
        found = gaps_of(records, GAPS[0].title, clock)
        if found:
            told = ", ".join(f"{row.number('extra'):+.0f} % on {name}" for name, row in found.items())
            yield f"{GAPS[0].title.replace(', exact / ', ' with exact sums over ')}, {clock}: {told}."


def gaps_table(records: Records) -> Table:
    """A row per comparison, clock and library."""
    columns: dict[str, Column] = {
        "compared": of_config("gap"), "at": of_config("clock"), "library": of_config("library"), "nm": of_config("node_nm"),
        "FP": ("cost", 2), "integer": ("baseline_cost", 2), "unit": lambda record: record.metrics["cost"].unit,
        "extra / %": ("extra", 1), "FP delay / ns": ("delay", 2), "integer delay / ns": ("baseline_delay", 2),
    }  # fmt: skip
    return of_records(
        records, records.of_kind("gap"), "INT against FP on every library",
        "The smallest formulation of each function that meets the clock, registers included, before layout; at their own best "
        "clocks area times period; energy on a real layer's operands. Corners differ: compare ratios.",
        columns,
    )  # fmt: skip
