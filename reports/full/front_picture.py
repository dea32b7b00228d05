"""Error on the real layers against what a unit costs: a panel per way to pay, the front drawn."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ...studies.int_vs_fp.study import Pair
from ...studies.records import Record, Records
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure, label_points
from ..int_vs_fp.marks import FAMILY_COLOURS, colour, marker, text_colour
from .fronts import AXES, members

COLUMNS = 2


def fronts_picture(records: Records) -> Figure:
    """All axes of ``AXES``."""
    points = records.of_kind("point")
    rows = -(-len(AXES) // COLUMNS)
    made = figure(
        11.0, 1.2 + 4.0 * rows, "Accuracy bought with gates, LUTs, time and energy",
        "Mean output SQNR over MiniLM's layers, one scale per channel and token; units of eight products a step with exact sums. "
        f"Up and to the left is better;\nthe line joins what nothing else beats. {shown.tools_named(records, 'area')}.",
        top=0.72,
    )  # fmt: skip
    grid = made.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    made.subplots_adjust(left=0.07, right=0.975, bottom=0.55 / made.get_figheight(), wspace=0.08, hspace=0.32)
    panels = [axes for row in grid for axes in row]
    for axes, name in zip(panels, AXES, strict=False):
        _panel(axes, points, name)
    for axes in panels[len(AXES) :]:
        axes.set_axis_off()
        _legend(axes)
    for row in grid:
        row[0].set_ylabel("output SQNR / dB")
    return made


def _panel(axes: Axes, points: list[Record], name: str) -> None:
    costs = [point.number(name) for point in points]
    errors = [point.number("sqnr") for point in points]
    axes.set_xscale("log")
    axes.set_xlim(min(costs) / 1.35, max(costs) * 1.5)
    axes.set_ylim(min(errors) - 2.5, max(errors) + 4)
    ticks = [m * 10.0**e for e in range(-3, 6) for m in (1, 1.5, 2, 3, 5, 7)]
    axes.xaxis.set_major_locator(FixedLocator([t for t in ticks if min(costs) / 1.3 <= t <= max(costs) * 1.4]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.set_xlabel(AXES[name].title)
    on_front = {point.id for point in members(points, name)}
    labelled, line = [], []
    for point, cost, error in zip(points, costs, errors, strict=True):
        pair = Pair(point.config["weight"], point.config["activation"])
        axes.plot(
            cost,
            error,
            marker(pair),
            markersize=7.5,
            color=colour(pair),
            markeredgecolor="white",
            markeredgewidth=0.8,
            zorder=5,
        )
        labelled.append((cost, error, pair.label, text_colour(pair), point.id in on_front))
        if point.id in on_front:
            line.append((cost, error))
    line.sort()
    axes.plot(*zip(*line, strict=True), color=INK, linewidth=1.1, alpha=0.45, zorder=1)
    label_points(axes, labelled, (), line)


def _legend(axes: Axes) -> None:
    shapes = (("s", "int", "integer"), ("o", "fp", "floating point"))
    handles = [
        Line2D([], [], linestyle="", marker=shape, markersize=8, color=FAMILY_COLOURS[family], label=label)
        for shape, family, label in shapes
    ]
    handles.append(Line2D([], [], color=INK, alpha=0.45, label="front; its members in bold"))
    axes.legend(handles=handles, loc="center", frameon=False, fontsize=10, labelcolor=GREY)
