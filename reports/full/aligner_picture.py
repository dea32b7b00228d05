"""FP8 against INT8 at 32 products a step: every formulation that was built, the smallest of each kind in colour."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...studies.records import Record, Records
from ...studies.sweep.task import unit_of
from .. import shown
from ..charts import beside, rightwards
from ..colours import colour
from ..drawing import GREY, LIGHT, figure
from .cheapest import COSTS, EXACT, FUSED, formulation_of

PAIRS = {"INT8": colour("INT"), "E4M3": colour("FP8")}
TARGETS = {"generic": "gates", "ecp5": "ECP5"}
"""What tables call targets."""
ROUNDINGS = {EXACT: "exact sum, no error", FUSED: "one rounding a step"}
LABELS = {"generic": "NAND2-equivalents of logic per MAC", "ecp5": "ECP5 LUT4 per MAC"}


def aligners_picture(records: Records) -> Figure:
    """A panel per target, a group of bars per pair and rounding."""
    made = figure(
        11.0, 7.0, "The cheapest correct aligner",
        "32 products a step: every way to multiply and align that was built and measured, the smallest of each kind in "
        "colour, with what\nE4M3 costs more than INT8. "
        f"{shown.tools_named(records, 'area')}.",
        top=0.72,
    )  # fmt: skip
    grid = made.subplots(1, len(COSTS))
    made.subplots_adjust(left=0.17, right=0.97, bottom=0.08, wspace=0.42)
    for axes, target in zip(grid, COSTS, strict=True):
        _panel(axes, records, target)
        axes.set_xlabel(LABELS[target])
    return made


def _panel(axes: Axes, records: Records, target: str) -> None:
    place, ticks, widest = 0.0, [], 0.0
    for rounding, title in ROUNDINGS.items():
        for pair, tint in PAIRS.items():
            best = records[f"cheapest/{pair.lower()}-{rounding}/{target}"]
            axes.text(0.0, place - 0.78, f"{pair}, {title}", fontsize=9.5, fontweight="bold", color=tint, va="center")
            found = [records[name] for name in best.flow["derived_from"]]
            for record in sorted(found, key=lambda record: record.number(COSTS[target])):
                widest = max(widest, _bar(axes, record, best, target, place, tint))
                ticks.append((place, formulation_of(unit_of(record))))
                place += 1
            place += 1.3
    axes.set_yticks([spot for spot, _ in ticks], [label for _, label in ticks], fontsize=9)
    axes.set_ylim(place - 1.4, -1.3)
    axes.tick_params(axis="y", length=0)
    rightwards(axes, widest * 1.1)


def _bar(axes: Axes, record: Record, best: Record, target: str, place: float, tint: str) -> float:
    value = record.number(COSTS[target])
    is_best = record.part == best.part
    axes.barh(place, value, height=0.72, color=tint if is_best else LIGHT)
    extra = (
        f" ({shown.shown(best.number('over_int8'), 1, signed=True)} %)"
        if is_best and best.config["pair"] != "INT8"
        else ""
    )
    beside(axes, value, place, f"{shown.shown(value)}{extra}", color=GREY, fontweight="bold" if is_best else "normal")
    return value
