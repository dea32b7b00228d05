"""Pictures of parts, scale policies, clocks and arrays: a row per pair of formats or per unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...studies.int_vs_fp.study import ARRAY_UNITS, POLICIES, TIMES, Pair
from ...studies.records import Records
from .. import shown
from ..charts import beside, left_label, note_row, ranged
from ..colours import colour, family_of_pair, marker
from ..drawing import GREY, INK, LIGHT, as_rows, figure, legend_above
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
            for key, value in ((key, value) for key, value in found.items() if value is not None):
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
    least = min(2, len(pairs))  # One clock alone is no picture; the table has it.
    units = [u for u in view.units(records) if sum(bool(view.timing_of(records, pair, u)) for pair in pairs) >= least]
    made = figure(
        max(11.0, 1.0 + 3.75 * max(len(units), 1)),
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


Row = tuple[Pair, str, float]
"""Formats, unit and height of a row; the unit ``peer`` is the public array."""

PEER = "peer"
PEER_PAIR = Pair("INT8", "INT8")
PEER_CLAIMS = {
    ("ecp5", "logic_per_mac"): "claim/int8-4x4-lut4", ("ecp5-dsp", "logic_per_mac"): "claim/int8-4x4-lut4-dsp",
    ("clock", "fmax"): "claim/int8-4x4-fmax", ("clock-dsp", "fmax"): "claim/int8-4x4-fmax-dsp",
}  # fmt: skip
"""Target and metric to the record of what is published."""


def arrays_picture(records: Records) -> Figure:
    """LUT4 without and with DSP blocks, flip-flops, clock: a row per unit, the units of a pair together."""
    rows = _rows(records)
    made = figure(
        15.5,
        1.95 + 0.42 * (max(y for *_, y in rows) + 1),
        "Arrays of PEs beside the bare MAC",
        "ECP5, per MAC of the whole unit; output-stationary, exact accumulator (32 bits for the INT8 arrays). Fmax: nextpnr, "
        "LFE5U-85 speed grade 6, median and range over the placements.\nPublic array: the best AXI-Stream one, measured by us "
        f"in the same flow; its multiplier is its own. "
        f"The bare MAC has a handshake and a step counter to itself. {shown.tools_named(records, 'area')}.",
        top=0.98,
    )
    panels = made.subplots(1, 3, sharey=True, gridspec_kw={"width_ratios": [1.45, 0.8, 1.25]})
    made.subplots_adjust(left=1.75 / made.get_figwidth(), right=0.985, bottom=0.55 / made.get_figheight(), wspace=0.07)
    _bars(panels[0], records, rows, {"ecp5": -0.19, "ecp5-dsp": 0.19}, "logic_per_mac")
    _bars(panels[1], records, rows, {"ecp5": 0.0}, "registers_per_mac")
    _clocks(panels[2], records, rows)
    for axes, title, label in zip(panels, _TITLES, _LABELS, strict=True):
        axes.set_title(title)
        axes.set_xlabel(label)
        as_rows(axes, [y for *_, y in rows], [""] * len(rows), room=(0.6, 0.6))
    for pair, unit, y in rows:
        title = {**view.UNIT_TITLES, **view.ARRAY_TITLES, PEER: f"public 4{TIMES}4 array"}[unit]
        left_label(panels[0], y, f"{pair.label} {title}", INK if unit == PEER else colour(family_of_pair(pair)))
    handles = [
        Patch(color=GREY, label="multiplier of logic"),
        Patch(facecolor="white", edgecolor=GREY, hatch="////", label="with DSP blocks, one per MAC"),
        Line2D([], [], linestyle="", marker="o", color=GREY, label="Fmax, no DSP blocks"),
        Line2D([], [], linestyle="", marker="o", markerfacecolor="white", color=GREY, label="Fmax with DSP blocks"),
    ]
    legend_above(made, handles, top=0.74, handlelength=1.4, columnspacing=1.6)
    return made


def _rows(records: Records) -> list[Row]:
    rows: list[Row] = []
    y = 0.0
    for pair in view.arrays(records):
        for unit in ("mac", *ARRAY_UNITS):
            rows.append((pair, unit, y))
            y += 1
            if (pair, unit) == (PEER_PAIR, "4x4") and PEER_CLAIMS["ecp5", "logic_per_mac"] in records:
                rows.append((pair, PEER, y))
                y += 1
        y += 0.5
    return rows


_TITLES = ("LUT4 per MAC", "Flip-flops per MAC, no DSP blocks", "Fmax")
_LABELS = ("LUT4 + 2 CCU2C per MAC", "flip-flops per MAC", "clock / MHz")


def _value(records: Records, row: Row, target: str, name: str) -> float | None:
    """Of a unit of ours, or what is published; None where neither is there."""
    pair, unit, _ = row
    found = PEER_CLAIMS.get((target, name), "") if unit == PEER else f"{view.key(pair, unit)}/{target}"
    return records[found].number("published" if unit == PEER else name) if found in records else None


def _tint(row: Row) -> str:
    return GREY if row[1] == PEER else colour(family_of_pair(row[0]))


def _bars(axes: Axes, records: Records, rows: Sequence[Row], targets: Mapping[str, float], name: str) -> None:
    """Bars of each row at their heights above it; those with DSP blocks hatched."""
    widest = 0.0
    for row in rows:
        values = {target: _value(records, row, target, name) for target in targets}
        for target, value in values.items():
            if value is not None:
                look: dict[str, Any] = (
                    {"facecolor": "white", "hatch": "////"} if "dsp" in target else {"color": _tint(row)}
                )
                y = row[2] + targets[target]
                axes.barh(y, value, height=0.68 / len(targets), edgecolor=_tint(row), linewidth=0.8, **look)
                beside(axes, value, y, shown.shown(value))
                widest = max(widest, value)
        if not any(values.values()):
            note_row(axes, row[2], "not measured")
    axes.set_xlim(0, widest * 1.18)


def _clocks(axes: Axes, records: Records, rows: Sequence[Row]) -> None:
    highest = 1.0
    for row in rows:
        drawn = False
        for target, shift in (("clock", -0.17), ("clock-dsp", 0.17)):
            mid = _value(records, row, target, "fmax")
            if mid is not None:
                low, high = (_value(records, row, target, f"fmax_{end}") or mid for end in ("min", "max"))
                mark = marker(family_of_pair(row[0]))
                ranged(axes, row[2] + shift, (low, mid, high), _tint(row), mark, filled=target == "clock")
                highest, drawn = max(highest, high), True
        if not drawn:
            note_row(axes, row[2], "not routed")
    axes.set_xlim(0, highest * 1.12)
