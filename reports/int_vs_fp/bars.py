"""Pictures of parts, scale policies and clocks: one row per pair of formats."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ...studies.int_vs_fp.study import POLICIES, Pair
from ...studies.records import Records
from .. import shown
from ..charts import left_label, note_row, ranged
from ..colours import colour, family_of_pair, marker
from ..drawing import LIGHT, as_rows, figure, legend_above
from ..part_bars import part_bars
from . import view

POLICY_MARKS = {
    "token-maximum": ("o", "#00735c", False),
    "token-least-squares": ("o", "#00735c", True),
    "tensor-maximum": ("D", "#b0508e", False),
    "tensor-least-squares": ("D", "#b0508e", True),
}
"""Policy to marker, colour and whether it is filled."""


def parts_picture(records: Records) -> Figure:
    """Where the gates go: a stacked bar per pair, a panel per unit, the flat total as a mark."""
    panels = {
        view.UNIT_TITLES[unit]: [(pair.label, records[f"parts/{view.key(pair, unit)}"]) for pair in view.pairs(records)]
        for unit in view.units(records)
    }
    return part_bars(records, panels, left=1.15)


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
                note_row(axes, y, "not routed")
                continue
            record = records[record_id]
            numbers = (record.number("fmax_min"), record.number("fmax"), record.number("fmax_max"))
            ranged(axes, y, numbers, colour(family_of_pair(pair)), marker(family_of_pair(pair)))
            runs = int(record.number("placements"))
            if record.part != unit:
                routed = f"dot product, {record.flow['routed']}"
        axes.set_title(f"{routed[0].upper()}{routed[1:]}, {runs} placement{'s' * (runs != 1)}")
        axes.set_xlabel("clock / MHz")
    _pair_rows(row, pairs)
    highest = max((record.number("fmax_max") for record in records.of_kind("timing")), default=1.0)
    row[0].set_xlim(0, highest * 1.14)
    return made


def _pair_rows(row: Sequence[Axes], pairs: list[Pair]) -> None:
    """One row per pair, the first on top, its name at the left in the colour of its family."""
    for axes in row:
        as_rows(axes, range(len(pairs)), [""] * len(pairs), room=(0.55, 0.55))
    for y, pair in enumerate(pairs):
        left_label(row[0], y, pair.label, colour(family_of_pair(pair)))
