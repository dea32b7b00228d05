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
    lines: Sequence[Sequence[tuple[float, float]]] = (),
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
    lines
        Corners of polylines in data coordinates to keep clear if possible.
    """
    made = axes.figure
    renderer = made.canvas.get_renderer()  # type: ignore[attr-defined]
    pixel = made.dpi / 72
    inside = axes.get_window_extent(renderer)
    marks = [axes.transData.transform((x, y)) for x, y, *_ in points]
    taken = [_square(spot, 5.0 * pixel) for spot in marks]
    taken += [_square(axes.transData.transform(spot), 3.5 * pixel) for spot in obstacles]
    for corners in (axes.transData.transform(each) for each in lines if len(each) > 1):
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
            key=lambda place, mark=marks[index], occupied=occupied: (
                _badness(place[0], inside, occupied, place[1]) + _led(mark, *place, occupied, pixel)
            ),
        )
        box = best[0]
        x, y = axes.transData.inverted().transform((box.x0, box.y0))
        text.set_position((float(x), float(y)))
        text.set_verticalalignment("bottom")
        leader = _leader(marks[index], *best, pixel)
        if len(leader):
            (x0, y0), (x1, y1) = axes.transData.inverted().transform(leader[[0, -1]])
            axes.plot([x0, x1], [y0, y1], color=tint, linewidth=0.7, zorder=2)
            taken += [_square(spot, 0.8 * pixel) for spot in leader]
        taken.append(box.padded(2 * pixel))


def _leader(mark: Spot, box: Bbox, distance: float, pixel: float) -> NDArray[np.float64]:
    """Places along the line from a mark to a label that is not beside it, ``[places, 2]``."""
    if distance <= 14 * pixel:
        return np.empty((0, 2))
    end = np.array([np.clip(mark[0], box.x0, box.x1), np.clip(mark[1], box.y0, box.y1)])
    return mark + np.linspace(0, 1, 25)[:, None] * (end - mark)


def _led(mark: Spot, box: Bbox, distance: float, taken: NDArray[np.float64], pixel: float) -> float:
    """How bad it is that a leader goes over what is taken, its own mark apart."""
    places = _leader(mark, box, distance, pixel)[6:]
    over = (places[:, None, :] > taken[None, :, :2]) & (places[:, None, :] < taken[None, :, 2:])
    return 60.0 * float(over.all(axis=2).sum())


def label_columns(axes: Axes, points: Sequence[tuple[float, float, str, str, bool]], *, near: float = 45) -> None:
    """Write labels in columns at the right of crowded points, such as the ends of lines, each joined with its own.

    Parameters
    ----------
    axes, points
        As for ``label_points``.
    near
        Points of one column are at most so many pixels apart along the horizontal axis.
    """
    made = axes.figure
    renderer = made.canvas.get_renderer()  # type: ignore[attr-defined]
    pixel = made.dpi / 72
    marked = sorted(((axes.transData.transform((x, y)), rest) for x, y, *rest in points), key=lambda found: found[0][0])
    columns: list[list[tuple[Spot, Sequence[Any]]]] = []
    for spot, rest in marked:
        if not columns or spot[0] - columns[-1][-1][0][0] > near * pixel:
            columns.append([])
        columns[-1].append((spot, rest))
    inside, inverse = axes.get_window_extent(renderer), axes.transData.inverted()
    for column in columns:
        column.sort(key=lambda found: found[0][1])
        texts = [
            axes.text(
                0, 0, _drawable(label), color=tint, fontsize=9, fontweight="bold" if bold else "normal", va="center"
            )
            for _, (label, tint, bold) in column
        ]
        height = 1.12 * max(text.get_window_extent(renderer).height for text in texts)
        left = max(spot[0] for spot, _ in column) + (18 if len(column) > 1 else 8) * pixel
        for text, (spot, (_, tint, _)), y in zip(
            texts, column, _apart([spot[1] for spot, _ in column], height, inside), strict=True
        ):
            text.set_position(tuple(inverse.transform((left, y)).tolist()))
            if len(column) > 1:
                ends = inverse.transform([(spot[0] + 4 * pixel, spot[1]), (left - 2 * pixel, y)])
                axes.plot(ends[:, 0], ends[:, 1], color=tint, linewidth=0.7, zorder=2)


def _apart(wanted: Sequence[float], height: float, inside: Bbox) -> list[float]:
    """Rising places as near to the wanted ones as they can be at a distance, within a box."""
    blocks: list[list[float]] = []
    for place in wanted:
        blocks.append([place])
        # A block stands at the mean of what its members want, each less its rank in it.
        while len(blocks) > 1 and _top(blocks[-2], height) + height > _bottom(blocks[-1], height):
            last = blocks.pop()
            blocks[-1] += last
    places = [_bottom(block, height) + rank * height for block in blocks for rank in range(len(block))]
    low, high = inside.y0 + height / 2, inside.y1 - height / 2
    shift = max(0.0, low - places[0]) - max(0.0, places[-1] - high)
    return [place + shift for place in places]


def _bottom(block: Sequence[float], height: float) -> float:
    return sum(place - rank * height for rank, place in enumerate(block)) / len(block)


def _top(block: Sequence[float], height: float) -> float:
    return _bottom(block, height) + (len(block) - 1) * height


def _square(spot: Spot, half: float) -> Bbox:
    return Bbox.from_extents(spot[0] - half, spot[1] - half, spot[0] + half, spot[1] + half)


def _room(marks: Sequence[Spot], index: int) -> float:
    distances = [float(np.hypot(*np.subtract(marks[index], mark))) for i, mark in enumerate(marks) if i != index]
    return min(distances, default=0.0)


def _places(spot: Spot, width: float, height: float, pixel: float) -> Iterator[tuple[Bbox, float]]:
    """Boxes around a point with their distance, near ones first."""
    for gap, (horizontal, vertical) in product(
        (7, 11, 16, 24, 34, 46, 60, 80), ((1, 0), (1, 1), (-1, 1), (-1, 0), (1, -1), (0, 1), (0, -1), (-1, -1))
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
