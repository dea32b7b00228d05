"""The pictures of the study, each a function of the records alone."""

from __future__ import annotations

from itertools import cycle

from matplotlib.figure import Figure

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST, labels
from ...studies.bitmod.units import BASELINE, Candidate, candidates
from ...studies.records import Records
from .. import shown
from ..charts import MARK, beside, family_handles, stack_handles, stacked
from ..colours import colour, family_of_scheme, marker
from ..drawing import GREY, as_rows, figure, label_columns, legend_above
from ..libraries import USUAL, libraries, per_library, words_of
from ..names import scheme_title
from ..report import Drawing
from .derived import MAIN, PAPER_GAIN, on
from .tables import SWEPT, built, clock_name, schemes

_PARTS = {"pe": ("PE", "#0072b2"), "edges": ("share of the edges", "#e69f00"), "scaling": ("scaler", "#d9d9d9")}
_MARKS = ("o", "s", "D", "^", "v", "P")


def _family(candidate: Candidate) -> str:
    """Of a PE: bit-serial ones are BitMoD's, others are called by the weights that they take."""
    return family_of_scheme(candidate.key if candidate.key == BASELINE else candidate.key.rpartition("x")[2])


def accuracy_picture(records: Records) -> Figure:
    """Agreement of embeddings and output SQNR of layers against bits per weight."""
    names = schemes(records)
    pairs = int(records[f"embeddings/{names[0]}"].number("pairs"))
    made = figure(
        11.0, 10.4, "What the bits of a weight buy on a real model",
        f"{records[f'weights/{names[0]}'].config['model']}: all linear layers quantized, activations in FP32. Above: rank "
        f"correlation of the similarities of {pairs} sentence pairs\nwith those in FP32. Below: output of all layers.", top=0.98,
    )  # fmt: skip
    panels = made.subplots(2, 1)
    made.subplots_adjust(left=0.085, right=0.975, bottom=0.06, hspace=0.2)
    families = {name: family_of_scheme(name) for name in names}
    for axes, metric, kind, label in (
        (panels[0], "agreement_drop", "embeddings", "agreement lost / % (less is better)"),
        (panels[1], "sqnr", "layers", "SQNR of layers' outputs / dB (more is better)"),
    ):
        points = []
        for name in names:
            x, y = records[f"weights/{name}"].number("bits_per_weight"), records[f"{kind}/{name}"].number(metric)
            axes.plot(x, y, marker(families[name]), color=colour(families[name]), **MARK)
            points.append((x, y, scheme_title(name), colour(families[name]), families[name] == "BitMoD"))
        axes.set_xlabel("bits per weight, scales and selectors included")
        axes.set_ylabel(label)
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        axes.set_xlim(min(xs) - 0.3, max(xs) + 0.6)
        if kind == "embeddings" and min(ys) > 0:
            axes.set_yscale("log")
            axes.set_ylim(min(ys) / 1.8, max(ys) * 1.8)
            axes.yaxis.set_major_formatter("{x:g}")
        else:
            axes.set_ylim(min(ys) - 3, max(ys) + 3)
        label_columns(axes, points)
    legend_above(made, family_handles(families.values()), top=0.76, handletextpad=0.3)
    return made


def groups_picture(records: Records) -> Figure:
    """Squared error of the weights against bits per weight, a line per scheme along its groups."""
    names = [name for name in schemes(records) if f"compare/{name}/g128" in records]
    widths = sorted({BLOCKS[name].bits for name in names})
    made = figure(
        max(7.2, 6.0 * len(widths)), 6.4, "Smaller groups or better types?",
        "Squared error of the weights relative to BitMoD at group 128, groups of 32, 64, 128 and 384 from right to left.\n"
        "Down and to the left is better.", top=0.98,
    )  # fmt: skip
    panels = made.subplots(1, len(widths), squeeze=False)[0]
    made.subplots_adjust(left=0.075, right=0.975, bottom=0.105, wspace=0.16)
    for axes, width in zip(panels, widths, strict=True):
        points = []
        for name in (name for name in names if BLOCKS[name].bits == width):
            groups = [group for group in SWEPT if f"compare/{name}/g{group}" in records]
            xs = [records[f"weights/{name}/g{group}"].number("bits_per_weight") for group in groups]
            ys = [records[f"compare/{name}/g{group}"].number("mse") for group in groups]
            family = family_of_scheme(name)
            ours = family == "BitMoD"
            axes.plot(
                xs, ys, "-", marker=marker(family), color=colour(family), markersize=5, linewidth=2 if ours else 1.1
            )
            points.append((xs[0], ys[0], scheme_title(name), colour(family), ours))
        axes.set_title(f"{width} bits")
        axes.set_ylabel("squared error, BitMoD at group 128 = 1")
        axes.set_xlabel("bits per weight")
        low, high = axes.get_xlim()
        axes.set_xlim(low, high + 0.3 * (high - low))
        label_columns(axes, points)
    legend_above(made, family_handles(map(family_of_scheme, names)), top=0.76, handletextpad=0.3)
    return made


