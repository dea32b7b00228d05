"""What a unit occupies on a cell library at a clock period."""

from __future__ import annotations

from ...config import MacConfig
from ...hdl.emit import verilog
from ..circuits import Measured, measured_cells
from ..int_vs_fp.emitted import mapped_once, verilog_of
from ..libraries import library_named
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
    config = task.unit
    text = verilog_of(config)
    library = library_named(task.library)
    found = measured_cells(text, verilog.TOP, library, period_ns=task.period_ns or 0.0, once=lanes_apart(config))
    return completed(found, config, text, throughput=True)


def lanes_apart(config: MacConfig) -> tuple[str, ...]:
    """Lanes of a wide unit without registers, whose logic is one cone that abc takes many minutes for; areas are the same."""
    return mapped_once(config) if not config.registers("multiply") and config.lanes >= _WIDE else ()
