"""How fast a unit is on ECP5, placed and routed."""

from __future__ import annotations

from ...hdl.emit import verilog
from ..circuits import Measured, measured_clock
from ..int_vs_fp.emitted import verilog_of
from .completed import completed
from .task import Task


def measured(task: Task) -> Measured:
    """The clock over the task's seeds.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    text = verilog_of(task.unit)
    return completed(measured_clock(text, verilog.TOP, seeds=task.seeds), task.unit, text)
