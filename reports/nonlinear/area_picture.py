"""What the units cost: area against lanes, ITA's units as lines."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ...studies.records import Records
from .. import shown
from ..colours import PROFILES
from ..drawing import GREY, INK, THOUSANDS, figure, label_columns, label_points
from . import view
from .claims import ITA_LINES, LANES


def area_picture(records: Records) -> Figure:
    """Area of every unit that has lanes against them, a panel per unit and target; the tables have the others as well."""
    targets = [
        *((name, f"gate equivalents, {name}") for name in view.cell_libraries(records)),
        ("ecp5", "LUT4 on ECP5, no DSP"),
    ]
    found = view.cells(records)
    units = list(dict.fromkeys(record.config["unit"] for record in found if record.config["lanes"] > 1))
    made = figure(
        max(7.2, 1.2 + 4.6 * len(units)), 1.2 + 3.0 * len(targets), "What the units cost, lane by lane",
        "Logic, registers apart, before layout, on cells and on an FPGA without DSP blocks. Grey, through the "
        f"same flow: ITA's softmax of\n{LANES} lanes, its GELU (a lane, by its source). "
        f"{shown.tools_named(records, 'hardware')}.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(len(targets), len(units), squeeze=False)
    width = made.get_figwidth()
    made.subplots_adjust(
        left=0.9 / width, right=1 - 0.15 / width, bottom=0.6 / made.get_figheight(), wspace=0.32, hspace=0.28
    )
    for column, unit in enumerate(units):
        for axes, (target, label) in zip(panels[:, column], targets, strict=True):
            found = [record for record in view.hardware(records, target) if record.config["unit"] == unit]
            points, lines = [], []
            for key in dict.fromkeys(record.config["key"] for record in found):
                line = [(r.config["lanes"], r.number("logic"), r) for r in found if r.config["key"] == key]
                tint = PROFILES.get(line[0][2].config["profile"].partition(",")[0], INK)
                axes.plot(
                    [x for x, _, _ in line], [y for _, y, _ in line], "o-", color=tint, markersize=5, linewidth=1.4
                )
                x, y, last = line[-1]
                points.append((x, y, f"{view.title_of(last.config['profile'])} {shown.shown(y)}", tint, False))
                lines.append([(x, y) for x, y, _ in line])
            lanes = sorted({record.config["lanes"] for record in found})
            axes.set_xscale("log", base=2)
            axes.set_xticks(lanes, [str(count) for count in lanes])
            axes.set_xticks([], minor=True)
            axes.set_xlim(min(lanes) / 1.6, max(lanes) * 14)
            axes.set_yscale("log")
            peer = ITA_LINES.get((unit, target, "logic"))
            values = [record.number("logic") for record in found] + ([peer] if peer else [])
            axes.set_ylim(min(values) / 1.6, max(values) * 1.8)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(THOUSANDS)
            axes.yaxis.set_minor_locator(NullLocator())
            if peer:
                axes.plot([min(lanes) / 1.6, max(lanes)], [peer, peer], color=GREY, linewidth=1, linestyle=":")
                points.append((max(lanes), peer, f"ITA {shown.shown(peer)}", GREY, False))
            label_columns(axes, [point for point in points if point[0] == max(lanes)])
            label_points(axes, [point for point in points if point[0] < max(lanes)], [], lines)
            axes.set_xlabel("lanes")
            axes.set_ylabel(label)
        panels[0][column].set_title(view.unit_title(unit))
    return made
