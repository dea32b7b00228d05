"""Energy per MAC of a unit on a cell library, by part, while it works on real or random operands."""

from __future__ import annotations

from ...config import MacConfig
from ...fpga.liberty import Library
from ...fpga.power import LEFT_OUT, WEIGHED
from ...fpga.power_parts import SPLIT, parts_power
from ...hdl.emit import verilog
from ..circuits import Measured, mapping_flow
from ..int_vs_fp.emitted import mapped_once, verilog_of
from ..libraries import library_named
from ..records import metric
from .completed import completed
from .operands import SEED, described, stimulus_digest, unit_stimulus
from .task import Operands, Task

PICOJOULES = "pJ/MAC"
ENERGY = "energy"
LEAKAGE = "leakage"


def measured(task: Task) -> Measured:
    """``measured_power`` of the task's unit.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    config = task.unit
    found = measured_power(
        config, library_named(task.library), operands=task.operands or "layer", period_ns=task.period_ns or 0.0,
        cycles=task.cycles,
    )  # fmt: skip
    return completed(found, config, verilog_of(config))


def measured_power(
    config: MacConfig, library: Library, *, operands: Operands, period_ns: float, cycles: int
) -> Measured:
    """Energy per MAC, in all and by part.

    The unit is mapped at the period without clock gating (a gated clock's net has no buffers before layout, and what its slew
    costs is of no layout's making), a dot product's lane once; its netlist is simulated, never stalled.

    Parameters
    ----------
    config
        A MAC or a dot product.
    library
        The cells, with their energies.
    operands, cycles
        As for ``unit_stimulus``.
    period_ns
        The clock.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    stimulus = unit_stimulus(config, operands, cycles)
    once = mapped_once(config)
    found = parts_power(verilog_of(config), verilog.TOP, library, period_ns=period_ns, stimulus=stimulus, once=once)
    picojoules = found.power.picojoules
    metrics = {
        ENERGY: metric(found.power.energy_pj / config.macs, PICOJOULES),
        **{part: metric(picojoules(watts) / config.macs, PICOJOULES) for part, watts in found.parts.items()},
        LEAKAGE: metric(picojoules(found.power.leakage) / config.macs, PICOJOULES),
        "energy_of_kept_parts": metric(found.kept.energy_pj / config.macs, PICOJOULES),
        "leakage_power": metric(found.power.leakage * 1e9 / config.macs, "nW/MAC"),
        "power": metric((found.power.sequential + found.power.combinational) * 1e3, "mW"),
        "period": metric(period_ns, "ns"),
        "delay": metric(found.mapped.best.delay_ns, "ns"),
        "cycles": metric(cycles, "cycles"),
    }
    flow = {
        **mapping_flow(found.mapped, library),
        "period_ns": period_ns,
        "met": found.mapped.met,
        "mapped_once": list(once),
        "operands": described(operands, config),
        "stimulus_sha256": stimulus_digest(stimulus),
        "estimated": WEIGHED,
        "split": SPLIT,
        "left_out": LEFT_OUT,
    }
    return Measured(flow, metrics, found.mapped.tools, (SEED,) if operands == "uniform" else ())
