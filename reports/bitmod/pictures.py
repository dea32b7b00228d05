"""The pictures of the study, each a function of the records alone."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import labels
from ...studies.bitmod.units import BASELINE, candidates
from ...studies.records import Records
from .. import shown
from ..drawing import GREY, INK, LIGHT, as_rows, figure, label_points
from .derived import MAIN, PAPER_GAIN
from .tables import SWEPT, built, clock_name, schemes

OURS, OTHERS, INTEGERS = "#a63603", "#6e7781", "#0b5394"
_COLOURS = {
    "serial": "#e2711d", "serial-given": "#a63603", "serial-given-20": "#7f2704", "serial-w4": "#f2a45c",
    "fp16xint8": "#56a6dd", "fp16xant": "#009e73", "fp16xolive": "#cc79a7", "serial-int8": "#0b5394", "int8xint8": "#6baed6",
    BASELINE: INK,
}  # fmt: skip
_PARTS = {"pe": ("PE", "#0072b2"), "edges": ("share of the edges", "#e69f00"), "scaling": ("scaler", "#d9d9d9")}


def scheme_colour(name: str) -> str:
    """BitMoD's stand out."""
    return OURS if name.startswith("bitmod") else INTEGERS if name.startswith("int") else OTHERS


def accuracy_picture(records: Records) -> Figure:
    """Agreement of embeddings and output SQNR of layers against bits per weight."""
    names = schemes(records)
    pairs = int(records[f"embeddings/{names[0]}"].number("pairs"))
    made = figure(
        11.5, 5.4, "What the bits of a weight buy on a real model",
        f"{records[f'weights/{names[0]}'].config['model']}: all linear layers quantized, activations in FP32. Left: rank "
        f"correlation of the similarities of {pairs} sentence pairs\nwith those in FP32. Right: output of all layers. "
        "BitMoD in red, integers in blue.", top=0.72,
    )  # fmt: skip
    panels = made.subplots(1, 2)
    made.subplots_adjust(left=0.07, right=0.975, bottom=0.11, wspace=0.2)
    for axes, metric, kind, label in (
        (panels[0], "agreement_drop", "embeddings", "agreement lost / % (less is better)"),
        (panels[1], "sqnr", "layers", "SQNR of layers' outputs / dB (more is better)"),
    ):
        points = []
        for name in names:
            x, y = records[f"weights/{name}"].number("bits_per_weight"), records[f"{kind}/{name}"].number(metric)
            tint = scheme_colour(name)
            axes.plot(x, y, "o", markersize=7, color=tint, markeredgecolor="white", markeredgewidth=0.8, zorder=5)
            points.append((x, y, name, tint, name.startswith("bitmod")))
        axes.set_xlabel("bits per weight, scales and selectors included")
        axes.set_ylabel(label)
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        axes.set_xlim(min(xs) - 0.35, max(xs) + 0.6)
        if kind == "embeddings" and min(ys) > 0:
            axes.set_yscale("log")
            axes.set_ylim(min(ys) / 1.8, max(ys) * 1.8)
        else:
            axes.set_ylim(min(ys) - 3, max(ys) + 3)
        label_points(axes, points)
    return made


def groups_picture(records: Records) -> Figure:
    """Squared error of the weights against bits per weight, a line per scheme along its groups."""
    names = [name for name in schemes(records) if f"compare/{name}/g128" in records]
    widths = sorted({BLOCKS[name].bits for name in names})
    made = figure(
        max(7.2, 5.8 * len(widths)), 5.2, "Smaller groups or better types?",
        "Squared error of the weights relative to BitMoD at group 128, groups of 32, 64, 128 and 384 from right to left.\n"
        "Down and to the left is better.", top=0.72,
    )  # fmt: skip
    panels = made.subplots(1, len(widths), squeeze=False)[0]
    made.subplots_adjust(left=0.075, right=0.975, bottom=0.115, wspace=0.16)
    for axes, width in zip(panels, widths, strict=True):
        points = []
        for name in (name for name in names if BLOCKS[name].bits == width):
            groups = [group for group in SWEPT if f"compare/{name}/g{group}" in records]
            xs = [records[f"weights/{name}/g{group}"].number("bits_per_weight") for group in groups]
            ys = [records[f"compare/{name}/g{group}"].number("mse") for group in groups]
            tint = scheme_colour(name)
            axes.plot(xs, ys, "o-", color=tint, markersize=4.5, linewidth=2 if tint == OURS else 1.1, alpha=0.9)
            points.append((xs[0], ys[0], name, tint, tint == OURS))
        axes.set_title(f"{width} bits")
        axes.set_xlabel("bits per weight")
        low, high = axes.get_xlim()
        axes.set_xlim(low, high + 0.22 * (high - low))
        label_points(axes, points)
    panels[0].set_ylabel("squared error, BitMoD at group 128 = 1")
    return made


