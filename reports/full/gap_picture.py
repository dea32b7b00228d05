"""How far the cost of floating point over integers moves between 180, 130 and 7 nm."""

from __future__ import annotations

from matplotlib.figure import Figure

from ...fpga.libraries import LIBRARIES
from ...studies.records import Records
from .. import shown
from ..colours import colour
from ..drawing import GREY, INK, figure, legend_above
from .gaps import BEST, GAPS, LEAST_ENERGY, SHARED, gaps_of

PANELS = (
    (BEST, "own best clocks,\narea times period"),
    (SHARED[0], "a tight shared clock,\narea"),
    (SHARED[2], "a slow shared clock,\narea"),
    (LEAST_ENERGY, "energy per MAC"),
)
_STYLES = dict(zip((gap.key for gap in GAPS), (
    ("FP8", "o-"), ("FP8", "s--"), ("FP4", "o-"), ("MX", "o-"), ("MX", "s--"),
), strict=True))  # fmt: skip
"""Comparison to the family whose colour it has, and its mark and line."""


def gaps_picture(records: Records) -> Figure:
    """A panel per clock, a line per comparison over the libraries, the oldest process first."""
    gaps = records.of_kind("gap")
    nodes = {row.config["library"]: row.config["node_nm"] for row in gaps}
    names = sorted(nodes, key=lambda name: -nodes[name])
    made = figure(
        11.0, 5.4, "How far INT against FP moves between processes",
        "By how many percent the floating-point unit is dearer than the integer unit of as many bits, the smallest formulation "
        f"of each\nthat meets the clock. {shown.tools_named(records, 'gap')}, before layout.",
        top=1.2,
    )  # fmt: skip
    grid = made.subplots(1, len(PANELS), sharey=True)
    made.subplots_adjust(left=0.075, right=0.985, bottom=0.17, wspace=0.08)
    handles = {}
    for axes, (clock, title) in zip(grid, PANELS, strict=True):
        for gap in GAPS:
            family, line = _STYLES[gap.key]
            found = gaps_of(gaps, gap.title, clock)
            spots = [(names.index(name), row.number("extra")) for name, row in found.items()]
            if spots:
                (drawn,) = axes.plot(
                    *zip(*spots, strict=True), line, color=colour(family), markersize=5, label=gap.title
                )
                handles[gap.title] = drawn
        axes.axhline(0, color=INK, linewidth=0.9, zorder=1)
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(len(names)), [f"{name}\n{LIBRARIES[name].node_nm} nm" for name in names], fontsize=8.5)
        axes.set_xlim(-0.4, len(names) - 0.6)
        axes.grid(visible=False, axis="x")
    grid[0].set_ylabel("extra cost of floating point / %")
    made.supxlabel("cell library", fontsize=10, color=GREY, y=0.02)
    legend_above(made, list(handles.values()), top=0.82, handlelength=1.6, columnspacing=1.2)
    return made
