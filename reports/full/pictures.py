"""The pictures of the full study, each a function of the records alone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from ...studies.int_vs_fp.study import Pair
from ...studies.records import Record, Records
from ...studies.sweep.task import unit_of
from .. import shown
from ..charts import BEHIND, Point, beside, family_handles, front_panel, rightwards
from ..colours import ACCUMULATORS, colour, family_of, family_of_pair, marker
from ..drawing import GREY, INK, LIGHT, THOUSANDS, figure, label_columns, legend_above
from ..libraries import USUAL
from ..names import unit_names
from .fronts import COSTS, EXACT, FUSED, Axis, formulation_of, members, points_of
from .walks import Walk, steps_of

COLUMNS = 2


def main_axes(records: Records) -> dict[str, Axis]:
    """Gates, FPGA, and osu018: what the first picture shows."""
    return {name: axis for name, axis in points_of(records)[1].items() if axis.library in ("", USUAL)}


def fronts_picture(records: Records, library: str = "") -> Figure:
    """The main axes, or those of one cell library."""
    points, axes = points_of(records)
    axes = {name: axis for name, axis in axes.items() if axis.library == library} if library else main_axes(records)
    names, common = unit_names(points)
    rows = -(-len(axes) // COLUMNS)
    made = figure(
        11.0, 1.5 + 4.0 * rows, "Accuracy bought with gates, LUTs, time and energy" + (f" on {library}" if library else ""),
        f"Mean output SQNR over MiniLM's layers, one scale per channel and token; units of {common}. Up and to the left is "
        f"better;\nthe line joins what nothing else beats. {shown.tools_named(records, 'area')}.",
        top=0.98,
    )  # fmt: skip
    made.subplots_adjust(left=0.07, right=0.975, bottom=0.55 / made.get_figheight(), wspace=0.08, hspace=0.32)
    grid = made.add_gridspec(rows, COLUMNS)
    places = [grid[divmod(index, COLUMNS)] for index in range(len(axes))]
    if len(axes) % COLUMNS == 1:  # Alone in its row.
        places[-1] = grid[rows - 1, :]
    panels: list[Axes] = []
    for place in places:
        panels.append(made.add_subplot(place, sharey=panels[0] if panels else None))
        panels[-1].tick_params(labelleft=len(panels) % COLUMNS == 1)
    families = {point.part: family_of(point.config) for point in points}
    errors = [point.number("sqnr") for point in points]
    for panel, (name, axis) in zip(panels, axes.items(), strict=True):
        panel.set_ylim(min(errors) - 2.5, max(errors) + 4)
        kept = {point.id for point in members(points, name)}
        front_panel(panel, [
            Point(point.number(name), point.number("sqnr"), names[point.part], families[point.part], point.id in kept)
            for point in points
        ])  # fmt: skip
        panel.set_xlabel(axis.title)
    for panel in panels[::COLUMNS]:
        panel.set_ylabel("output SQNR / dB")
    legend_above(made, family_handles(families.values(), front=True), top=0.76, handletextpad=0.3)
    return made


PAPER, OURS, CHEAPER = GREY, colour("FP8"), colour("INT")
"""What was published, and steps in the colour of whichever side is costlier."""


def walks_picture(records: Records, walks: Sequence[Walk], *, title: str) -> Figure:
    """A panel per walk, a bar per step, the published figure above them all."""
    heights = [len(walk.steps) + 3.2 for walk in walks]
    made = figure(
        10.5, 1.1 + 0.36 * sum(heights), title,
        "How much costlier floating point is than integers. Every step moves one assumption from the paper's to ours.",
    )  # fmt: skip
    grid = made.subplots(len(walks), 1, gridspec_kw={"height_ratios": heights}, squeeze=False)[:, 0]
    made.subplots_adjust(left=0.40, right=0.95, bottom=0.5 / made.get_figheight(), hspace=0.42)
    for axes, walk in zip(grid, walks, strict=True):
        _walk_panel(axes, records, walk)
        axes.set_xlabel("extra cost of floating point / %")
    return made


def _walk_panel(axes: Axes, records: Records, walk: Walk) -> None:
    steps = steps_of(records, walk)
    values = [walk.published, *(step.number("ours") for step in steps)]
    labels = [f"published, {walk.source.split(',')[0]}", *(step.config["change"] for step in steps)]
    tints = [PAPER, *(OURS if value >= 0 else CHEAPER for value in values[1:])]
    places = range(len(values))
    axes.barh(places, values, height=0.66, color=tints)
    axes.axvline(0, color=INK, linewidth=0.9)
    axes.axvline(walk.published, color=PAPER, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axes.set_yticks(places, ["\n".join(textwrap.wrap(label, 62)) for label in labels], fontsize=9)
    axes.set_ylim(len(values) - 0.4, -0.6)
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.14 * (high - low)
    axes.set_xlim(low - (room if low < 0 else 0), high + room)
    axes.grid(visible=False, axis="y")
    axes.set_title(f"{walk.claim} {walk.published_text}", fontsize=10, x=-0.62)
    for place, value in zip(places, values, strict=True):
        side = 1 if value >= 0 else -1
        axes.annotate(
            f"{shown.shown(value, 1, signed=True)} %", (value, place), (4 * side, 0), textcoords="offset points",
            bbox=BEHIND, va="center", ha="left" if side > 0 else "right", fontsize=8.5, color=GREY,
        )  # fmt: skip


PAIRS = {"INT8": colour("INT"), "E4M3": colour("FP8")}
TARGETS = {"generic": "gates", "ecp5": "ECP5"}
"""What tables call targets."""
ROUNDINGS = {EXACT: "exact sum, no error", FUSED: "one rounding a step"}
LABELS = {"generic": "NAND2-equivalents of logic per MAC", "ecp5": "ECP5 LUT4 per MAC"}


def aligners_picture(records: Records) -> Figure:
    """A panel per target, a group of bars per pair and rounding."""
    made = figure(
        11.0, 7.0, "The cheapest correct aligner",
        "32 products a step: every way to multiply and align that was built and measured, the smallest of each kind in "
        "colour, with what\nE4M3 costs more than INT8. "
        f"{shown.tools_named(records, 'area')}.",
        top=0.72,
    )  # fmt: skip
    grid = made.subplots(1, len(COSTS))
    made.subplots_adjust(left=0.17, right=0.97, bottom=0.08, wspace=0.42)
    for axes, target in zip(grid, COSTS, strict=True):
        _aligner_panel(axes, records, target)
        axes.set_xlabel(LABELS[target])
    return made


def _aligner_panel(axes: Axes, records: Records, target: str) -> None:
    place, ticks, widest = 0.0, [], 0.0
    for rounding, title in ROUNDINGS.items():
        for pair, tint in PAIRS.items():
            best = records[f"cheapest/{pair.lower()}-{rounding}/{target}"]
            axes.text(0.0, place - 0.78, f"{pair}, {title}", fontsize=9.5, fontweight="bold", color=tint, va="center")
            found = [records[name] for name in best.flow["derived_from"]]
            for record in sorted(found, key=lambda record: record.number(COSTS[target])):
                widest = max(widest, _aligner_bar(axes, record, best, target, place, tint))
                ticks.append((place, formulation_of(unit_of(record))))
                place += 1
            place += 1.3
    axes.set_yticks([spot for spot, _ in ticks], [label for _, label in ticks], fontsize=9)
    axes.set_ylim(place - 1.4, -1.3)
    axes.tick_params(axis="y", length=0)
    rightwards(axes, widest * 1.1)


def _aligner_bar(axes: Axes, record: Record, best: Record, target: str, place: float, tint: str) -> float:
    value = record.number(COSTS[target])
    is_best = record.part == best.part
    axes.barh(place, value, height=0.72, color=tint if is_best else LIGHT)
    extra = (
        f" ({shown.shown(best.number('over_int8'), 1, signed=True)} %)"
        if is_best and best.config["pair"] != "INT8"
        else ""
    )
    beside(axes, value, place, f"{shown.shown(value)}{extra}", color=GREY, fontweight="bold" if is_best else "normal")
    return value


LENGTHS = (1, 4, 8, 16, 32)
FORMATS = ("INT4", "INT8", "E2M1", "E2M3", "E3M2", "E4M3", "E5M2")
LENGTH_COSTS = {
    "generic": ("total_per_mac", "NAND2-equivalents per MAC, registers included"),
    "ecp5": ("logic_per_mac", "ECP5 LUT4 per MAC"),
}


def lengths_picture(records: Records) -> Figure:
    """A panel per target, a line per format, exact accumulators."""
    made = figure(
        11.0, 5.7, "What a product costs when more of them share an accumulator",
        f"Cost of a product over how many share an alignment and an exact accumulator. {shown.tools_named(records, 'area')}.",
        top=0.8,
    )  # fmt: skip
    grid = made.subplots(1, len(LENGTH_COSTS))
    made.subplots_adjust(left=0.07, right=0.95, bottom=0.12, wspace=0.20)
    for axes, (target, (name, label)) in zip(grid, LENGTH_COSTS.items(), strict=True):
        _length_panel(axes, records, target, name)
        axes.set_ylabel(label)
        axes.set_xlabel("products a step (fused length k)")
    legend_above(made, family_handles(map(_family, FORMATS)), top=0.56, handletextpad=0.3)
    return made


def _family(fmt: str) -> str:
    return family_of_pair(Pair(fmt, fmt))


def _length_panel(axes: Axes, records: Records, target: str, name: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ends = []
    for fmt in FORMATS:
        tint = colour(_family(fmt))
        costs = [records[f"{fmt.lower()}-k{length}-exact/{target}"].number(name) for length in LENGTHS]
        axes.plot(LENGTHS, costs, color=tint, marker=marker(_family(fmt)), markersize=5.5, linewidth=1.4)
        ends.append((LENGTHS[-1], costs[-1], fmt, tint, False))
    axes.set_xlim(0.85, 64)
    axes.xaxis.set_major_locator(FixedLocator(LENGTHS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.yaxis.set_major_locator(FixedLocator([m * 10.0**e for e in range(1, 5) for m in (1, 2, 5)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(THOUSANDS)
    label_columns(axes, ends)


KINDS = {name: ACCUMULATORS[name][1] for name in ("exact", "fixed", "window", "float")}
"""Kinds of accumulators to colour."""
MODEL_TITLES = {
    "generic": "gates", "ecp5": "ECP5", "logic": "logic", "registers": "flip-flops",
}  # fmt: skip


def models_picture(records: Records) -> Figure:
    """A panel per model: error of every held-out unit over its size, and the bands of the median and of nine in ten."""
    models = records.of_kind("model")
    made = figure(
        11.0, 1.7 + 3.1 * ((len(models) + 1) // 2), "What the cost models are worth on units they never saw",
        "Error of the prediction over what synthesis gave. Dark band: the median's; light band: nine in ten units.",
        top=0.9,
    )  # fmt: skip
    grid = made.subplots((len(models) + 1) // 2, 2, squeeze=False)
    made.subplots_adjust(left=0.075, right=0.975, bottom=0.6 / made.get_figheight(), wspace=0.2, hspace=0.55)
    panels = [axes for row in grid for axes in row]
    for axes, model in zip(panels, models, strict=False):
        _model_panel(axes, records, model)
    legend_above(made, panels[0].get_legend_handles_labels()[0], top=0.6, handletextpad=0.2)
    return made


def _model_panel(axes: Axes, records: Records, model: Record) -> None:
    name = model.id.partition("/")[2]
    found = [record for record in records.of_kind("prediction") if record.id.startswith(f"prediction/{name}/")]
    p90, median = model.number("held_out_p90"), model.number("held_out_median")
    axes.axhspan(-p90, p90, color=LIGHT, alpha=0.45, linewidth=0)
    axes.axhspan(-median, median, color=LIGHT, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    for kind, tint in KINDS.items():
        rows = [record for record in found if record.config["accumulator"] == kind]
        axes.plot(
            [record.number("synthesized") for record in rows], [record.number("error") for record in rows], "o",
            color=tint, markersize=4.5, markeredgecolor="white", markeredgewidth=0.5, label=f"{kind} accumulator",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(THOUSANDS)
    unit = found[0].metrics["synthesized"].unit
    target = model.config["target"]
    axes.set_title(
        f"{MODEL_TITLES.get(target, target)}, {MODEL_TITLES[model.config['metric']]}: median {median:.1f} %,\n"
        f"nine in ten within {p90:.1f} %, rank correlation {model.number('held_out_rank'):.4f}",
        fontsize=9.5,
    )
    axes.set_xlabel(f"synthesized / {unit}")
    axes.set_ylabel("error of the prediction / %")
