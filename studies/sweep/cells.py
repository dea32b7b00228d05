"""What a unit occupies on a cell library at a clock period."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...config import MacConfig
from ...fpga.formulation_choice import cells_probe
from ...fpga.liberty import Library
from ...hdl.emit import verilog
from ..circuits import Measured, measured_cells
from ..int_vs_fp.emitted import mapped_once, verilog_of
from ..libraries import library_named
from .chosen import chosen_for
from .completed import completed
from .task import Task

_WIDE = 16
"""Lanes from which on a unit without a pipeline is mapped lane by lane on standard cells."""


def measured(task: Task) -> Measured:
    """Gate equivalents at the task's period, and the clock reached.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    library, period_ns = library_named(task.library), task.period_ns or 0.0
    config, chosen = formulated(task, library, period_ns)
    text = verilog_of(config)
    found = measured_cells(text, verilog.TOP, library, period_ns=period_ns, once=lanes_apart(config))
    return completed(replace(found, flow={**found.flow, **chosen}), config, text, throughput=True)


def formulated(task: Task, library: Library, period_ns: float) -> tuple[MacConfig, dict[str, Any]]:
    """The task's unit with the formulation to measure, and what a record's flow says of how that was chosen."""
    return chosen_for(task, cells_probe(library, period_ns=period_ns, clock_gating=True))


def lanes_apart(config: MacConfig) -> tuple[str, ...]:
    """Lanes of a wide unit without registers, whose logic is one cone that abc takes many minutes for; areas are the same."""
    return mapped_once(config) if not config.registers("multiply") and config.lanes >= _WIDE else ()
