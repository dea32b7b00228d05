"""What is wrong with a picture as far as it can be computed: text over text, lines and marks over text, axes without a title."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase

from bitmill.reports.drawing import to_svg

SLACK = 1.0
"""Pixels that may overlap: extents of text have a border."""


def clashes(made: Figure) -> list[str]:
    """A line per mistake; empty where there is none."""
    to_svg(made, "picture")
    made.canvas.draw()
    renderer = made.canvas.get_renderer()  # type: ignore[attr-defined]
    texts = [text for text in _texts(made) if _extent(text, renderer).width > 0]
    boxes = [(text, _extent(text, renderer)) for text in texts]
    found = [f"{_said(one)} over {_said(other)}" for (one, a), (other, b) in combinations(boxes, 2) if _overlap(a, b)]
    page = made.bbox
    found += [f"{_said(text)} leaves the page" for text, box in boxes if not _inside(box, page)]
    for axes in made.axes:
        if not axes.axison:
            continue
        own = [(text, box) for text, box in boxes if text.axes is axes]
        for text, box in own:
            if _has_ground(text):
                continue
            for line in axes.lines:
                if line.get_transform() == axes.transData or line.get_transform().contains_branch(axes.transData):
                    corners = line.get_transform().transform(np.column_stack(line.get_data()).astype(float))
                    if line.get_linestyle() not in ("None", "") and any(
                        _crosses(box, *ends) for ends in pairwise(corners)
                    ):
                        found.append(f"a line crosses {_said(text)}")
                    half = line.get_markersize() * made.dpi / 144
                    if line.get_marker() not in ("None", None, "") and any(
                        _overlap(box, Bbox.from_extents(x - half, y - half, x + half, y + half)) for x, y in corners
                    ):
                        found.append(f"a mark is over {_said(text)}")
            for patch in axes.patches:
                if isinstance(patch, Rectangle) and patch.get_alpha() is None:
                    bar = patch.get_window_extent(renderer)
                    if _overlap(box, bar) and not _inside(box, bar):
                        found.append(f"a bar ends in {_said(text)}")
        for name, axis in (("horizontal", axes.xaxis), ("vertical", axes.yaxis)):
            ticks = [label.get_text() for label in axis.get_ticklabels() if label.get_visible() and label.get_text()]
            shown = axis.get_tick_params().get("labelbottom", axis.get_tick_params().get("labelleft", True))
            if shown and any(_is_number(tick) for tick in ticks) and not axis.get_label().get_text():
                found.append(f"the {name} axis of {axes.get_title() or axes.get_title(loc='left')!r} has no title")
    for legend in [*made.legends, *(axes.get_legend() for axes in made.axes)]:
        if legend is not None:
            box = legend.get_window_extent(renderer)
            found += ["a legend covers a panel" for axes in made.axes if axes.axison and _overlap(box, axes.bbox)]
    return found


def _texts(made: Figure) -> list[Text]:
    every = [text for text in made.findobj(Text) if text.get_visible() and text.get_text().strip()]
    kept = []
    for text in every:
        axes = text.axes
        ticks = [
            tick for a in made.axes for axis in (a.xaxis, a.yaxis) for tick in (*axis.majorTicks, *axis.minorTicks)
        ]
        of_tick = next((tick for tick in ticks if text in (tick.label1, tick.label2)), None)
        if of_tick is not None:
            axis = (
                of_tick.axes.xaxis
                if of_tick in (*of_tick.axes.xaxis.majorTicks, *of_tick.axes.xaxis.minorTicks)
                else of_tick.axes.yaxis
            )
            low, high = sorted(axis.get_view_interval())
            if not (of_tick.axes.axison and low <= of_tick.get_loc() <= high):
                continue
        if axes is None or axes.axison:
            kept.append(text)
    return kept


def _extent(text: Text, renderer) -> Bbox:
    patch = text.get_bbox_patch()
    text.set_bbox(None)
    box = Text.get_window_extent(text, renderer)
    if patch is not None:
        text.set_bbox({"facecolor": patch.get_facecolor(), "edgecolor": "none", "pad": 0.8})
    return box


def _has_ground(text: Text) -> bool:
    return text.get_bbox_patch() is not None


def _overlap(a: Bbox, b: Bbox) -> bool:
    return min(a.x1, b.x1) - max(a.x0, b.x0) > SLACK and min(a.y1, b.y1) - max(a.y0, b.y0) > SLACK


def _inside(a: Bbox, b: BboxBase) -> bool:
    return a.x0 >= b.x0 - SLACK and a.x1 <= b.x1 + SLACK and a.y0 >= b.y0 - SLACK and a.y1 <= b.y1 + SLACK


def _crosses(box: Bbox, start, end) -> bool:
    """Whether a straight line enters a box by more than the slack (Liang and Barsky)."""
    low, high = 0.0, 1.0
    for begin, change, least, most in (
        (start[0], end[0] - start[0], box.x0 + SLACK, box.x1 - SLACK),
        (start[1], end[1] - start[1], box.y0 + SLACK, box.y1 - SLACK),
    ):
        if change == 0:
            if not least <= begin <= most:
                return False
            continue
        ends = sorted(((least - begin) / change, (most - begin) / change))
        low, high = max(low, ends[0]), min(high, ends[1])
    return low < high


def _said(text: Text) -> str:
    return repr(text.get_text())


def _is_number(tick: str) -> bool:
    return tick.replace("\N{MINUS SIGN}", "-").replace(",", "").replace(".", "").lstrip(
        "-"
    ).isdigit() or tick.startswith("$")
