"""Predictions of units that no model saw, against synthesis."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...studies.records import Record, Records
from ..drawing import GREY, INK, LIGHT, THOUSANDS, figure

KINDS = {
    "exact": ("exact accumulator", "#0072b2"),
    "fixed": ("fixed", "#e69f00"),
    "window": ("window", "#cc79a7"),
    "float": ("float", "#009e73"),
}
"""Kinds of accumulators, to label and colour."""


def models_picture(records: Records) -> Figure:
    """A panel per model: error of every held-out unit over its size, and the bands of the median and of nine in ten."""
    models = records.of_kind("model")
    made = figure(
        11.0, 1.7 + 3.1 * ((len(models) + 1) // 2), "What the cost models are worth on units they never saw",
        "Error of the prediction over what synthesis gave. Dark band: the median's; light band: nine in ten units.",
        top=0.9,
    )  # fmt: skip
    grid = made.subplots((len(models) + 1) // 2, 2, squeeze=False)
    made.subplots_adjust(left=0.07, right=0.975, bottom=0.6 / made.get_figheight(), wspace=0.14, hspace=0.55)
    panels = [axes for row in grid for axes in row]
    for axes, model in zip(panels, models, strict=False):
        _panel(axes, records, model)
    handles, labels = panels[0].get_legend_handles_labels()
    made.legend(
        handles, labels, loc="upper left", ncols=len(labels), frameon=False, fontsize=9, handletextpad=0.2,
        bbox_to_anchor=(0.04, 1 - 0.62 / made.get_figheight()),
    )  # fmt: skip
    return made


def _panel(axes: Axes, records: Records, model: Record) -> None:
    name = model.id.partition("/")[2]
    found = [record for record in records.of_kind("prediction") if record.id.startswith(f"prediction/{name}/")]
    p90, median = model.number("held_out_p90"), model.number("held_out_median")
    axes.axhspan(-p90, p90, color=LIGHT, alpha=0.45, linewidth=0)
    axes.axhspan(-median, median, color=LIGHT, linewidth=0)
    axes.axhline(0, color=INK, linewidth=0.8)
    for kind, (label, tint) in KINDS.items():
        rows = [record for record in found if record.config["accumulator"] == kind]
        axes.plot(
            [record.number("synthesized") for record in rows], [record.number("error") for record in rows], "o",
            color=tint, markersize=4.5, markeredgecolor="white", markeredgewidth=0.5, label=label,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(THOUSANDS)
    unit = found[0].metrics["synthesized"].unit
    axes.set_title(
        f"{model.config['target']}, {model.config['metric']}\nmedian {median:.1f} %, nine in ten within {p90:.1f} %, "
        f"rank {model.number('held_out_rank'):.4f}",
        fontsize=9.5,
    )
    axes.set_xlabel(unit, color=GREY)
    axes.set_ylabel("error / %")
