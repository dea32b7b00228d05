"""The pictures of errors, inputs and cost, each a function of the records alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from ...models.captured.rows import UNITS
from ...studies.nonlinear.accuracy import accuracy_id
from ...studies.nonlinear.contenders import IDEAL
from ...studies.records import Records
from .. import shown
from ..colours import PROFILES
from ..drawing import GREY, INK, THOUSANDS, as_rows, figure, label_columns, label_points
from . import view
from .claims import ITA_LINES, LANES

TARGET_OVER_IDEAL, TARGET_STEPS = 1.1, 1.5
"""What profile `accurate` is to reach: softmax's mean error over the ideal's, and the other units' greatest error."""

_OTHER_COLOURS = ("#cc79a7", "#8c6d31", "#17becf")
_LAYER_COLOURS = ("#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#d9c413", "#6e7781")


def colours(records: Records, unit: str) -> dict[str, str]:
    """Contender to colour."""
    names = list(view.titles(records, unit))
    others = iter(_OTHER_COLOURS * len(names))
    return {name: PROFILES.get(name) or next(others) for name in names}


def softmax_picture(records: Records) -> Figure:
    """Mean and greatest error of softmax's 8-bit output against row length, a panel per scale and one of captured rows."""
    groups, tints = view.groups(records, "softmax"), colours(records, "softmax")
    made = figure(
        13.0, 7.0, "Softmax in integers against the ideal 8-bit quantizer",
        "8-bit outputs against real softmax: 512 rows of Student's t(3) at four scales of the input, and attention logits of all "
        "layers of a real encoder.\nAbove: mean error over that of the ideal 8-bit quantizer; the green line is the target of "
        "profile accurate. Below: greatest error in steps of 1/256.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(2, len(groups), sharey="row", squeeze=False)
    made.subplots_adjust(left=0.065, right=0.985, bottom=0.135, wspace=0.06, hspace=0.12)
    for column, (name, listed) in enumerate(groups.items()):
        for axes, metric in ((panels[0][column], "over_ideal"), (panels[1][column], "steps")):
            for contender, tint in tints.items():
                ids = [accuracy_id("softmax", contender, source) for source in listed]
                there = [index for index, record_id in enumerate(ids) if record_id in records]
                values = [records[ids[index]].number(metric) for index in there]
                dashed = "--" if contender == IDEAL else "-"
                axes.plot(there, values, dashed, marker="o", markersize=5, color=tint, linewidth=1.4)
            axes.set_yscale("log")
            axes.set_xlim(-0.3, len(listed) - 0.7)
            axes.set_xticks(range(len(listed)), [str(view.length_of(source)) for source in listed])
            _plain_ticks(axes, (1, 1.5, 2, 3, 5, 10) if metric == "over_ideal" else (0.5, 1, 2, 5, 10, 20, 50))
        panels[0][column].axhline(TARGET_OVER_IDEAL, color=PROFILES["accurate"], linewidth=0.9, linestyle=":")
        panels[0][column].set_title(name)
        panels[0][column].tick_params(labelbottom=False)
        panels[1][column].set_xlabel("row length")
    panels[0][0].set_ylabel("mean error, ideal = 1")
    panels[1][0].set_ylabel("greatest error / steps")
    _legend(made, view.titles(records, "softmax"), tints)
    return made


def steps_picture(records: Records) -> Figure:
    """Greatest error of GELU's and LayerNorm's 8-bit output in steps, a row per scale or sigma, and captured rows by layer."""
    made = figure(
        13.0, 6.4, "GELU and LayerNorm in integers: greatest error in output steps",
        "Greatest error of the 8-bit output in its own steps, against the real function of the same codes. Every row length of "
        "made-up rows is a dot, every place\nof the encoder is one in the captured rows. Green line: the target of profile "
        "accurate. Places whose parameters a rule refuses have no dot.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(1, 2)
    made.subplots_adjust(left=0.085, right=0.985, bottom=0.2, wspace=0.2)
    for axes, unit in zip(panels, ("gelu", "layernorm"), strict=True):
        tints = colours(records, unit)
        groups = view.groups(records, unit)
        labels = list(groups)
        for contender_index, (contender, tint) in enumerate(tints.items()):
            shift = (contender_index - (len(tints) - 1) / 2) * 0.8 / max(len(tints), 1)
            for y, sources in enumerate(groups.values()):
                values = [
                    record.number("steps")
                    for record in records.of_kind("accuracy")
                    if (record.config["unit"], record.config["contender"]) == (unit, contender)
                    and record.config["source"] in sources
                    and (view.is_place(record) or record.config["kind"] != "captured")
                ]
                spot = y + shift
                if values:
                    axes.plot([min(values), max(values)], [spot, spot], color=tint, linewidth=1.2, alpha=0.5)
                axes.plot(values, [spot] * len(values), "o", markersize=4.5, color=tint, alpha=0.85)
        axes.axvline(TARGET_STEPS, color=PROFILES["accurate"], linewidth=0.9, linestyle=":")
        axes.set_xscale("log")
        _plain_ticks(axes, (0.5, 1, 1.5, 3, 5, 10, 20, 50, 100), along="x")
        as_rows(axes, range(len(labels)), labels, room=(0.6, 0.6))
        for y in range(1, len(labels)):
            axes.axhline(y - 0.5, color="#eaeef2", linewidth=0.8)
        axes.set_title(view.unit_title(unit))
        axes.set_xlabel("greatest error / output steps")
        _legend(made, view.titles(records, unit), tints, left=float(axes.get_position().x0), each=0.42)
    return made


def functions_picture(records: Records) -> Figure:
    """exp and GELU as the units compute them, above their errors."""
    drawn = list(dict.fromkeys((r.config["function"], r.config["scale"]) for r in records.of_kind("curve")))
    made = figure(
        13.0, 6.6, "The functions, code by code",
        "exp(d) as the ratio of both outputs of softmax on the row (0, d); GELU of all int8 codes in one row, which is the row "
        "whose maximum I-ViT subtracts.\nAbove: as the units compute them, and the real function in black. Below: their errors, "
        "on a scale of their own.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(2, len(drawn), squeeze=False, sharex="col")
    made.subplots_adjust(left=0.06, right=0.985, bottom=0.14, wspace=0.3, hspace=0.1)
    names: dict[str, str] = {}
    tints: dict[str, str] = {}
    for column, (function, scale) in enumerate(drawn):
        curves = [r for r in records.of_kind("curve") if (r.config["function"], r.config["scale"]) == (function, scale)]
        unit = "softmax" if function == "exp" else "gelu"
        tints |= colours(records, unit) if view.whole(records, unit) else {}
        above, below = panels[0][column], panels[1][column]
        x = np.array(curves[0].flow["x"])
        above.plot(x, curves[0].flow["real"], color=INK, linewidth=2.2)
        for curve in curves:
            contender = curve.config["contender"]
            if contender == IDEAL:
                continue
            tint = tints.setdefault(contender, PROFILES.get(contender, GREY))
            names[contender] = view.title_of(curve.config["title"])
            y = np.array(curve.flow["y"])
            above.plot(x, y, color=tint, linewidth=1.2)
            below.plot(x, y - np.array(curve.flow["real"]), color=tint, linewidth=1.2)
        above.set_title(f"{'exp' if function == 'exp' else 'GELU'}, scale {view.scale_name(scale)}")
        below.axhline(0, color=INK, linewidth=0.8)
        below.set_xlabel("input")
        above.set_ylabel("output")
        below.set_ylabel("error")
    _legend(made, names, tints)
    return made


def inputs_picture(records: Records) -> Figure:
    """How often codes occur among captured inputs, a line per place."""
    made = figure(
        13.0, 4.7, "What a real encoder gives its non-linear units",
        "Codes of int8 inputs at one scale per place, max|x| / 127: outliers take the range, most elements share a few codes. "
        "A line per layer; LayerNorm\nafter attention solid, after feed-forward dashed, of the embeddings grey.", top=0.72,
    )  # fmt: skip
    panels = made.subplots(1, len(UNITS), sharey=True)
    made.subplots_adjust(left=0.065, right=0.985, bottom=0.19, wspace=0.06)
    for axes, unit in zip(panels, UNITS, strict=True):
        for record in (record for record in records.of_kind("inputs") if record.part == unit):
            place = record.config["place"]
            layer = int(place.split(",")[0].removeprefix("layer ")) if place.startswith("layer ") else -1
            edges, counts = np.array(record.flow["bins"]), np.array(record.flow["counts"])
            share = counts / counts.sum()
            axes.stairs(
                np.where(share > 0, share, np.nan), edges, baseline=None, linewidth=1.3,
                color=_LAYER_COLOURS[layer % 6] if layer >= 0 else _LAYER_COLOURS[-1],
                linestyle="--" if "feed-forward" in place else "-",
            )  # fmt: skip
        axes.set_yscale("log")
        axes.set_title({"softmax": "softmax: attention logits"}.get(unit, view.unit_title(unit)))
        axes.set_xlabel("code")
    panels[0].set_ylabel("share of the elements, by four codes")
    handles = [Line2D([], [], color=tint, label=f"layer {index}") for index, tint in enumerate(_LAYER_COLOURS[:6])]
    made.legend(handles=handles, loc="lower left", ncols=6, frameon=False, fontsize=9, bbox_to_anchor=(0.055, 0.0))
    return made


def _plain_ticks(axes: Axes, ticks: tuple[float, ...], *, along: str = "y") -> None:
    """Those of the ticks that the axis reaches, as plain numbers."""
    low, high = axes.get_ylim() if along == "y" else axes.get_xlim()
    kept = [tick for tick in ticks if low <= tick <= high]
    setter = axes.set_yticks if along == "y" else axes.set_xticks
    setter(kept, [f"{tick:g}" for tick in kept])
    setter([], minor=True)


def _legend(
    made: Figure, names: Mapping[str, str], tints: Mapping[str, str], *, left: float = 0.055, each: float = 0.9
) -> None:
    handles = [
        Line2D([], [], color=tints[key], linestyle="--" if key == IDEAL else "-", marker="o", markersize=5, label=title)
        for key, title in names.items()
    ]
    columns = max(1, min(len(handles), round(each * 7)))
    made.legend(handles=handles, loc="lower left", ncols=columns, frameon=False, fontsize=9, bbox_to_anchor=(left, 0.0))


def area_picture(records: Records) -> Figure:
    """Area of every unit that has lanes against them, a panel per unit and target; the tables have the others as well."""
    targets = [
        *((name, f"gate equivalents, {name}") for name in view.cell_libraries(records)),
        ("ecp5", "LUT4 on ECP5, no DSP"),
    ]
    found = view.cells(records)
    units = list(dict.fromkeys(record.config["unit"] for record in found if record.config["lanes"] > 1))
    made = figure(
        max(7.2, 1.2 + 4.6 * len(units)), 1.2 + 3.0 * len(targets), "What the units cost, lane by lane",
        "Logic, registers apart, before layout, on cells and on an FPGA without DSP blocks. Grey, through the "
        f"same flow: ITA's softmax of\n{LANES} lanes, its GELU (a lane, by its source). "
        f"{shown.tools_named(records, 'hardware')}.", top=0.75,
    )  # fmt: skip
    panels = made.subplots(len(targets), len(units), squeeze=False)
    width = made.get_figwidth()
    made.subplots_adjust(
        left=0.9 / width, right=1 - 0.15 / width, bottom=0.6 / made.get_figheight(), wspace=0.32, hspace=0.28
    )
    for column, unit in enumerate(units):
        for axes, (target, label) in zip(panels[:, column], targets, strict=True):
            found = [record for record in view.hardware(records, target) if record.config["unit"] == unit]
            points, lines = [], []
            for key in dict.fromkeys(record.config["key"] for record in found):
                line = [(r.config["lanes"], r.number("logic"), r) for r in found if r.config["key"] == key]
                tint = PROFILES.get(line[0][2].config["profile"].partition(",")[0], INK)
                axes.plot(
                    [x for x, _, _ in line], [y for _, y, _ in line], "o-", color=tint, markersize=5, linewidth=1.4
                )
                x, y, last = line[-1]
                title = view.title_of(last.config["profile"]).removeprefix("bitmill's ")
                points.append((x, y, f"{title} {shown.shown(y)}", tint, False))
                lines.append([(x, y) for x, y, _ in line])
            lanes = sorted({record.config["lanes"] for record in found})
            axes.set_xscale("log", base=2)
            axes.set_xticks(lanes, [str(count) for count in lanes])
            axes.set_xticks([], minor=True)
            axes.set_xlim(min(lanes) / 1.6, max(lanes) * 14)
            axes.set_yscale("log")
            peer = ITA_LINES.get((unit, target, "logic"))
            values = [record.number("logic") for record in found] + ([peer] if peer else [])
            axes.set_ylim(min(values) / 1.6, max(values) * 1.8)
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter(THOUSANDS)
            axes.yaxis.set_minor_locator(NullLocator())
            if peer:
                axes.plot([min(lanes) / 1.6, max(lanes)], [peer, peer], color=GREY, linewidth=1, linestyle=":")
                points.append((max(lanes), peer, f"ITA {shown.shown(peer)}", GREY, False))
            label_columns(axes, [point for point in points if point[0] == max(lanes)])
            label_points(axes, [point for point in points if point[0] < max(lanes)], [], lines)
            axes.set_xlabel("lanes")
            axes.set_ylabel(label)
        panels[0][column].set_title(view.unit_title(unit))
    return made
