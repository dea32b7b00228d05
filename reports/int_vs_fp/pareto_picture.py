"""The picture of accuracy against cost, fronts drawn."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ...studies.int_vs_fp.study import GRANULARITIES, POLICIES, Pair
from ...studies.records import Records
from ...system.errors import BitmillError
from .. import shown
from ..drawing import GREY, INK, THOUSANDS, figure, label_points
from . import view
from .marks import FAMILY_COLOURS, colour, marker, text_colour

PARETO = {
    "pareto-gates": ("generic", "logic_per_mac", "NAND2-equivalents of logic per MAC", "gates"),
    "pareto-lut4": ("ecp5", "logic_per_mac", "ECP5 LUT4 per MAC, no DSP blocks", "LUT4"),
}
"""Picture to flow, metric, axis label and what one pays with."""

GRANULARITY_TITLES = {"token": "scale per token", "tensor": "one static scale"}


def pareto_picture(records: Records, name: str) -> Figure:
    """Output SQNR against cost: a column per layer, a row per activation scale, fronts drawn."""
    if name not in PARETO:
        raise BitmillError(f"picture must be one of {', '.join(PARETO)}, not {name!r}")
    flow, metric, axis, money = PARETO[name]
    layers, unit = view.layers(records), view.main_unit(records)
    cost = {pair: records[f"{view.key(pair, unit)}/{flow}"].number(metric) for pair in view.pairs(records)}
    made = figure(
        max(7.2, 1.4 + 4.1 * len(layers)),
        8.6,
        f"Accuracy bought with {money}: {view.UNIT_TITLES[unit]}, exact accumulator",
        f"{layers[0].config['source']}. Output SQNR on held-out tokens; weights scaled per channel. Filled: the "
        "better of "
        "maximum and least-squares scales; hollow: the other.\nUp and to the left is better. The line joins what "
        "nothing "
        f"else beats. {shown.tools_named(records, 'area')}.",
        top=0.72,
    )
    grid = made.subplots(len(GRANULARITIES), len(layers), sharex=True, sharey=True, squeeze=False)
    made.subplots_adjust(left=0.75 / made.get_figwidth(), right=0.965, bottom=0.085, wspace=0.06, hspace=0.17)
    values = [
        value
        for layer in layers
        for pair in cost
        for policy in POLICIES
        if (value := view.sqnr(records, layer.config["layer"], pair, policy)) is not None
    ]
    low, high = min(values, default=0.0), max(values, default=1.0)
    for row, granularity in zip(grid, GRANULARITIES, strict=True):
        for axes, layer in zip(row, layers, strict=True):
            axes.set_xscale("log")
            axes.set_xlim(min(cost.values()) / 1.6, max(cost.values()) * 1.6)
            axes.set_ylim(low - 2, high + 4)
            _money_ticks(axes, min(cost.values()), max(cost.values()))
            axes.set_title(f"{layer.config['layer']}: {GRANULARITY_TITLES[granularity]}")
            _pareto_panel(axes, records, layer.config["layer"], granularity, cost, flow, metric)
        row[0].set_ylabel("output SQNR / dB")
    for axes in grid[-1]:
        axes.set_xlabel(axis)
    _family_legend(grid[0][0])
    return made


def _pareto_panel(
    axes: Axes, records: Records, layer: str, granularity: str, cost: dict[Pair, float], flow: str, metric: str
) -> None:
    on_front = view.pareto(records, layer, granularity, flow, metric)
    points, hollow = [], []
    for pair, x in cost.items():
        best = view.best_policy(records, layer, pair, granularity)
        y = view.sqnr(records, layer, pair, best)
        others = [view.sqnr(records, layer, pair, p) for p in POLICIES if p.granularity == granularity and p != best]
        if y is None:
            continue
        tint = colour(pair)
        for other in others:
            if other is not None and y - other > 0.3:
                axes.plot([x, x], [other, y], color=tint, linewidth=0.9, alpha=0.6, zorder=2)
                axes.plot(x, other, marker(pair), markersize=4, markerfacecolor="white", color=tint, zorder=3)
                hollow.append((x, other))
        axes.plot(
            x, y, marker(pair), markersize=7.5, color=tint, markeredgecolor="white", markeredgewidth=0.8, zorder=5
        )
        points.append((x, y, pair.label, text_colour(pair), pair.key in on_front))
    line = sorted((x, y) for x, y, _, _, kept in points if kept)
    if line:
        axes.plot(*zip(*line, strict=True), color=INK, linewidth=1.1, alpha=0.45, zorder=1)
    label_points(axes, points, hollow, line)


def _money_ticks(axes: Axes, low: float, high: float) -> None:
    steps = [m * 10**e for e in range(-1, 6) for m in (1, 1.5, 2, 3, 5, 7)]
    axes.xaxis.set_major_locator(FixedLocator([s for s in steps if low / 1.4 <= s <= high * 1.25]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(THOUSANDS)


def _family_legend(axes: Axes) -> None:
    shapes = (("s", "int", "integer"), ("o", "fp", "floating point"))
    handles = [
        Line2D([], [], linestyle="", marker=shape, markersize=7, color=FAMILY_COLOURS[family], label=label)
        for shape, family, label in shapes
    ]
    axes.legend(handles=handles, loc="lower right", frameon=False, fontsize=9, labelcolor=GREY, handletextpad=0.2)
