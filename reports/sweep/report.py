"""The page of a user's study: what every unit costs on every target, and what was not built and why."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ...studies.records import STUDY, Record, Records
from ...studies.sweep.run import STUDY_RECORD, measure
from ...studies.sweep.study_file import StudyFile
from ...studies.sweep.task import CLOCK, FASTEST, POWER, SPREAD
from .. import shown
from ..charts import beside, family_handles, rightwards
from ..choice import listed
from ..colours import colour, family_of
from ..drawing import as_rows, figure, legend_above
from ..libraries import USUAL, libraries, library_of, words_of
from ..names import sentence, unit_names
from ..report import Drawing, Report
from ..shown import Column, Table, of_records
from .cells import (
    curve_drawings,
    curve_targets,
    curves_answer,
    curves_tables,
    energy_answer,
    energy_drawings,
    energy_tables,
)

PER_MAC = "logic_per_mac"
MOST_BARS = 60
"""Units that a picture shows, the smallest ones."""
_BOARDS = {
    "generic": "gates",
    "ecp5": "ECP5",
    "ice40": "iCE40",
    "gowin": "Gowin",
    "xilinx7": "Xilinx 7",
    CLOCK: "ECP5 clock",
}


def user_report(study: StudyFile, *, source: Path) -> Report:
    """The report of a study file that was read from ``source``."""
    return study_report(study.title, f"bitmill report {shlex.quote(source.name)} -o DIR", partial(measure, study))


def study_report(title: str, command: str, measured: Callable[..., Iterable[Record]]) -> Report:
    """The report of a study by its title, what regenerates it and what measures it."""
    return Report(
        study=STUDY,
        title=title,
        subject=_subject,
        measure=measured,
        answer=_answer,
        findings=_findings,
        tables=_tables,
        drawings=_drawings,
        regenerate=((command, "this report; what is known is not measured again"),),
    )


def _subject(records: Records) -> str:
    further = [f"{name} over the clock" for name in libraries(records.of_kind(SPREAD))]
    further += [f"{name} for energy" for name in libraries(records.of_kind(POWER))]
    return (
        f"{records[STUDY_RECORD].number('units'):.0f} units on {', '.join([*map(_words, _targets(records)), *further])}"
    )


def _drawings(records: Records) -> Mapping[str, Drawing]:
    found = {
        f"area-{target}": Drawing(partial(_bars, target=target), f"{_title(target)}, every unit, the best first.")
        for target in _targets(records)
    }
    return found | curve_drawings(records) | energy_drawings(records)


def _tables(records: Records) -> Iterator[Table]:
    for target in _targets(records):
        yield _table(records, target)
    yield from curves_tables(records)
    yield from energy_tables(records)
    yield skipped_table(records[STUDY_RECORD])


def _targets(records: Records) -> list[str]:
    """Targets with their clock periods and blocks, as in ids, in order; without those that are points of a curve."""
    curved = set(libraries(records.of_kind(SPREAD)))
    found = dict.fromkeys(
        record.id.partition("/")[2]
        for record in records
        if record.topic in ("area", "timing") or (record.topic == FASTEST and library_of(record) not in curved)
    )
    return [target for target in found if target not in curve_targets(records)]


def _words(target: str) -> str:
    """``sky130 (130 nm) at 8 ns``, ``ECP5 with DSP blocks``."""
    target, best = target.removesuffix("-best"), ", in the best formulation" * target.endswith("-best")
    start, _, rest = target.partition("-")
    if start in _BOARDS:
        return _BOARDS[start] + (" with DSP blocks" if rest else "") + best
    if start == FASTEST:
        return f"{words_of(rest or USUAL)}, each at its own best clock{best}"
    match = re.fullmatch(r"(.+)-([\d.]+)ns", target)
    return f"{words_of(match[1])} at {match[2]} ns{best}" if match else target


def _title(target: str) -> str:
    return "Clock on ECP5" if target == CLOCK else f"Logic per MAC on {_words(target)}"


def _order(target: str) -> str:
    """What units of a target are ranked by."""
    return "fmax" if target == CLOCK else PER_MAC


def _of(records: Records, target: str) -> list[Record]:
    return [record for record in records if record.id.partition("/")[2] == target]


def _ranked(records: Records, target: str) -> list[Record]:
    found = sorted(_of(records, target), key=lambda record: record.number(_order(target)))
    return found[::-1] if target == CLOCK else found


def _answer(records: Records) -> list[str]:
    """The best unit on every target; who takes most, or what curves and energies say of the best."""
    best: dict[str, list[str]] = {}
    worst: dict[str, list[str]] = {}
    for target in _targets(records):
        ranked, order = _ranked(records, target), _order(target)
        names, _ = unit_names(ranked)
        for found, record in ((best, ranked[0]), (worst, ranked[-1])):
            value = record.metrics[order]
            figure = f"{shown.shown(value.value or 0, 1)} {value.unit}{' a MAC' if target != CLOCK else ''}"
            found.setdefault(names[record.part], []).append(f"{_words(target)} ({figure})")
    more = [*curves_answer(records), *energy_answer(records)]
    if not best:
        return more[:2]
    ends = (listed([f"{name} for {listed(figures)}" for name, figures in found.items()]) for found in (best, worst))
    if best == worst:
        return [f"There is no choice: {next(ends)}.", *more[:1]]
    said = [f"Take {next(ends)}: each is the best there.", *more]
    return said[:2] if more else [*said, f"At the other end are {next(ends)}."]


def _findings(records: Records) -> Iterator[str]:
    said = _answer(records)
    yield from (sentence for sentence in (*curves_answer(records), *energy_answer(records)) if sentence not in said)
    skipped = records[STUDY_RECORD].number("skipped")
    if skipped:
        yield f"{skipped:.0f} combinations are no unit; the last table says why."


def _bars(records: Records, target: str) -> Figure:
    every = _ranked(records, target)
    rows = every[:MOST_BARS]
    names, common = unit_names(every)
    unit = rows[0].metrics[_order(target)].unit
    note = f" The first {MOST_BARS} of {len(every)}." if len(every) > MOST_BARS else ""
    made = figure(
        9.0, 1.9 + 0.24 * len(rows), _title(target),
        f"{common}{'' if target == CLOCK else '; registers apart'}.{note}".lstrip("; "), top=0.75,
    )  # fmt: skip
    axes = made.subplots()
    width = max(len(names[record.part]) for record in rows)
    made.subplots_adjust(left=min(0.5, 0.06 + 0.0095 * width), right=0.97, bottom=0.5 / made.get_figheight())
    values = [record.number(_order(target)) for record in rows]
    families = [family_of(record.config) for record in rows]
    axes.barh(range(len(rows)), values, height=0.66, color=[colour(family) for family in families])
    as_rows(axes, range(len(rows)), [names[record.part] for record in rows], room=(0.6, 0.6))
    rightwards(axes, max(values))
    axes.set_xlabel("clock / MHz" if target == CLOCK else f"logic per MAC / {unit}")
    for place, value in enumerate(values):
        beside(axes, value, place, shown.shown(value, 1))
    legend_above(made, family_handles(families), top=0.56, handletextpad=0.3)
    return made


_COLUMNS: dict[str, tuple[str, int]] = {
    "logic": ("logic", 1), "logic per MAC": (PER_MAC, 1), "with registers, per MAC": ("total_per_mac", 1),
    "area / um2": ("area", 1), "registers": ("registers", 0), "DSP": ("dsp", 0), "delay / ns": ("delay", 2),
    "Fmax / MHz": ("fmax", 1), "lowest": ("fmax_min", 1), "highest": ("fmax_max", 1),
    "accumulator bits": ("accumulator_bits", 0),
}  # fmt: skip


def _table(records: Records, target: str) -> Table:
    rows = _of(records, target)
    names, common = unit_names(rows)
    columns: dict[str, Column] = {
        title: partial(_cell, records, name=name, digits=digits)
        for title, (name, digits) in _COLUMNS.items()
        if any(name in record.metrics for record in rows)
    }
    units = {record.metrics["logic"].unit for record in rows if "logic" in record.metrics}
    note = f"Logic in {', '.join(sorted(units))}, registers apart." if units else "Placed and routed on ECP5."
    return of_records(
        records, rows, _words(target), f"{sentence(common)}. {note}".lstrip(". "),
        {"unit": lambda record: names[record.part], **columns},
    )  # fmt: skip


def _cell(records: Records, record: Record, *, name: str, digits: int) -> shown.Cell:
    return shown.number(records, record.id, name, digits) if name in record.metrics else shown.DASH


def skipped_table(study: Record) -> Table:
    """Combinations of a study's grids that no unit can be built for, and why."""
    rows = []
    for row in study.config["skipped"]:
        fields = row["fields"]
        rest = "; ".join(
            f"{name.replace('_', ' ')} {' '.join(map(str, fields[name].values())) if name == 'accumulator' else fields[name]}"
            for name in ("accumulator", "scale", "pipeline", "k_max")
        )
        rows.append((f"{fields['weight']} x {fields['activation']}", str(fields["lanes"]), rest, row["reason"]))
    note = "Combinations of the grid that no unit can be built for."
    return Table("Skipped", note, ("pair", "lanes", "rest", "why"), tuple(rows))