def throughput_drawings(records: Records) -> dict[str, Drawing]:
    """A picture per library with costs."""
    caption = "Throughput per area of every PE over that of an FP16 PE, at several clocks and at each one's own best"
    return per_library(records, "cost", "throughput", throughput_picture, caption)


def throughput_picture(records: Records) -> Figure:
    """Throughput per area over the FP16 PE's against the clock, with and without scalers; records of one library."""
    library = libraries(records.of_kind("cost"))[0]
    here = [label for label in labels() if len(built(records, on(library, label))) > 1]
    made = figure(
        14.0, 6.8, "Throughput per area over an FP16 PE, clock by clock",
        f"Weights of 4 bits, or a PE's own; {words_of(library)} cells, registers included; each PE with its share of the edges "
        "of an 8 x 8 tile. Left: without what scales\nsums of groups. Right: with a scaler of the same kind on both sides. "
        f"Own best: each at the fastest clock it reaches. {shown.tools_named(records, 'area')}.", top=0.72,
    )  # fmt: skip
    panels = made.subplots(1, 2, sharey=True)
    made.subplots_adjust(left=0.055, right=0.985, bottom=0.085, wspace=0.04)
    for axes, metric, title in (
        (panels[0], "relative", "without scalers"),
        (panels[1], "relative_scaled", "with scalers"),
    ):
        axes.set_title(title)
        axes.plot([-0.25, len(here) - 1], [PAPER_GAIN] * 2, color=GREY, linewidth=1, linestyle=":", zorder=1)
        points = []
        for candidate, mark in zip(candidates(), cycle(_MARKS), strict=False):
            costs = {i: f"cost/{candidate.key}/{on(library, label)}" for i, label in enumerate(here)}
            there = [index for index, name in costs.items() if name in records]
            values = [records[costs[index]].number(f"{metric}_{candidate.bits}") for index in there]
            if not there:
                continue
            tint = colour(_family(candidate))
            axes.plot(there, values, "--" if candidate.key == BASELINE else "-", marker=mark, markersize=5, color=tint)
            points.append((there[-1], values[-1], candidate.title, tint, False))
        axes.set_xticks(
            range(len(here)),
            [clock_name(label) if library == USUAL or label == BEST else f"like {clock_name(label)}" for label in here],
        )
        axes.set_xlim(-0.25, len(here) - 1 + 0.72 * len(here))
        axes.set_ylim(0, axes.get_ylim()[1])
        axes.set_xlabel("clock period")
        label_columns(axes, [*points, (len(here) - 1, PAPER_GAIN, f"{PAPER_GAIN:.2f}: the paper's areas", GREY, False)])
    panels[0].set_ylabel("throughput per area, times the FP16 PE's")
    return made


def area_picture(records: Records) -> Figure:
    """Gate equivalents of a PE in a tile, part by part."""
    found = built(records)
    made = figure(
        10.0, 1.85 + 0.44 * len(found), f"What a PE of an 8 x 8 tile is made of, at {clock_name(MAIN)}",
        f"Gate equivalents on {words_of(USUAL)}, logic and registers; in brackets products per cycle at the width of weights "
        f"compared.\n{shown.tools_named(records, 'area')}.", top=0.98,
    )  # fmt: skip
    axes = made.subplots()
    made.subplots_adjust(left=0.34, right=0.97, bottom=0.55 / made.get_figheight())
    bars = []
    for place, candidate in enumerate(found):
        cost = records[f"cost/{candidate.key}/{MAIN}"]
        parts = {title: cost.number(part) for part, (title, _) in _PARTS.items()}
        bars.append((float(place), parts, shown.shown(sum(parts.values()))))
    tints = dict(_PARTS.values())
    stacked(axes, bars, tints, label="gate equivalents of a PE, logic and registers")
    for place, parts, _ in bars:
        bare = parts["PE"] + parts["share of the edges"]
        beside(axes, bare, place, shown.shown(bare), bbox=None)
    names = [f"{candidate.title} ({candidate.products_per_cycle(candidate.bits):g})" for candidate in found]
    as_rows(axes, range(len(names)), names, room=(0.55, 0.55))
    legend_above(made, stack_handles(tints), top=0.76, handlelength=1.0)
    return made
