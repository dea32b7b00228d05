"""Energy per MAC by part, on real and on random operands."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ...fpga.power_parts import POWER_PARTS
from ...studies.records import Record, Records
from ...studies.sweep.power import ENERGY, LEAKAGE, PICOJOULES
from ...studies.sweep.task import POWER
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure, legend_above
from ..int_vs_fp.marks import PART_COLOURS
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
    """``layer`` of ``UNIT/power-layer-25ns``."""
    return record.id.rpartition("/")[2].split("-")[1]


def energy_answer(records: Records) -> Iterator[str]:
    """The unit that takes the least energy on each kind of operands, as sentences."""
    rows = records.of_kind(POWER)
    for operands in dict.fromkeys(map(_operands, rows)):
        best = min((row for row in rows if _operands(row) == operands), key=lambda row: row.number(ENERGY))
        yield f"Energy on {operands} operands: least is {best.part} with {shown.shown(best.number(ENERGY), 1)} {PICOJOULES}."


def energy_picture(records: Records) -> Figure:
    """A stacked bar per unit and kind of operands."""
    every = _units(records)
    units = dict(list(every.items())[:MOST_UNITS])
    note = f" The first {MOST_UNITS} of {len(every)} units." if len(every) > MOST_UNITS else ""
    first = next(iter(units.values()))[0]
    kinds = list(dict.fromkeys(_operands(record) for rows in every.values() for record in rows))
    bars = sum(len(rows) for rows in units.values())
    made = figure(
        9.0, 2.0 + 0.30 * bars + 0.14 * len(units), "Energy per MAC by part on osu018",
        f"{PICOJOULES} at {first.number('period'):g} ns, {first.number('cycles'):.0f} cycles without a stall; before layout: no "
        f"wires, clock tree or glitches.{note}",
        top=0.82,
    )  # fmt: skip
    axes = made.subplots()
    made.subplots_adjust(left=0.33, right=0.97, bottom=0.55 / made.get_figheight())
    widest = max(record.number(ENERGY) for rows in units.values() for record in rows)
    place, ticks, names = 0.0, [], []
    for unit, rows in units.items():
        ticks.append(place + (len(rows) - 1) / 2)
        names.append(unit)
        for record in rows:
            left = 0.0
            for part in POWER_PARTS:
                width = record.number(part)
                axes.barh(
                    place, width, left=left, height=0.82, color=PART_COLOURS[part], edgecolor="white", linewidth=0.4
                )
                left += width
            label = f" {shown.shown(left, 1)}" + (f"  {_operands(record)}" if len(kinds) > 1 else "")
            axes.text(left, place, label, va="center", fontsize=8.5, color=INK)
            place += 1
        place += 0.45
    axes.set_yticks(ticks, names, fontsize=9)
    axes.set_ylim(place - 0.75, -0.7)
    axes.set_xlim(0, widest * 1.2)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel(PICOJOULES, color=GREY)
    handles = [Patch(color=PART_COLOURS[part], label=part) for part in POWER_PARTS]
    legend_above(made, handles, top=0.58, handlelength=1.0, columnspacing=1.3)
    return made


def energy_table(records: Records) -> Table:
    """A row per unit and kind of operands; the note says what is left out and how the total is split."""
    rows: list[tuple[Cell, ...]] = []
    for unit, found in _units(records).items():
        for record in found:
            cells = [shown.number(records, record.id, name, 2) for name in (ENERGY, *POWER_PARTS)]
            rows.append((unit, _operands(record), *cells, shown.number(records, record.id, LEAKAGE, 4)))
    notes = dict.fromkeys(
        f"{record.flow[name]}."
        for record in records.of_kind(POWER)
        for name in ("operands", "estimated", "split", "left_out")
    )
    text = " ".join(note[0].upper() + note[1:] for note in notes)
    return Table(
        "Energy per MAC", f"{PICOJOULES} on osu018, leakage included. {text}",
        ("unit", "operands", "energy", *POWER_PARTS, "of it leakage"), tuple(rows),
    )  # fmt: skip