def throughput_picture(records: Records) -> Figure:
    """Throughput per area over the FP16 PE's against the clock, with and without scalers."""
    here = [label for label in labels() if len(built(records, label)) > 1]
    made = figure(
        13.0, 5.6, "Throughput per area over an FP16 PE, clock by clock",
        "Weights of 4 bits, or a PE's own; osu018 cells, registers included; each PE with its share of the edges of an 8 x 8 "
        "tile. Left: sums of groups. Right: with\na scaler of the same kind on both sides. At fixed clocks both sides run at "
        f"that clock; at own best, each at the fastest it reaches. {shown.tools_named(records, 'area')}.", top=0.72,
    )  # fmt: skip
    panels = made.subplots(1, 2, sharey=True)
    made.subplots_adjust(left=0.055, right=0.715, bottom=0.1, wspace=0.06)
    handles = []
    for axes, metric, title in (
        (panels[0], "relative", "without scalers"),
        (panels[1], "relative_scaled", "with scalers"),
    ):
        axes.set_title(title)
        for candidate in candidates():
            there = [index for index, label in enumerate(here) if f"cost/{candidate.key}/{label}" in records]
            values = [records[f"cost/{candidate.key}/{here[i]}"].number(f"{metric}_{candidate.bits}") for i in there]
            if not there:
                continue
            dashed = "--" if candidate.key == BASELINE else "-"
            tint = _COLOURS[candidate.key]
            (line,) = axes.plot(there, values, dashed, marker="o", markersize=5, color=tint, label=candidate.title)
            if axes is panels[0]:
                handles.append(line)
        axes.axhline(PAPER_GAIN, color=GREY, linewidth=1, linestyle=":")
        axes.annotate(
            f"{PAPER_GAIN:.2f}: the paper's areas", (0.01, PAPER_GAIN), xycoords=("axes fraction", "data"), xytext=(0, -11),
            textcoords="offset points", fontsize=8.5, color=GREY,
        )  # fmt: skip
        axes.set_xticks(range(len(here)), [clock_name(label) for label in here])
        axes.set_xlim(-0.3, len(here) - 0.7)
        axes.set_xlabel("clock period")
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("times the FP16 PE's")
    made.legend(handles=handles, loc="center left", bbox_to_anchor=(0.72, 0.5), frameon=False, fontsize=9)
    return made


def area_picture(records: Records) -> Figure:
    """Gate equivalents of a PE in a tile, part by part."""
    shown_here = built(records)
    made = figure(
        10.0, 1.75 + 0.44 * len(shown_here), f"What a PE of an 8 x 8 tile is made of, at {clock_name(MAIN)}",
        "Gate equivalents on osu018, logic and registers; in brackets products per cycle at the width of weights compared.\n"
        f"{shown.tools_named(records, 'area')}.", top=0.75,
    )  # fmt: skip
    axes = made.subplots()
    made.subplots_adjust(left=0.33, right=0.97, bottom=0.55 / made.get_figheight())
    _bars(axes, records, [candidate.key for candidate in shown_here])
    names = [f"{candidate.title} ({candidate.products_per_cycle(candidate.bits):g})" for candidate in shown_here]
    as_rows(axes, range(len(names)), names, room=(0.55, 0.55))
    axes.set_xlabel("gate equivalents")
    handles = [Patch(color=tint, label=text) for text, tint in _PARTS.values()]

    made.legend(
        handles=handles, loc="upper left", ncols=3, frameon=False, fontsize=9, handlelength=1.0,
        bbox_to_anchor=(0.31, 1 - 0.75 / made.get_figheight()),
    )  # fmt: skip
    return made


def _bars(axes: Axes, records: Records, keys: Sequence[str]) -> None:
    for y, key in enumerate(keys):
        left = 0.0
        for part, (_, tint) in _PARTS.items():
            width = records[f"cost/{key}/{MAIN}"].number(part)
            axes.barh(y, width, left=left, height=0.68, color=tint, edgecolor="white", linewidth=0.5)
            left += width
            if part == "edges":
                axes.annotate(
                    shown.shown(left),
                    (left, y),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                    color=INK,
                )
        axes.annotate(shown.shown(left), (left, y), (6, 0), textcoords="offset points", va="center", fontsize=9)
    axes.axvline(0, color=LIGHT, linewidth=0.8)
