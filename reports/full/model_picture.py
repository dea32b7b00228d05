"""Predictions of units that no model saw, against synthesis."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...studies.records import Record, Records
from ..colours import ACCUMULATORS
from ..drawing import INK, LIGHT, THOUSANDS, figure, legend_above

KINDS = {name: ACCUMULATORS[name][1] for name in ("exact", "fixed", "window", "float")}
"""Kinds of accumulators to colour."""
TITLES = {
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
        _panel(axes, records, model)
    legend_above(made, panels[0].get_legend_handles_labels()[0], top=0.6, handletextpad=0.2)
    return made


def _panel(axes: Axes, records: Records, model: Record) -> None:
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
        f"{TITLES.get(target, target)}, {TITLES[model.config['metric']]}: median {median:.1f} %,\n"
        f"nine in ten within {p90:.1f} %, rank correlation {model.number('held_out_rank'):.4f}",
        fontsize=9.5,
    )
    axes.set_xlabel(f"synthesized / {unit}")
    axes.set_ylabel("error of the prediction / %")
