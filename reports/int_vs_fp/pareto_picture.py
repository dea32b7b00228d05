"""The picture of accuracy against cost, fronts drawn."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...studies.int_vs_fp.study import GRANULARITIES, POLICIES, Pair
from ...studies.records import Records
from ...system.errors import BitmillError
from .. import shown
from ..charts import Point, family_handles, front_panel
from ..colours import colour, family_of_pair, marker
from ..drawing import figure, legend_above
from . import view

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
        8.9,
        f"Accuracy bought with {money}: {view.UNIT_TITLES[unit]}, exact accumulator",
        f"{layers[0].config['source']}. Output SQNR on held-out tokens; weights scaled per channel. Filled: the "
        "better of "
        "maximum and least-squares scales; hollow: the other.\nUp and to the left is better. The line joins what "
        "nothing "
        f"else beats. {shown.tools_named(records, 'area')}.",
        top=0.98,
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
            axes.set_ylim(low - 2, high + 4)
            axes.set_title(f"{layer.config['layer']}: {GRANULARITY_TITLES[granularity]}")
            _pareto_panel(axes, records, layer.config["layer"], granularity, cost, flow, metric)
        row[0].set_ylabel("output SQNR / dB")
    for axes in grid[-1]:
        axes.set_xlabel(axis)
    legend_above(made, family_handles(map(family_of_pair, cost), front=True), top=0.76, handletextpad=0.3)
    return made


def _pareto_panel(
    axes: Axes, records: Records, layer: str, granularity: str, cost: dict[Pair, float], flow: str, metric: str
) -> None:
    on_front = view.pareto(records, layer, granularity, flow, metric)
    points, below = [], []
    for pair, x in cost.items():
        best = view.best_policy(records, layer, pair, granularity)
        y = view.sqnr(records, layer, pair, best)
        others = [view.sqnr(records, layer, pair, p) for p in POLICIES if p.granularity == granularity and p != best]
        if y is None:
            continue
        family = family_of_pair(pair)
        for other in others:
            if other is not None and y - other > 0.3:
                axes.plot([x, x], [other, y], color=colour(family), linewidth=0.9, alpha=0.6, zorder=2)
                axes.plot(
                    x, other, marker(family), markersize=4, markerfacecolor="white", color=colour(family), zorder=3
                )
                below.append((x, other, y))
        points.append(Point(x, y, pair.label, family, pair.key in on_front))
    if points:
        front_panel(axes, points, below)
