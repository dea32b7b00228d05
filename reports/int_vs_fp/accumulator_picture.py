"""The picture of accumulators: error against gates, a panel per pair of formats, kinds by marker."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...studies.ids import label_of
from ...studies.int_vs_fp.kinds import from_record
from ...studies.int_vs_fp.study import Pair
from ...studies.records import Records
from .. import shown
from ..colours import ACCUMULATORS
from ..drawing import GREY, INK, LIGHT, THOUSANDS, figure, label_points, legend_above
from . import view


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
