"""The pictures of accuracy against cost: formats with their fronts, and accumulators."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...studies.ids import label_of
from ...studies.int_vs_fp.kinds import from_record
from ...studies.int_vs_fp.study import GRANULARITIES, POLICIES, Pair
from ...studies.records import Records
from ...system.errors import BitmillError
from .. import shown
from ..charts import Point, family_handles, front_panel
from ..colours import ACCUMULATORS, colour, family_of_pair, marker
from ..drawing import GREY, INK, LIGHT, THOUSANDS, figure, label_points, legend_above
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


def accumulators_picture(records: Records) -> Figure:
    """Signal over the accumulator's own error, on the worst layer, against the unit's gates."""
    pairs = view.accumulator_pairs(records)
    made = figure(
        max(7.2, 1.0 + 4.9 * len(pairs)),
        6.1,
        "Which accumulator is worth its gates",
        "32-lane dot product, every unit flat, logic and registers (6 each). Error of the accumulator alone on the worst layer, "
        "same codes, one scale per token; above the dashed line it made no error at all.\nGrey band: the SQNR that the formats "
        f"themselves leave on the layers; an accumulator far above it costs no accuracy. {shown.tools_named(records, 'area')}.",
        top=0.98,
    )
    row = made.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
    made.subplots_adjust(left=0.75 / made.get_figwidth(), right=0.985, bottom=0.09, wspace=0.05)
    finite = [
        value for record in records.of_kind("accumulator") if (value := record.metrics["error_sqnr"].value) is not None
    ]
    low, high = min(0.0, *finite), max([*finite, 1.0])
    top = high + 0.07 * (high - low)
    for axes, pair in zip(row, pairs, strict=True):
        axes.set_ylim(low - 6, top + 0.12 * (high - low))
        axes.set_title(pair.label)
        axes.set_xlabel("NAND2-equivalents per MAC, registers included")
        axes.xaxis.set_major_formatter(THOUSANDS)
        _panel(axes, records, pair, top)
    row[0].set_ylabel("signal over accumulator error / dB")
    ticks = [tick for tick in row[0].get_yticks() if low - 6 <= tick <= high]
    row[0].set_yticks([*ticks, top], [*(f"{tick:,.0f}" for tick in ticks), "exact"])
    kinds = {from_record(record.config).sort for record in records.of_kind("accumulator")}
    handles = [
        Line2D([], [], linestyle="", marker=mark, color=tint, markersize=7, label=words)
        for kind, (mark, tint, words) in ACCUMULATORS.items()
        if kind in kinds
    ]
    legend_above(made, handles, top=0.74, handletextpad=0.2, columnspacing=1.3)
    return made


def _panel(axes: Axes, records: Records, pair: Pair, top: float) -> None:
    found = view.accumulators(records, pair)
    costs = [records[f"{record.id.split('/')[1]}/generic"].number("total_per_mac") for record in found]
    span = max(costs) - min(costs) or 1.0
    axes.set_xlim(min(costs) - 0.12 * span, max(costs) + 0.28 * span)
    axes.axhline(
        top - 0.5 * (top - axes.get_ylim()[0]) * 0.06, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1
    )
    own = [
        value
        for layer in view.layers(records)
        if (
            value := records[f"accumulation/{layer.config['layer']}/{view.key(pair, 'dot32')}"]
            .metrics["total_sqnr"]
            .value
        )
        is not None
    ]
    if own:
        axes.axhspan(min(own), max(own), color=LIGHT, alpha=0.5, zorder=0, linewidth=0)
    points = []
    for record, cost in zip(found, costs, strict=True):
        error = record.metrics["error_sqnr"].value
        accumulator = from_record(record.config)
        mark, tint, _ = ACCUMULATORS[accumulator.sort]
        y = top if error is None else error
        size, layer = (
            (9, 7) if mark == "*" else (9 if error is None else 7, 5)
        )  # The exact one may lie on top of another.
        axes.plot(
            cost, y, mark, color=tint, markersize=size, markeredgecolor="white", markeredgewidth=0.8, zorder=layer
        )
        points.append((cost, y, label_of(accumulator), INK if mark == "*" else tint, mark == "*"))
    label_points(axes, points)
