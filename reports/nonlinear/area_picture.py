"""What the units cost: area against lanes, ITA's units as lines."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from ...studies.records import Records
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure, label_points
from . import view
from .claims import ITA_LINES, LANES

_PROFILE_COLOURS = {"accurate": "#009e73", "ivit": "#d95f02", "ibert": "#7570b3"}
_TARGETS = (("osu018", "logic", "gate equivalents of logic, osu018"), ("ecp5", "logic", "LUT4 on ECP5, no DSP blocks"))


def area_picture(records: Records) -> Figure:
    """Area of every unit that has lanes against them, a panel per unit and target; the tables have the others as well."""
    found = view.hardware(records, "osu018")
    units = list(dict.fromkeys(record.config["unit"] for record in found if record.config["lanes"] > 1))
    made = figure(
        max(7.2, 1.2 + 4.6 * len(units)), 7.2, "What the units cost, lane by lane",
        "Above: gate equivalents of logic, registers apart, before layout; below: LUT4 without DSP blocks. Grey, through the "
        f"same flow: ITA's softmax of\n{LANES} lanes, its GELU (a lane, by its source). "
        f"{shown.tools_named(records, 'hardware')}.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(len(_TARGETS), len(units), squeeze=False)
    width = made.get_figwidth()
    made.subplots_adjust(left=0.9 / width, right=1 - 0.15 / width, bottom=0.085, wspace=0.32, hspace=0.28)
    for column, unit in enumerate(units):
        for axes, (target, metric, label) in zip(panels[:, column], _TARGETS, strict=True):
            found = [record for record in view.hardware(records, target) if record.config["unit"] == unit]
            points = []
            for key in dict.fromkeys(record.config["key"] for record in found):
                line = [(r.config["lanes"], r.number(metric), r) for r in found if r.config["key"] == key]
                tint = _PROFILE_COLOURS.get(line[0][2].config["profile"], INK)
                axes.plot(
                    [x for x, _, _ in line], [y for _, y, _ in line], "o-", color=tint, markersize=5, linewidth=1.4
                )
                x, y, last = line[-1]
                points.append((x, y, f"{last.config['profile']} {shown.shown(y)}", tint, False))
            lanes = sorted({record.config["lanes"] for record in found})
            axes.set_xscale("log", base=2)
            axes.set_xticks(lanes, [str(count) for count in lanes])
            axes.set_xticks([], minor=True)
            axes.set_xlim(min(lanes) / 1.6, max(lanes) * 14)
            axes.set_yscale("log")
            peer = ITA_LINES.get((unit, target, metric))
            values = [record.number(metric) for record in found] + ([peer] if peer else [])
            axes.set_ylim(min(values) / 1.6, max(values) * 1.8)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(THOUSANDS)
            axes.yaxis.set_minor_locator(NullLocator())
            if peer:
                axes.axhline(peer, color=GREY, linewidth=1, linestyle=":")
                axes.annotate(
                    f"ITA {shown.shown(peer)}", (0.02, peer), xycoords=("axes fraction", "data"), xytext=(0, 3),
                    textcoords="offset points", fontsize=8.5, color=GREY,
                )  # fmt: skip
            label_points(axes, points, [(r.config["lanes"], r.number(metric)) for r in found])
            axes.set_xlabel("lanes")
            if column == 0:
                axes.set_ylabel(label)
        panels[0][column].set_title(view.unit_title(unit))
    return made
