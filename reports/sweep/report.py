"""The page of a user's study: what every unit costs on every target, and what was not built and why."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure

from ... import formats
from ...studies.records import STUDY, Record, Records
from ...studies.sweep.run import STUDY_RECORD, measure
from ...studies.sweep.study_file import StudyFile
from ...studies.sweep.task import CLOCK, POWER, SPREAD
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure
from ..report import Drawing, Report
from ..shown import Cell, Table
from .curves import curve_targets, curves_answer, curves_picture, curves_table
from .energy_bars import energy_answer, energy_picture, energy_table

PER_MAC = "logic_per_mac"
MOST_BARS = 60
"""Units that a picture shows, the smallest ones."""


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
        tables=_tables,
        drawings=_drawings,
        regenerate=((command, "this report; what is known is not measured again"),),
    )


_FURTHER = {
    SPREAD: ("curves", "osu018 over the clock", curves_picture, "Area and throughput per area against the clock."),
    POWER: ("energy", "osu018 for energy", energy_picture, "Energy per MAC of every unit by part."),
}
"""Topic of records to name, words for the subject and picture of all units that is no ranking on one target, with its caption."""


def _subject(records: Records) -> str:
    further = [words for topic, (_, words, _, _) in _FURTHER.items() if records.of_kind(topic)]
    return f"{records[STUDY_RECORD].number('units'):.0f} units on {', '.join([*_targets(records), *further])}"


def _drawings(records: Records) -> Mapping[str, Drawing]:
    found = {f"area-{target}": Drawing(partial(_bars, target=target), _caption(target)) for target in _targets(records)}
    further = {
        name: Drawing(draw, caption) for topic, (name, _, draw, caption) in _FURTHER.items() if records.of_kind(topic)
    }
    return found | further


def _tables(records: Records) -> Iterator[Table]:
    for target in _targets(records):
        yield _table(records, target)
    yield curves_table(records)
    yield energy_table(records)
    yield _skipped(records)


def _targets(records: Records) -> list[str]:
    """Targets with their clock periods and blocks, as in ids, in order; without those that are points of a curve."""
    found = dict.fromkeys(record.id.partition("/")[2] for record in records if record.topic in ("area", "timing"))
    return [target for target in found if target not in curve_targets(records)]


def _of(records: Records, target: str) -> list[Record]:
    return [record for record in records if record.id.partition("/")[2] == target]


def _caption(target: str) -> str:
    if target == CLOCK:
        return "Clock that every unit reaches on ECP5, the fastest first."
    return f"Logic per MAC of every unit on {target}, the smallest first."


def _order(target: str) -> str:
    """What units of a target are ranked by."""
    return "fmax" if target == CLOCK else PER_MAC


def _ranked(records: Records, target: str) -> list[Record]:
    found = sorted(_of(records, target), key=lambda record: record.number(_order(target)))
    return found[::-1] if target == CLOCK else found


def _answer(records: Records) -> Iterator[str]:
    for target in _targets(records):
        best = _ranked(records, target)
        value = best[0].metrics[_order(target)]
        what = "fastest" if target == CLOCK else "smallest per MAC"
        yield f"{target}: {what} is {best[0].part} with {shown.shown(value.value or 0, 1)} {value.unit}."
    yield from curves_answer(records)
    yield from energy_answer(records)
    skipped = records[STUDY_RECORD].number("skipped")
    if skipped:
        yield f"{skipped:.0f} combinations are no unit; the last table says why."


def _bars(records: Records, target: str) -> Figure:
    rows = _ranked(records, target)
    left_out = len(rows) - MOST_BARS
    rows = rows[:MOST_BARS]
    unit = rows[0].metrics[_order(target)].unit
    note = f" The first {MOST_BARS} of {len(rows) + left_out}." if left_out > 0 else ""
    made = figure(
        9.0, 1.5 + 0.24 * len(rows), f"{'Clock' if target == CLOCK else 'Logic per MAC'} on {target}",
        f"{unit}{'' if target == CLOCK else ', registers apart'}.{note}",
    )  # fmt: skip
    axes = made.subplots()
    made.subplots_adjust(left=0.32, right=0.97, bottom=0.5 / made.get_figheight())
    values = [record.number(_order(target)) for record in rows]
    places = range(len(rows))
    axes.barh(places, values, height=0.66, color=["#d95f02" if _has_exponent(record) else "#1b9e77" for record in rows])
    axes.set_yticks(places, [record.part for record in rows], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, max(values) * 1.12)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel(f"{unit} (green: integers, orange: with exponents)", color=GREY)
    for place, value in zip(places, values, strict=True):
        axes.text(value, place, f" {shown.shown(value, 1)}", va="center", fontsize=8, color=INK)
    return made


def _has_exponent(record: Record) -> bool:
    own = formats.read_formats(record.config.get("formats", {}))
    return any(formats.get(record.config[name], own).exponent_span for name in ("weight", "activation"))


_COLUMNS = (
    ("logic", "logic", 1), ("logic_per_mac", "logic per MAC", 1), ("total_per_mac", "with registers, per MAC", 1),
    ("registers", "registers", 0), ("dsp", "DSP", 0), ("delay", "delay / ns", 2), ("fmax", "Fmax / MHz", 1),
    ("fmax_min", "lowest", 1), ("fmax_max", "highest", 1), ("accumulator_bits", "accumulator bits", 0),
)  # fmt: skip


def _table(records: Records, target: str) -> Table:
    rows = _of(records, target)
    columns = [column for column in _COLUMNS if any(column[0] in record.metrics for record in rows)]
    body: list[tuple[Cell, ...]] = []
    for record in rows:
        cells = [
            shown.number(records, record.id, name, digits) if name in record.metrics else shown.DASH
            for name, _, digits in columns
        ]
        body.append((record.part, *cells))
    units = {record.metrics["logic"].unit for record in rows if "logic" in record.metrics}
    note = f"Logic in {', '.join(sorted(units))}, registers apart." if units else "Placed and routed on ECP5."
    return Table(target, note, ("unit", *(title for _, title, _ in columns)), tuple(body))


def _skipped(records: Records) -> Table:
    rows = []
    for row in records[STUDY_RECORD].config["skipped"]:
        fields = row["fields"]
        rest = json.dumps({name: fields[name] for name in ("accumulator", "scale", "pipeline", "k_max")})
        rows.append((f"{fields['weight']} x {fields['activation']}", str(fields["lanes"]), rest, row["reason"]))
    return Table(
        "Skipped", "Combinations of the grid that no unit can be built for.", ("pair", "lanes", "rest", "why"), tuple(rows)
    )  # fmt: skip
