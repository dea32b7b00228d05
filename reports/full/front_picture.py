"""Error on the real layers against what a unit costs: a panel per way to pay, the front drawn."""

from __future__ import annotations

from matplotlib.figure import Figure

from ...studies.records import Records
from .. import shown
from ..charts import Point, family_handles, front_panel
from ..colours import family_of
from ..drawing import figure, legend_above
from ..libraries import USUAL
from ..names import unit_names
from .fronts import Axis, members, points_of

COLUMNS = 2


def main_axes(records: Records) -> dict[str, Axis]:
    """Gates, FPGA, and osu018: what the first picture shows."""
    return {name: axis for name, axis in points_of(records)[1].items() if axis.library in ("", USUAL)}


def fronts_picture(records: Records, library: str = "") -> Figure:
    """The main axes, or those of one cell library."""
    points, axes = points_of(records)
    axes = {name: axis for name, axis in axes.items() if axis.library == library} if library else main_axes(records)
    names, common = unit_names(points)
    rows = -(-len(axes) // COLUMNS)
    made = figure(
        11.0, 1.5 + 4.0 * rows, "Accuracy bought with gates, LUTs, time and energy" + (f" on {library}" if library else ""),
        f"Mean output SQNR over MiniLM's layers, one scale per channel and token; units of {common}. Up and to the left is "
        f"better;\nthe line joins what nothing else beats. {shown.tools_named(records, 'area')}.",
        top=0.98,
    )  # fmt: skip
    grid = made.subplots(rows, COLUMNS, squeeze=False, sharey=True)
    made.subplots_adjust(left=0.07, right=0.975, bottom=0.55 / made.get_figheight(), wspace=0.08, hspace=0.32)
    panels = [panel for row in grid for panel in row]
    families = {point.part: family_of(point.config) for point in points}
    errors = [point.number("sqnr") for point in points]
    for panel, (name, axis) in zip(panels, axes.items(), strict=False):
        panel.set_ylim(min(errors) - 2.5, max(errors) + 4)
        kept = {point.id for point in members(points, name)}
        front_panel(panel, [
            Point(point.number(name), point.number("sqnr"), names[point.part], families[point.part], point.id in kept)
            for point in points
        ])  # fmt: skip
        panel.set_xlabel(axis.title)
    for panel in panels[len(axes) :]:
        panel.set_axis_off()
    for row in grid:
        row[0].set_ylabel("output SQNR / dB")
    legend_above(made, family_handles(families.values(), front=True), top=0.76, handletextpad=0.3)
    return made
