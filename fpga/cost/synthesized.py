"""Cells of a unit for the cost models: on gates and LUTs, or on a cell library."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...config import MacConfig
from ...hdl.emit.verilog import TOP, once_in_cells, once_on_fpga
from ...system.processes import stop_tools_of
from ..cells import count_cells
from ..libraries import find_library
from ..pace import paced
from ..standard_cells import map_standard_cells
from ..synthesis import recipe_cells, synthesize
from .measured_units import Cells

QUICK_RECIPE = "nowidelut"
"""The ECP5's recipe that is kept for nine units in ten."""

RELAXED_NS = 40.0
"""A clock period on osu018 that nearly every unit meets in its smallest recipe."""

Flow = Callable[[MacConfig, str], dict[str, Cells]]
"""Cells by target of a configuration and its Verilog."""

_ONCE_FROM_LANES = 5


def on_library(name: str) -> Flow:
    """Every recipe on a cell library, at what ``RELAXED_NS`` is there."""
    library = find_library(name)
    period_ns = paced(RELAXED_NS, library)

    def flow(config: MacConfig, verilog: str) -> dict[str, Cells]:
        best = map_standard_cells(verilog, TOP, library, period_ns=period_ns, once=once_in_cells(config)).best
        return {library.key: (best.logic_ge, best.registers_ge, best.recipe)}

    return flow


def on_targets(seconds: float, quick: bool) -> Flow:
    """Gates and LUTs; a run of a tool is given up after so many seconds, ``quick`` is as for ``measure``."""

    def timed(cells: Callable[[], Cells]) -> Cells:
        timer = threading.Timer(seconds, stop_tools_of, [{threading.get_ident()}])
        timer.start()
        try:
            return cells()
        finally:
            timer.cancel()

    def flow(config: MacConfig, verilog: str) -> dict[str, Cells]:
        once = once_on_fpga(config) if quick and _lanes_end_in_registers(config) else ()
        generic = timed(lambda: _generic(config, verilog, once))
        ecp5 = timed(lambda: _quick_ecp5(verilog, once) if quick else _synthesized(verilog, "ecp5", once))
        return {"generic": generic, "ecp5": ecp5}

    return flow


def _lanes_end_in_registers(config: MacConfig) -> bool:
    shifted = config.product.exponent_span > 0
    return config.lanes >= _ONCE_FROM_LANES and config.registers("align" if shifted else "multiply")


def _generic(config: MacConfig, verilog: str, once: tuple[str, ...]) -> Cells:
    if config.multiplier == "operator":
        return _synthesized(verilog, "generic", once)
    # Without a multiplier there are no other recipes, and nothing has to be asked.
    counts = count_cells("generic", recipe_cells(verilog, TOP, "generic", "plain", dsp=False, once=once))
    return counts.logic, counts.registers, "plain"


def _synthesized(verilog: str, target: str, once: tuple[str, ...]) -> Cells:
    found = synthesize(verilog, TOP, target, once=once)
    return found.counts.logic, found.counts.registers, found.recipe


def _quick_ecp5(verilog: str, once: tuple[str, ...]) -> Cells:
    counts = count_cells("ecp5", recipe_cells(verilog, TOP, "ecp5", QUICK_RECIPE, dsp=False, once=once))
    return counts.logic, counts.registers, QUICK_RECIPE
