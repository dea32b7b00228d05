"""The picture of arrays: what they cost per MAC and how fast they are, beside the bare MAC and a public array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...studies.int_vs_fp.study import ARRAY_UNITS, Pair
from ...studies.records import Records
from .. import shown
from ..charts import beside, left_label, note_row, ranged
from ..colours import colour, family_of_pair, marker
from ..drawing import GREY, INK, as_rows, figure, legend_above
from . import view

Row = tuple[Pair, str, float]
"""Formats, unit and height of a row; the unit ``peer`` is the public array."""

PEER = "peer"
PEER_PAIR = Pair("INT8", "INT8")
PEER_CLAIMS = {
    "logic": "claim/int8-4x4-lut4",
    "dsp": "claim/int8-4x4-lut4-dsp",
    "fmax": "claim/int8-4x4-fmax",
    "fmax-dsp": "claim/int8-4x4-fmax-dsp",
}


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
    _luts(panels[0], records, rows)
    _registers(panels[1], records, rows)
    _clocks(panels[2], records, rows)
    _row_labels(panels, rows)
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
            if (pair, unit) == (PEER_PAIR, "4x4") and PEER_CLAIMS["logic"] in records:
                rows.append((pair, PEER, y))
                y += 1
        y += 0.5
    return rows


def _luts(axes: Axes, records: Records, rows: Sequence[Row]) -> None:
    widest = 0.0
    for pair, unit, y in rows:
        tint = GREY if unit == PEER else colour(family_of_pair(pair))
        for flow, kind, shift in (("ecp5", "logic", -0.19), ("ecp5-dsp", "dsp", 0.19)):
            if unit == PEER:
                value = records[PEER_CLAIMS[kind]].number("published") if PEER_CLAIMS[kind] in records else None
            else:
                value = records[f"{view.key(pair, unit)}/{flow}"].number("logic_per_mac")
            if value is None:
                continue
            look: dict[str, Any] = {"color": tint} if kind == "logic" else {"facecolor": "white", "hatch": "////"}
            axes.barh(y + shift, value, height=0.34, edgecolor=tint, linewidth=0.8, **look)
            beside(axes, value, y + shift, shown.shown(value))
            widest = max(widest, value)
    axes.set_xlim(0, widest * 1.12)
    axes.set_title("LUT4 per MAC")
    axes.set_xlabel("LUT4 + 2 CCU2C per MAC")


def _registers(axes: Axes, records: Records, rows: Sequence[Row]) -> None:
    widest = 0.0
    for pair, unit, y in rows:
        if unit == PEER:
            note_row(axes, y, "not measured")
            continue
        value = records[f"{view.key(pair, unit)}/ecp5"].number("registers_per_mac")
        axes.barh(y, value, height=0.55, color=colour(family_of_pair(pair)))
        beside(axes, value, y, shown.shown(value))
        widest = max(widest, value)
    axes.set_xlim(0, widest * 1.18)
    axes.set_title("Flip-flops per MAC, no DSP blocks")
    axes.set_xlabel("flip-flops per MAC")


def _clocks(axes: Axes, records: Records, rows: Sequence[Row]) -> None:
    highest = 1.0
    for pair, unit, y in rows:
        drawn = False
        for target, kind, shift in (("clock", "fmax", -0.17), ("clock-dsp", "fmax-dsp", 0.17)):
            filled = kind == "fmax"
            if unit == PEER:
                if PEER_CLAIMS[kind] not in records:
                    continue
                low = mid = high = records[PEER_CLAIMS[kind]].number("published")
            else:
                name = f"{view.key(pair, unit)}/{target}"
                if name not in records:
                    continue
                low, mid, high = (records[name].number(metric) for metric in ("fmax_min", "fmax", "fmax_max"))
            drawn = True
            tint = GREY if unit == PEER else colour(family_of_pair(pair))
            ranged(axes, y + shift, (low, mid, high), tint, marker(family_of_pair(pair)), filled=filled)
            highest = max(highest, high)
        if not drawn:
            note_row(axes, y, "not routed")
    axes.set_xlim(0, highest * 1.12)
    axes.set_title("Fmax")
    axes.set_xlabel("clock / MHz")


def _row_labels(panels: Sequence[Axes], rows: Sequence[Row]) -> None:
    for axes in panels:
        as_rows(axes, [y for *_, y in rows], [""] * len(rows), room=(0.6, 0.6))
    for pair, unit, y in rows:
        title = (
            "public 4\N{MULTIPLICATION SIGN}4 array"
            if unit == PEER
            else {**view.UNIT_TITLES, **view.ARRAY_TITLES}[unit]
        )
        tint = INK if unit == PEER else colour(family_of_pair(pair))
        left_label(panels[0], y, f"{pair.label} {title}", tint)
