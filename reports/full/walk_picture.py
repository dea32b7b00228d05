"""Which assumption makes FP8 look dear: a published figure, and ours as one assumption after the other is moved."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...studies.records import Records
from .. import shown
from ..charts import BEHIND
from ..colours import colour
from ..drawing import GREY, INK, figure
from .walks import Walk, steps_of

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
        _panel(axes, records, walk)
        axes.set_xlabel("extra cost of floating point / %")
    return made


def _panel(axes: Axes, records: Records, walk: Walk) -> None:
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
