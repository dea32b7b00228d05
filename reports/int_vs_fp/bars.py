"""Pictures of parts, scale policies and clocks: one row per pair of formats."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator

from ...studies.int_vs_fp.study import POLICIES, Pair
from ...studies.records import Records
from .. import shown
from ..drawing import GREY, INK, LIGHT, THOUSANDS, as_rows, figure, legend_above
from . import view
from .marks import FAMILY_COLOURS, PART_COLOURS, colour, marker

POLICY_MARKS = {
    "token-maximum": ("o", "#00735c", False),
    "token-least-squares": ("o", "#00735c", True),
    "tensor-maximum": ("D", "#b0508e", False),
    "tensor-least-squares": ("D", "#b0508e", True),
}
"""Policy to marker, colour and whether it is filled."""


def parts_picture(records: Records) -> Figure:
    """Where the gates go: a stacked bar per pair, a panel per unit, the flat total as a mark."""
    pairs, units = view.pairs(records), view.units(records)
    made = figure(
        max(7.2, 1.0 + 3.75 * len(units)),
        1.95 + 0.40 * len(pairs),
        "Where the gates go",
        "NAND2-equivalents per MAC by part, hierarchy kept; the diamond and the number are the same unit "
        "flattened, registers "
        "at 6 each included.\nControl: clock enables, handshake, flags, step counter. "
        f"{shown.tools_named(records, 'parts')}.",
        top=0.98,
    )
    row = made.subplots(1, len(units), sharey=True, squeeze=False)[0]
    made.subplots_adjust(left=1.15 / made.get_figwidth(), right=0.985, bottom=0.55 / made.get_figheight(), wspace=0.06)
    for axes, unit in zip(row, units, strict=True):
        widest = 0.0
        for y, pair in enumerate(pairs):
            record = records[f"parts/{view.key(pair, unit)}"]
            left = 0.0
            for part, tint in PART_COLOURS.items():
                width = record.number(part)
                axes.barh(y, width, left=left, height=0.68, color=tint, edgecolor="white", linewidth=0.5)
                left += width
            flat = record.number("flat")
            axes.plot(flat, y, "D", color=INK, markersize=5, markeredgecolor="white", markeredgewidth=0.7, zorder=4)
            axes.annotate(
                shown.shown(flat), (max(flat, left), y), (6, 0), textcoords="offset points", va="center", fontsize=9
            )
            widest = max(widest, left, flat)
        axes.set_xlim(0, widest * 1.2)
        axes.set_title(view.UNIT_TITLES[unit])
        axes.set_xlabel("NAND2-equivalents per MAC")
        # No tick at the right end, where its label would meet the next panel's zero.
        ticks = MaxNLocator(6).tick_values(0, widest)
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if 0 <= tick <= 1.08 * widest]))
        axes.xaxis.set_major_formatter(THOUSANDS)
    _pair_rows(row, pairs)
    handles = [
        *(Patch(color=tint, label=part) for part, tint in PART_COLOURS.items()),
        Line2D([], [], linestyle="", marker="D", color=INK, markersize=5, label="flat total"),
    ]
    legend_above(made, handles, top=0.72, handlelength=1.0, columnspacing=1.3)
    return made


def policy_picture(records: Records) -> Figure:
    """What the scale policy is worth: SQNR of each pair under the four policies, a panel per layer."""
    pairs, layers = view.pairs(records), view.layers(records)
    made = figure(
        max(7.2, 1.0 + 3.75 * len(layers)),
        1.95 + 0.40 * len(pairs),
        "The scale policy decides the ranking",
        f"{layers[0].config['source']}. Output SQNR on held-out tokens; weights per channel by the same rule. "
        "Per tensor: one static scale, calibrated apart.",
        top=0.82,
    )
    row = made.subplots(1, len(layers), sharex=True, sharey=True, squeeze=False)[0]
    made.subplots_adjust(left=1.15 / made.get_figwidth(), right=0.985, bottom=0.55 / made.get_figheight(), wspace=0.06)
    for axes, layer in zip(row, layers, strict=True):
        for y, pair in enumerate(pairs):
            found = {p.key: view.sqnr(records, layer.config["layer"], pair, p) for p in POLICIES}
            finite = [value for value in found.values() if value is not None]
            if finite:
                axes.plot(
                    [min(finite), max(finite)], [y, y], color=LIGHT, linewidth=2.5, solid_capstyle="round", zorder=1
                )
            # The lower mark of two that meet is drawn larger, so that both stay visible.
            for key, value in found.items():
                if value is None:
                    continue
                shape, tint, filled = POLICY_MARKS[key]
                axes.plot(
                    value, y, shape, color=tint, markerfacecolor=tint if filled else "white", markeredgewidth=1.3,
                    markersize=4.5 if filled else 7.5, zorder=4 if filled else 3,
                )  # fmt: skip
        axes.set_title(layer.config["layer"])
        axes.set_xlabel("output SQNR / dB")
    _pair_rows(row, pairs)
    handles = [
        Line2D([], [], linestyle="", marker=shape, color=tint, markerfacecolor=tint if filled else "white",
               markersize=5 if filled else 7.5, markeredgewidth=1.3, label=policy.label)
        for policy in POLICIES for shape, tint, filled in [POLICY_MARKS[policy.key]]
    ]  # fmt: skip
    legend_above(made, handles, top=0.56, handletextpad=0.3)
    return made


def fmax_picture(records: Records) -> Figure:
    """The clock of each unit on ECP5: median over the placements and their range."""
    pairs = view.pairs(records)
    units = [unit for unit in view.units(records) if any(view.timing_of(records, pair, unit) for pair in pairs)]
    made = figure(
        max(7.2, 1.0 + 3.75 * max(len(units), 1)),
        1.75 + 0.40 * len(pairs),
        "The clock each unit reaches on ECP5",
        "nextpnr, LFE5U-85 speed grade 6, registers around the unit, no DSP blocks. Dot: median; line: range over the "
        f"placements. {shown.tools_named(records, 'timing')}.",
        top=0.58,
    )
    row = made.subplots(1, max(len(units), 1), sharey=True, sharex=True, squeeze=False)[0]
    made.subplots_adjust(left=1.15 / made.get_figwidth(), right=0.985, bottom=0.55 / made.get_figheight(), wspace=0.06)
    for axes, unit in zip(row, units, strict=False):
        routed, runs = view.UNIT_TITLES[unit], 0
        for y, pair in enumerate(pairs):
            record_id = view.timing_of(records, pair, unit)
            if record_id is None:
                note = {"xycoords": ("axes fraction", "data"), "color": GREY, "fontsize": 8.5, "va": "center"}
                axes.annotate("not routed", (0.015, y), **note)
                continue
            record = records[record_id]
            low, mid, high = (record.number(name) for name in ("fmax_min", "fmax", "fmax_max"))
            tint = colour(pair)
            axes.plot([0, mid], [y, y], color=LIGHT, linewidth=1.2, zorder=1)
            axes.plot([low, high], [y, y], color=tint, linewidth=3, alpha=0.45, solid_capstyle="round", zorder=2)
            axes.plot(
                mid, y, marker(pair), color=tint, markersize=7, markeredgecolor="white", markeredgewidth=0.8, zorder=3
            )
            axes.annotate(shown.shown(mid), (high, y), (8, 0), textcoords="offset points", va="center", fontsize=9)
            runs = int(record.number("placements"))
            if record.part != unit:
                routed = f"dot product, {record.flow['routed']}"
        axes.set_title(f"{routed[0].upper()}{routed[1:]}, {runs} placement{'s' * (runs != 1)}")
        axes.set_xlabel("MHz")
    _pair_rows(row, pairs)
    highest = max((record.number("fmax_max") for record in records.of_kind("timing")), default=1.0)
    row[0].set_xlim(0, highest * 1.14)
    return made


def _pair_rows(row: Sequence[Axes], pairs: list[Pair]) -> None:
    """One row per pair, the first on top, its name at the left in the colour of its family."""
    for axes in row:
        as_rows(axes, range(len(pairs)), [""] * len(pairs), room=(0.55, 0.55))
    for y, pair in enumerate(pairs):
        row[0].annotate(
            pair.label, (0, y), (-7, 0), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
            va="center", color=FAMILY_COLOURS[pair.family], annotation_clip=False,
        )  # fmt: skip
