"""What Verilog text occupies and how fast it is, measured one way for every study: metrics, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..fpga.liberty import Library, read_library
from ..fpga.standard_cells import Mapped, StandardCells, map_standard_cells
from ..fpga.synthesis import synthesize
from ..fpga.timing import measure_timing
from .measured import COUNTED, COUNTED_CELLS, NAND2, timing_flow, timing_metrics
from .records import Metric, metric

FASTEST_NS = 1.0
"""A clock period that nothing reaches on osu018: who asks for it gets the fastest circuit."""


@dataclass(frozen=True)
class Measured:
    """The parts of a record that tools give.

    Attributes
    ----------
    flow, metrics
        How it was measured, and the numbers.
    tools, seeds
        What it takes to repeat it.
    """

    flow: Mapping[str, Any]
    metrics: Mapping[str, Metric]
    tools: Mapping[str, str]
    seeds: tuple[int, ...] = ()


def measured_cells(verilog: str, top: str, *, period_ns: float, once: Sequence[str] = ()) -> Measured:
    """Gate equivalents on osu018, logic and registers apart, and the clock, of the smallest recipe that meets a period.

    Modules named in ``once`` are mapped by themselves.

    Raises
    ------
    BitmillError
        If a tool or the library is missing, or a tool fails.
    """
    library = read_library()
    result = map_standard_cells(verilog, top, library, period_ns=period_ns, once=once)
    metrics = cells_metrics(result.best, library)
    metrics["period"] = metric(period_ns, "ns")
    flow = {**mapping_flow(result), "period_ns": period_ns, "met": result.met, "counted": COUNTED_CELLS}
    return Measured({**flow, "mapped_once": list(once)} if once else flow, metrics, result.tools)


def cells_metrics(mapped: Mapped, library: Library) -> dict[str, Metric]:
    """Gate equivalents and the clock of a unit that was mapped with one recipe."""
    return {
        "logic": metric(mapped.logic_ge, "GE"),
        "registers": metric(mapped.registers_ge, "GE"),
        "total": metric(mapped.logic_ge + mapped.registers_ge, "GE"),
        "delay": metric(mapped.delay_ns, "ns"),
        "flip_flop": metric(library.areas[library.flip_flop.cell] / library.gate_area, "GE"),
    }


def measured_gates(verilog: str, top: str) -> Measured:
    """NAND2-equivalents of the generic target.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    result = synthesize(verilog, top, "generic")
    metrics = {
        "logic": metric(result.counts.logic, NAND2),
        "registers": metric(result.counts.registers, "flip-flops"),
    }
    flow = {"target": "generic", "recipe": result.recipe, "counted": COUNTED["generic"]}
    return Measured(flow, metrics, result.tools)


def measured_ecp5(verilog: str, top: str) -> Measured:
    """LUT4 on ECP5, without and with DSP blocks.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    plain, blocks = (synthesize(verilog, top, "ecp5", dsp=dsp) for dsp in (False, True))
    metrics = {
        "lut4": metric(plain.counts.logic, "LUT4"),
        "registers": metric(plain.counts.registers, "flip-flops"),
        "lut4_dsp": metric(blocks.counts.logic, "LUT4"),
        "dsp": metric(blocks.counts.dsp, "MULT18X18D"),
    }
    flow = {"target": "ecp5", "recipe": plain.recipe, "recipe_dsp": blocks.recipe, "counted": COUNTED["ecp5"]}
    return Measured(flow, metrics, plain.tools)


def measured_clock(verilog: str, top: str, *, seeds: tuple[int, ...]) -> Measured:
    """Clock on ECP5 without DSP blocks, placed and routed with several seeds.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    result = measure_timing(verilog, top, "ecp5", seeds=seeds)
    return Measured(timing_flow(result, verilog), timing_metrics(result), result.tools, seeds)


def mapping_flow(result: StandardCells) -> dict[str, Any]:
    """Which library and recipe standard cells were mapped with, for a record's ``flow``."""
    return {
        "library": result.library,
        "library_sha256": result.library_sha256,
        "recipe": result.best.recipe,
        "clock_gating": result.clock_gating,
    }
