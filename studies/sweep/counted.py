"""What a unit occupies on targets whose cells Yosys counts: gates and LUTs."""

from __future__ import annotations

from ...fpga.synthesis import Synthesis, synthesize
from ...hdl.emit import verilog
from ..circuits import Measured
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from ..measured import COUNTED, NAND2
from ..records import metric
from .completed import completed
from .task import GENERIC, Task


def measured(task: Task) -> Measured:
    """Cells of a target that Yosys counts.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    config = with_multiplier(task.unit, dsp=task.dsp)
    text = verilog_of(config)
    # Gates are optimized across lanes; of LUTs, lanes mapped once are as many to about a percent, in a third of the time.
    once = () if task.target == GENERIC else mapped_once(config)
    result: Synthesis = synthesize(text, verilog.TOP, task.target, dsp=task.dsp, once=once)
    counts = result.counts
    unit = NAND2 if task.target == GENERIC else counts.logic_unit
    metrics = {
        "logic": metric(counts.logic, unit),
        "registers": metric(counts.registers, "flip-flops"),
        "dsp": metric(counts.dsp, "DSP blocks"),
        "carry": metric(counts.carry, "carry cells"),
    }
    if counts.register_area is not None:
        metrics["total"] = metric(counts.logic + counts.register_area, unit)
    flow = {
        "target": task.target,
        "dsp": task.dsp,
        "recipe": result.recipe,
        "tried": dict(result.tried),
        "mapped_once": list(once),
    }
    found = Measured({**flow, "counted": COUNTED.get(task.target, "LUTs")}, metrics, result.tools)
    return completed(found, config, text)
