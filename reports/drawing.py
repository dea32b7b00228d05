"""How pictures of reports look: fonts, greys, labels clear of each other, and SVG without dates."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise, product
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, LogFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from ..system.text import visible

INK, GREY, LIGHT = "#1f2328", "#6e7781", "#d0d7de"

Spot = NDArray[np.float64]
"""A place in pixels, ``[x, y]``."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "path",  # text looks the same wherever the picture is opened
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "text.parse_math": False,  # a name with dollar signs is a name
    "text.color": INK,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": "#eaeef2",
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": "white",
}


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's own defaults and this study's, whatever the user's configuration says."""
    with mpl.rc_context(), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; the page beside the picture has it in letters.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font", category=UserWarning)
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.4g}" if value < 1000 else f"{value:,.0f}")
"""Tick labels like the numbers beside them."""


def figure(width: float, height: float, title: str, subtitle: str, *, top: float = 0.62) -> Figure:
    """A figure in inches with a headline, and ``top`` inches kept free for it."""
    made = Figure(figsize=(width, height))
    FigureCanvasAgg(made)
    made.text(0.14 / width, 1 - 0.10 / height, _drawable(title), fontsize=14, fontweight="bold", va="top")
    made.text(
        0.14 / width, 1 - 0.40 / height, _drawable(subtitle), fontsize=9.5, color=GREY, va="top", linespacing=1.35
    )
    made.subplots_adjust(top=1 - (top + 0.45) / height)
    return made


def legend_above(made: Figure, handles: Sequence[Any], *, top: float, left: float = 0.04, **look: Any) -> None:
    """A legend in one row between headline and panels, ``top`` and ``left`` inches from the figure's corner."""
    made.legend(
        handles=handles, loc="upper left", ncols=len(handles), frameon=False, fontsize=9,
        bbox_to_anchor=(left / made.get_figwidth(), 1 - top / made.get_figheight()), **look,
    )  # fmt: skip


def as_rows(axes: Axes, places: Sequence[float], names: Sequence[str], *, room: tuple[float, float]) -> None:
    """Names at the left of horizontal rows, the first on top; ``room`` above the first and below the last."""
    axes.set_yticks(places, names)
    axes.set_ylim(places[-1] + room[1], places[0] - room[0])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def to_svg(made: Figure, name: str) -> str:
    """SVG text that depends on the figure alone; ids begin with the name, so one page can hold several pictures."""
    out = io.StringIO()
    _allow_powers(made)
    for label in made.findobj(Text):
        if isinstance(label, Text):
            label.set_text(_drawable(label.get_text()))
    with mpl.rc_context({"svg.hashsalt": f"bitmill {name}"}):
        made.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(r"<metadata>.*?</metadata>", "", out.getvalue(), flags=re.DOTALL)
    text = re.sub(r"\A.*?(?=<svg)", "", text, flags=re.DOTALL)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)


def _drawable(text: str) -> str:
    """Line ends are layout; other control characters are no XML and have no glyph."""
    return "\n".join(map(visible, text.split("\n")))


def _allow_powers(made: Figure) -> None:
    """Let the numbers at logarithmic axes, which no user wrote, be drawn as powers of ten."""
    for axes in made.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatter):
                for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                    tick.label1.set_parse_math(True)


def label_points(
    axes: Axes,
    points: Sequence[tuple[float, float, str, str, bool]],
    obstacles: Sequence[tuple[float, float]] = (),
    line: Sequence[tuple[float, float]] = (),
) -> None:
    """Write each label next to its point where it covers no marker, no obstacle and no other label.

    Parameters
    ----------
    axes
        Axes whose limits are final.
    points
        ``(x, y, label, colour, bold)``.
    obstacles
        More places in data coordinates to keep clear.
    line
        Corners of a polyline in data coordinates to keep clear if possible.
    """
    made = axes.figure
    renderer = made.canvas.get_renderer()  # type: ignore[attr-defined]
    pixel = made.dpi / 72
    inside = axes.get_window_extent(renderer)
    marks = [axes.transData.transform((x, y)) for x, y, *_ in points]
    taken = [_square(spot, 5.0 * pixel) for spot in marks]
    taken += [_square(axes.transData.transform(spot), 3.5 * pixel) for spot in obstacles]
    if len(line) > 1:
        corners = axes.transData.transform(line)
        for start, end in pairwise(corners):
            steps = np.linspace(0, 1, 40)[:, None]
            taken += [_square(spot, 0.8 * pixel) for spot in start + steps * (end - start)]
    # The crowded points choose first; ties in the order given.
    order = sorted(range(len(points)), key=lambda i: (_room(marks, i), i))
    for index in order:
        _, _, label, tint, bold = points[index]
        text = axes.text(
            0, 0, _drawable(label), color=tint, fontsize=9, fontweight="bold" if bold else "normal", zorder=6
        )
        size = text.get_window_extent(renderer)
        occupied = np.array([other.extents for other in taken])
        best = min(
            _places(marks[index], size.width, size.height, pixel),
            key=lambda place, occupied=occupied: _badness(place[0], inside, occupied, place[1]),
        )
        box = best[0]
        x, y = axes.transData.inverted().transform((box.x0, box.y0))
        text.set_position((float(x), float(y)))
        text.set_verticalalignment("bottom")
        if best[1] > 14 * pixel:
            end = (np.clip(marks[index][0], box.x0, box.x1), np.clip(marks[index][1], box.y0, box.y1))
            (x0, y0), (x1, y1) = (axes.transData.inverted().transform(spot) for spot in (marks[index], end))
            axes.plot([x0, x1], [y0, y1], color=tint, linewidth=0.7, zorder=2)
        taken.append(box.padded(2 * pixel))


def _square(spot: Spot, half: float) -> Bbox:
    return Bbox.from_extents(spot[0] - half, spot[1] - half, spot[0] + half, spot[1] + half)


def _room(marks: Sequence[Spot], index: int) -> float:
    distances = [float(np.hypot(*np.subtract(marks[index], mark))) for i, mark in enumerate(marks) if i != index]
    return min(distances, default=0.0)


def _places(spot: Spot, width: float, height: float, pixel: float) -> Iterator[tuple[Bbox, float]]:
    """Boxes around a point with their distance, near ones first."""
    for gap, (horizontal, vertical) in product(
        (7, 11, 16, 24, 34), ((1, 0), (1, 1), (-1, 1), (-1, 0), (1, -1), (0, 1), (0, -1), (-1, -1))
    ):
        gap_pixels = gap * pixel
        reach = gap_pixels * (0.75 if horizontal and vertical else 1)
        x = spot[0] + horizontal * reach - (width if horizontal < 0 else 0 if horizontal > 0 else width / 2)
        y = spot[1] + vertical * reach - (height if vertical < 0 else 0 if vertical > 0 else height / 2)
        yield Bbox.from_bounds(x, y, width, height), gap_pixels


def _badness(box: Bbox, inside: Bbox, taken: NDArray[np.float64], distance: float) -> float:
    """How bad a place is; ``taken`` has rows ``x0, y0, x1, y1``."""
    outside = max(0.0, inside.x0 + 4 - box.x0, box.x1 - inside.x1 - 25, inside.y0 - box.y0, box.y1 - inside.y1 - 5)
    width = np.minimum(box.x1, taken[:, 2]) - np.maximum(box.x0, taken[:, 0])
    height = np.minimum(box.y1, taken[:, 3]) - np.maximum(box.y0, taken[:, 1])
    covered = float((np.maximum(width, 0) * np.maximum(height, 0)).sum())
    return 1000 * outside + 50 * covered + distance
