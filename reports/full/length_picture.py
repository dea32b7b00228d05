"""What a product costs as more of them share an alignment and an accumulator."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from ...studies.int_vs_fp.study import Pair
from ...studies.records import Records
from .. import shown
from ..charts import family_handles
from ..colours import colour, family_of_pair, marker
from ..drawing import THOUSANDS, figure, label_columns, legend_above

LENGTHS = (1, 4, 8, 16, 32)
FORMATS = ("INT4", "INT8", "E2M1", "E2M3", "E3M2", "E4M3", "E5M2")
TARGETS = {
    "generic": ("total_per_mac", "NAND2-equivalents per MAC, registers included"),
    "ecp5": ("logic_per_mac", "ECP5 LUT4 per MAC"),
}


def lengths_picture(records: Records) -> Figure:
    """A panel per target, a line per format, exact accumulators."""
    made = figure(
        11.0, 5.7, "What a product costs when more of them share an accumulator",
        f"Cost of a product over how many share an alignment and an exact accumulator. {shown.tools_named(records, 'area')}.",
        top=0.8,
    )  # fmt: skip
    grid = made.subplots(1, len(TARGETS))
    made.subplots_adjust(left=0.07, right=0.95, bottom=0.12, wspace=0.20)
    for axes, (target, (name, label)) in zip(grid, TARGETS.items(), strict=True):
        _panel(axes, records, target, name)
        axes.set_ylabel(label)
        axes.set_xlabel("products a step (fused length k)")
    legend_above(made, family_handles(map(_family, FORMATS)), top=0.56, handletextpad=0.3)
    return made


def _family(fmt: str) -> str:
    return family_of_pair(Pair(fmt, fmt))


def _panel(axes: Axes, records: Records, target: str, name: str) -> None:
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    ends = []
    for fmt in FORMATS:
        tint = colour(_family(fmt))
        costs = [records[f"{fmt.lower()}-k{length}-exact/{target}"].number(name) for length in LENGTHS]
        axes.plot(LENGTHS, costs, color=tint, marker=marker(_family(fmt)), markersize=5.5, linewidth=1.4)
        ends.append((LENGTHS[-1], costs[-1], fmt, tint, False))
    axes.set_xlim(0.85, 64)
    axes.xaxis.set_major_locator(FixedLocator(LENGTHS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(THOUSANDS)
    axes.yaxis.set_major_locator(FixedLocator([m * 10.0**e for e in range(1, 5) for m in (1, 2, 5)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(THOUSANDS)
    label_columns(axes, ends)
