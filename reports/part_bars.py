"""Where the gates of units go: a bar of parts per unit, beside the total of the same unit flat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from ..studies.records import Record, Records
from . import shown
from .charts import left_label, stack_handles, stacked
from .colours import PARTS, colour, family_of
from .drawing import as_rows, figure, legend_above
from .names import unit_title


def part_bars(records: Records, panels: Mapping[str, Sequence[tuple[str, Record]]], *, left: float) -> Figure:
    """A panel per title, a row per name and record in it; ``left`` inches for the names of rows, which panels share."""
    rows = len(next(iter(panels.values())))
    made = figure(
        max(7.2, left - 0.15 + 3.75 * len(panels) * (1.6 if len(panels) == 1 else 1)), 1.95 + 0.36 * rows,
        "Where the gates go",
        "NAND2-equivalents per MAC by part, hierarchy kept; diamond and number are the same unit flat, registers at 6 each "
        f"included.\nControl: clock enables, handshake, flags, step counter. {shown.tools_named(records, 'parts')}.",
        top=0.98,
    )  # fmt: skip
    row = made.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    made.subplots_adjust(left=left / made.get_figwidth(), right=0.985, bottom=0.55 / made.get_figheight(), wspace=0.06)
    for axes, (title, found) in zip(row, panels.items(), strict=True):
        flat = [record.number("flat") for _, record in found]
        bars = [
            (float(place), {part: record.number(part) for part in PARTS}, shown.shown(flat[place]))
            for place, (_, record) in enumerate(found)
        ]
        stacked(axes, bars, PARTS, flat, label="NAND2-equivalents per MAC")
        axes.set_title(title)
        as_rows(axes, range(rows), [""] * rows, room=(0.55, 0.55))
    for place, (name, record) in enumerate(next(iter(panels.values()))):
        left_label(row[0], place, name, colour(family_of(record.config)))
    legend_above(made, stack_handles(PARTS, "flat total"), top=0.74, handlelength=1.0, columnspacing=1.3)
    return made


def parts_picture(records: Records) -> Figure:
    """Every unit whose parts were counted, the smallest first."""
    found = sorted(records.of_kind("parts"), key=lambda record: record.number("flat"))
    return part_bars(records, {"": [(unit_title(record), record) for record in found]}, left=3.6)
