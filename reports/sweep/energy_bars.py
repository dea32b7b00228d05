"""Energy per MAC by part, on real and on random operands."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from matplotlib.figure import Figure

from ...fpga.power_parts import POWER_PARTS
from ...studies.records import Record, Records
from ...studies.sweep.power import ENERGY, LEAKAGE
from ...studies.sweep.task import POWER
from .. import shown
from ..charts import left_label, stack_handles, stacked
from ..colours import PARTS, colour, family_of
from ..drawing import as_rows, figure, legend_above
from ..libraries import USUAL, libraries, on_library, words_of
from ..names import unit_names
from ..report import Drawing
from ..shown import Cell, Table

MOST_UNITS = 30
"""Units that the picture shows, those that take the least energy."""


def _units(records: Records) -> dict[str, list[Record]]:
    """Power records of every unit, that with the least energy on its first operands first."""
    found: dict[str, list[Record]] = {}
    for record in records.of_kind(POWER):
        found.setdefault(record.part, []).append(record)
    return dict(sorted(found.items(), key=lambda pair: pair[1][0].number(ENERGY)))


def _operands(record: Record) -> str:
    """``layer`` or ``uniform``."""
    return str(record.config["operands"])


def _by_library(records: Records) -> dict[str, Records]:
    return {name: on_library(records, name) for name in libraries(records.of_kind(POWER))}


def energy_drawings(records: Records) -> dict[str, Drawing]:
    """A picture per library with energies."""
    return {
        "energy" if name == USUAL else f"energy-{name}": Drawing(
            partial(_on, library=name), f"Energy per MAC of every unit by part, {name}."
        )
        for name in _by_library(records)
    }


def _on(records: Records, *, library: str) -> Figure:
    return energy_picture(on_library(records, library))


def energy_answer(records: Records) -> Iterator[str]:
    """The unit that takes the least energy on each library and kind of operands, as sentences."""
    for library, here in _by_library(records).items():
        rows = here.of_kind(POWER)
        names, common = unit_names(rows)
        parts = []
        for operands in dict.fromkeys(map(_operands, rows)):
            best = min((row for row in rows if _operands(row) == operands), key=lambda row: row.number(ENERGY))
            number = f"{shown.shown(best.number(ENERGY), 1)} {best.metrics[ENERGY].unit}"
            parts.append(f"on {operands} operands {names[best.part]} with {number}")
        yield f"Least energy on {library}, {common}: {', '.join(parts)}."


def energy_picture(records: Records) -> Figure:
    """A stacked bar per unit and kind of operands; records of one library."""
    every = _units(records)
    names, common = unit_names(records.of_kind(POWER))
    units = dict(list(every.items())[:MOST_UNITS])
    note = f" The first {MOST_UNITS} of {len(every)} units." if len(every) > MOST_UNITS else ""
    first = next(iter(units.values()))[0]
    unit = first.metrics[ENERGY].unit
    kinds = list(dict.fromkeys(_operands(record) for rows in every.values() for record in rows))
    bars, places = [], {}
    place = 0.0
    for part, rows in units.items():
        places[part] = place + (len(rows) - 1) / 2
        for record in rows:
            text = shown.shown(record.number(ENERGY), 1) + (f"  {_operands(record)}" if len(kinds) > 1 else "")
            bars.append((place, {name: record.number(name) for name in POWER_PARTS}, text))
            place += 1
        place += 0.45
    library = words_of(libraries(records.of_kind(POWER))[0])
    made = figure(
        9.0, 2.0 + 0.30 * len(bars) + 0.14 * len(units), f"Energy per MAC by part on {library}: {common}",
        f"At {first.number('period'):g} ns, {first.number('cycles'):.0f} cycles without a stall; before layout: no wires, clock "
        f"tree or glitches.{note}",
        top=0.82,
    )  # fmt: skip
    axes = made.subplots()
    width = max(map(len, names.values()))
    made.subplots_adjust(left=min(0.4, 0.06 + 0.0095 * width), right=0.97, bottom=0.55 / made.get_figheight())
    tints = {part: PARTS[part] for part in POWER_PARTS}
    stacked(axes, bars, tints, label=f"energy / ({unit})")
    as_rows(axes, [row[0] for row in bars], [""] * len(bars), room=(0.7, 0.75))
    for part, middle in places.items():
        left_label(axes, middle, names[part], colour(family_of(units[part][0].config)))
    legend_above(made, stack_handles(tints), top=0.58, handlelength=1.0, columnspacing=1.3)
    return made


def energy_tables(records: Records) -> Iterator[Table]:
    """For each library a row per unit and kind of operands; the note says what is left out and how the total is split."""
    for library, here in _by_library(records).items():
        names, common = unit_names(here.of_kind(POWER))
        rows: list[tuple[Cell, ...]] = []
        for unit, found in _units(here).items():
            for record in found:
                cells = [shown.number(here, record.id, name, 2) for name in (ENERGY, *POWER_PARTS)]
                rows.append((names[unit], _operands(record), *cells, shown.number(here, record.id, LEAKAGE, 4)))
        notes = dict.fromkeys(
            f"{record.flow[name]}."
            for record in here.of_kind(POWER)
            for name in ("operands", "estimated", "split", "left_out")
        )
        unit = here.of_kind(POWER)[0].metrics[ENERGY].unit
        text = " ".join(note[0].upper() + note[1:] for note in notes)
        yield Table(
            f"Energy per MAC on {words_of(library)}",
            f"{common[:1].upper()}{common[1:]}; {unit}, leakage included. {text}",
            ("unit", "operands", "energy", *POWER_PARTS, "of it leakage"), tuple(rows),
        )  # fmt: skip
