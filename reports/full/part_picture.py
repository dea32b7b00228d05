"""Where the gates of every compared unit go."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...studies.records import Records
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure, legend_above
from ..int_vs_fp.marks import PART_COLOURS


def parts_picture(records: Records) -> Figure:
    """A stacked bar per unit, the flat unit as a mark."""
    found = sorted(records.of_kind("parts"), key=lambda record: record.number("flat"))
    made = figure(
        10.0, 1.9 + 0.27 * len(found), "Where the gates go",
        "NAND2-equivalents per MAC by part, hierarchy kept; diamond and number are the same unit flattened; registers count 6 "
        "each.",
        top=0.85,
    )  # fmt: skip
    axes = made.subplots()
    made.subplots_adjust(left=0.22, right=0.95, bottom=0.5 / made.get_figheight())
    for place, record in enumerate(found):
        left = 0.0
        for part, tint in PART_COLOURS.items():
            width = record.number(part)
            axes.barh(place, width, left=left, height=0.7, color=tint, edgecolor="white", linewidth=0.4)
            left += width
        flat = record.number("flat")
        axes.plot(flat, place, "D", color=INK, markersize=4.5, markeredgecolor="white", markeredgewidth=0.6, zorder=4)
        axes.text(max(flat, left), place, f"  {shown.shown(flat)}", va="center", fontsize=8.5, color=INK)
    axes.set_yticks(range(len(found)), [record.part for record in found], fontsize=9)
    axes.set_ylim(-0.6, len(found) - 0.4)
    axes.set_xlim(0, 1.1 * max(max(r.number("flat"), sum(r.number(p) for p in PART_COLOURS)) for r in found))
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel("NAND2-equivalents per MAC", color=GREY)
    axes.grid(visible=False, axis="y")
    handles = [
        *(Patch(color=tint, label=part) for part, tint in PART_COLOURS.items()),
        Line2D([], [], linestyle="", marker="D", color=INK, markersize=5, label="flat"),
    ]
    legend_above(made, handles, top=0.6, left=0.0, handlelength=1.0, columnspacing=1.2)
    return made
