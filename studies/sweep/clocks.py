"""How fast a unit gets on a cell library whatever it takes, and how much the area at a period is a matter of luck."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from ...fpga.liberty import Library
from ...fpga.pace import fastest_ns
from ...fpga.standard_cells import Mapped, StandardCells, map_standard_cells
from ...hdl.emit import verilog
from ..circuits import COUNTED_CELLS, Measured, cells_metrics, mapping_flow
from ..int_vs_fp.emitted import verilog_of
from ..libraries import library_named
from ..records import metric
from .cells import formulated, lanes_apart
from .completed import completed
from .task import Task

PERTURBED = (0.98, 0.99, 1.0, 1.01, 1.02)
"""Factors of the period in the runs of a spread."""


def fastest(task: Task) -> Measured:
    """``measured_fastest`` of the task's unit, with the periods of its study.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    library = library_named(task.library)
    config, chosen = formulated(task, library, fastest_ns(library) if task.best else 0.0)
    text = verilog_of(config)
    found = measured_fastest(text, verilog.TOP, library, periods=task.periods, once=lanes_apart(config))
    return completed(replace(found, flow={**found.flow, **chosen}), config, text, throughput=True)


def spread(task: Task) -> Measured:
    """``measured_spread`` of the task's unit at its period.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    text = verilog_of(task.unit)
    found = measured_spread(text, verilog.TOP, library_named(task.library), period_ns=task.period_ns or 0.0)
    return completed(found, task.unit, text)


def measured_fastest(
    text: str, top: str, library: Library, *, periods: tuple[float, ...], once: tuple[str, ...] = ()
) -> Measured:
    """The shortest period that any recipe reaches, and what it takes.

    The search, without the recipes for area, is run at a period that nothing reaches, at the shortest found then, and at
    ``periods``; the fastest of all circuits that any of them tried is kept.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """

    def searched(period: float) -> StandardCells:
        return map_standard_cells(text, top, library, period_ns=period, once=once, skipped=("small",))

    first = searched(fastest_ns(library))
    searches = [first, *(searched(period) for period in (first.best.delay_ns, *periods))]
    tried: list[tuple[Mapped, float]] = [(row, search.period_ns) for search in searches for row in search.tried]
    best, asked = min(tried, key=lambda pair: (pair[0].delay_ns, pair[0].area))
    metrics = {**cells_metrics(best, library), "period": metric(best.delay_ns, "ns")}
    flow = {
        **mapping_flow(first, library),
        "recipe": best.recipe,
        "asked_for_ns": asked,
        "circuits_tried": len(tried),
        "periods": list(periods),
        "counted": COUNTED_CELLS,
    }
    return Measured(flow, metrics, first.tools)


def measured_spread(text: str, top: str, library: Library, *, period_ns: float) -> Measured:
    """Median, least and greatest area when the period that is asked for is a percent or two shorter or longer.

    Every run is a whole search for the smallest circuit that meets its own period: abc's result hardly depends on the period
    it is told, which recipe still meets it does.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    runs = [map_standard_cells(text, top, library, period_ns=round(period_ns * factor, 6)) for factor in PERTURBED]
    metrics = {}
    for name, areas in {
        "logic": [run.best.logic_ge for run in runs],
        "total": [run.best.logic_ge + run.best.registers_ge for run in runs],
    }.items():
        metrics[name] = metric(median(areas), "GE")
        metrics[f"{name}_min"] = metric(min(areas), "GE")
        metrics[f"{name}_max"] = metric(max(areas), "GE")
    metrics |= {
        "runs": metric(len(runs), "runs"),
        "met": metric(sum(run.met for run in runs), "runs"),
        "period": metric(period_ns, "ns"),
    }
    recipes = {f"{run.period_ns:g}": run.best.recipe for run in runs}
    flow = {
        **mapping_flow(runs[0], library),
        "recipe": recipes,
        "period_ns": period_ns,
        "factors": list(PERTURBED),
        "counted": COUNTED_CELLS,
    }
    return Measured(flow, metrics, runs[0].tools)
