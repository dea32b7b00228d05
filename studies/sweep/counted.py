"""What a unit occupies on targets whose cells Yosys counts, gates and LUTs, and how fast it is on ECP5, placed and routed."""

from __future__ import annotations

from dataclasses import replace

from ...config import MacConfig
from ...fpga.formulation_choice import Figures
from ...fpga.synthesis import synthesize
from ...hdl.emit import verilog
from ..circuits import Measured, counted, measured_clock
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from .chosen import chosen_for
from .completed import completed
from .task import GENERIC, Task


def measured(task: Task) -> Measured:
    """Cells of a target that Yosys counts.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """

    def lut_count(config: MacConfig, _most: float) -> Figures:
        counts = synthesize(verilog_of(config), verilog.TOP, task.target, once=mapped_once(config)).counts
        return Figures(met=True, cost=counts.logic)

    config, chosen = chosen_for(task, lut_count)
    config = with_multiplier(config, dsp=task.dsp)
    text = verilog_of(config)
    # Gates are optimized across lanes; of LUTs, lanes mapped once are as many to about a percent, in a third of the time.
    once = () if task.target == GENERIC else mapped_once(config)
    found = counted(text, verilog.TOP, task.target, dsp=task.dsp, once=once)
    return completed(replace(found, flow={**found.flow, **chosen}), config, text)


def placed(task: Task) -> Measured:
    """The clock over the task's seeds.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    text = verilog_of(task.unit)
    return completed(measured_clock(text, verilog.TOP, seeds=task.seeds), task.unit, text)
