"""Charts that several reports draw: accuracy against a cost with its front, bars stacked by part, points with their range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from .colours import FAMILIES, colour, marker
from .drawing import GREY, INK, LIGHT, THOUSANDS, label_points
from .shown import shown

MARK: dict[str, Any] = {"markersize": 7.5, "markeredgecolor": "white", "markeredgewidth": 0.8, "zorder": 5}


@dataclass(frozen=True)
class Point:
    """A candidate in a chart: cost, quality, name, family of formats, and whether nothing else beats it."""

    cost: float
    quality: float
    name: str
    family: str
    kept: bool


def front_panel(axes: Axes, points: Sequence[Point], below: Sequence[tuple[float, float, float]] = ()) -> None:
    """Quality against cost, which is logarithmic; the front is a line and its members are bold.

    Lines ``(cost, least, greatest)`` from points down are kept clear.
    """
    costs = [point.cost for point in points]
    logarithmic(axes, min(costs), max(costs))
    for point in points:
        axes.plot(point.cost, point.quality, marker(point.family), color=colour(point.family), **MARK)
    line = sorted((point.cost, point.quality) for point in points if point.kept)
    if line:
        axes.plot(*zip(*line, strict=True), color=INK, linewidth=1.1, alpha=0.45, zorder=1)
    labels = [(point.cost, point.quality, point.name, colour(point.family), point.kept) for point in points]
    lines = [line, *([(cost, least), (cost, greatest)] for cost, least, greatest in below)]
    label_points(axes, labels, [(cost, least) for cost, least, _ in below], lines)


def logarithmic(axes: Axes, low: float, high: float) -> None:
    """The horizontal axis of costs from ``low`` to ``high``, with room for labels and plain numbers."""
    axes.set_xscale("log")
    axes.set_xlim(low / 1.6, high * 1.6)
    steps = (1, 2, 5) if high / low > 20 else (1, 1.5, 2, 3, 5, 7)
    ticks = [step * 10.0**power for power in range(-5, 7) for step in steps]
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low / 1.5 <= tick <= high * 1.5]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(THOUSANDS)


def family_handles(families: Iterable[str], *, front: bool = False) -> list[Line2D]:
    """What a legend says of families, in their own order, and of the front."""
    there = set(families)
    handles = [
        Line2D([], [], linestyle="", marker=mark, markersize=7, color=tint, label=words)
        for family, (tint, mark, words) in FAMILIES.items()
        if family in there
    ]
    return handles + ([Line2D([], [], color=INK, alpha=0.45, label="front, its members bold")] if front else [])


def stacked(
    axes: Axes,
    rows: Sequence[tuple[float, Mapping[str, float], str]],
    colours: Mapping[str, str],
    flat: Sequence[float] = (),
    *,
    label: str,
) -> None:
    """Bars of parts.

    Parameters
    ----------
    axes
        Horizontal ones; rows are named by whoever calls.
    rows
        Height, parts and what stands behind each bar.
    colours
        Of the parts, in the order in which they are stacked.
    flat
        Another total of each row, as a mark.
    label
        Of the horizontal axis.
    """
    widest = max([*(sum(parts.values()) for _, parts, _ in rows), *flat])
    for index, (place, parts, text) in enumerate(rows):
        left = 0.0
        for part, tint in colours.items():
            axes.barh(place, parts[part], left=left, height=0.72, color=tint, edgecolor="white", linewidth=0.5)
            left += parts[part]
        if flat:
            axes.plot(flat[index], place, "D", color=INK, markersize=5, markeredgecolor="white", zorder=4)
        beside(axes, max([left, *flat[index : index + 1]]), place, text)
    rightwards(axes, widest)
    axes.set_xlabel(label)


def rightwards(axes: Axes, widest: float) -> None:
    """A horizontal axis of bars from zero, with room for a number and no tick where the next panel begins."""
    axes.set_xlim(0, widest * 1.22)
    ticks = MaxNLocator(6).tick_values(0, widest)
    axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if 0 <= tick <= 1.08 * widest]))
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.grid(visible=False, axis="y")


def stack_handles(colours: Mapping[str, str], flat: str = "") -> list[Any]:
    """What a legend says of parts, and of the mark."""
    mark = [Line2D([], [], linestyle="", marker="D", color=INK, markersize=5, label=flat)] if flat else []
    return [*(Patch(color=tint, label=part) for part, tint in colours.items()), *mark]


def beside(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """A number behind a bar or a mark; on white, so that no line of the grid goes through it."""
    look = {"va": "center", "fontsize": 8.5, "color": INK, "bbox": BEHIND, **look}
    axes.annotate(text, (x, y), (6, 0), textcoords="offset points", **look)


BEHIND = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
"""The ground of text that stands over lines."""


def ranged(
    axes: Axes, y: float, numbers: tuple[float, float, float], tint: str, mark: str, *, filled: bool = True
) -> None:
    """A mark at the median, a bar from the least to the greatest, and the number behind it."""
    low, mid, high = numbers
    axes.plot([0, mid], [y, y], color=LIGHT, linewidth=1.1, zorder=1)
    axes.plot([low, high], [y, y], color=tint, linewidth=3, alpha=0.45, solid_capstyle="round", zorder=2)
    axes.plot(mid, y, mark, color=tint, markersize=6.5, markerfacecolor=tint if filled else "white", zorder=3)
    beside(axes, high, y, shown(mid))


def left_label(axes: Axes, y: float, text: str, tint: str = INK) -> None:
    """A row's name at the left of the axes, in a colour of its own."""
    axes.annotate(
        text, (0, y), (-7, 0), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right", va="center",
        color=tint, fontsize=9.5, annotation_clip=False,
    )  # fmt: skip


def note_row(axes: Axes, y: float, text: str) -> None:
    """What stands in a row that has no mark."""
    axes.annotate(text, (0.015, y), xycoords=("axes fraction", "data"), color=GREY, fontsize=8.5, va="center")
