"""What Verilog text occupies and how fast it is, measured one way for every study: metrics, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..fpga.liberty import Library
from ..fpga.standard_cells import Mapped, StandardCells, map_standard_cells
from ..fpga.synthesis import synthesize
from ..fpga.timing import DEVICES, Timing, measure_timing
from .records import Metric, digest_of, metric

NAND2 = "NAND2-equivalents"
COUNTED = {
    "generic": "NOT 0.5, NAND NOR 1, AND OR 1.5, XOR XNOR MUX 2.5; registers apart, 6 each where a total is given",
    "ecp5": "LUT4 + 2 CCU2C",
}
COUNTED_CELLS = "cell area over the smallest NAND2's; registers and their clock gates apart; before layout"


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


def measured_cells(verilog: str, top: str, library: Library, *, period_ns: float, once: Sequence[str] = ()) -> Measured:
    """Gate equivalents, logic and registers apart, area and clock, of the smallest recipe that meets a period on a library.

    Modules named in ``once`` are mapped by themselves.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    result = map_standard_cells(verilog, top, library, period_ns=period_ns, once=once)
    metrics = cells_metrics(result.best, library)
    metrics["period"] = metric(period_ns, "ns")
    flow = {**mapping_flow(result, library), "period_ns": period_ns, "met": result.met, "counted": COUNTED_CELLS}
    return Measured({**flow, "mapped_once": list(once)} if once else flow, metrics, result.tools)


def cells_metrics(mapped: Mapped, library: Library) -> dict[str, Metric]:
    """Gate equivalents and the clock of a unit that was mapped with one recipe."""
    return {
        "logic": metric(mapped.logic_ge, "GE"),
        "registers": metric(mapped.registers_ge, "GE"),
        "total": metric(mapped.logic_ge + mapped.registers_ge, "GE"),
        "area": area_of(mapped.logic_ge + mapped.registers_ge, library),
        "delay": metric(mapped.delay_ns, "ns"),
        "flip_flop": metric(library.areas[library.flip_flop.cell] / library.gate_area, "GE"),
    }


def area_of(gates: float, library: Library) -> Metric:
    """Square micrometres of so many gate equivalents of a library."""
    return metric(round(gates * library.gate_area * library.square_microns, 3), "um2")


def counted(text: str, top: str, target: str, *, dsp: bool = False, once: Sequence[str] = ()) -> Measured:
    """Cells of a target that Yosys counts; modules named in ``once`` are mapped by themselves.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    result = synthesize(text, top, target, dsp=dsp, once=tuple(once))
    counts = result.counts
    unit = NAND2 if counts.register_area is not None else counts.logic_unit
    metrics = {
        "logic": metric(counts.logic, unit),
        "registers": metric(counts.registers, "flip-flops"),
        "dsp": metric(counts.dsp, "DSP blocks"),
        "carry": metric(counts.carry, "carry cells"),
    }
    if counts.register_area is not None:
        metrics["total"] = metric(counts.logic + counts.register_area, unit)
    flow = {
        "target": target,
        "dsp": dsp,
        "recipe": result.recipe,
        "tried": dict(result.tried),
        "mapped_once": list(once),
        "counted": COUNTED.get(target, "LUTs"),
    }
    return Measured(flow, metrics, result.tools)


def counted_ecp5(text: str, top: str) -> Measured:
    """LUT4 on ECP5 without DSP blocks, and ``logic_dsp`` with them.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    plain, blocks = (counted(text, top, "ecp5", dsp=dsp) for dsp in (False, True))
    metrics = {**plain.metrics, "logic_dsp": blocks.metrics["logic"], "dsp": blocks.metrics["dsp"]}
    return Measured({**plain.flow, "recipe_dsp": blocks.flow["recipe"]}, metrics, plain.tools)


def measured_clock(
    verilog: str, top: str, *, seeds: tuple[int, ...], dsp: bool = False, once: Sequence[str] = (), **how: float
) -> Measured:
    """Clock on ECP5, placed and routed with several seeds; modules named in ``once`` are mapped by themselves.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    result = measure_timing(verilog, top, "ecp5", seeds=seeds, dsp=dsp, once=tuple(once), **how)
    return Measured(timing_flow(result, verilog), timing_metrics(result), result.tools, seeds)


def timing_flow(result: Timing, verilog_text: str) -> dict[str, Any]:
    """How a clock on ECP5 was measured, for a record's ``flow``."""
    return {
        "device": " ".join(DEVICES[result.device].options),
        "recipe": result.recipe,
        "wrapped": "registers on every input and output, no pins",
        "asked_for_mhz": result.target_mhz,
        "dsp": result.dsp,
        "placements": [{"seed": p.seed, "fmax_mhz": p.fmax_mhz} for p in result.placements],
        "verilog_sha256": digest_of(verilog_text),
    }


def timing_metrics(result: Timing) -> dict[str, Metric]:
    """Median, lowest and highest clock over the placements, and how many there were."""
    reached = [placement.fmax_mhz for placement in result.placements]
    return {
        "fmax": metric(result.fmax_mhz, "MHz"),
        "fmax_min": metric(min(reached), "MHz"),
        "fmax_max": metric(max(reached), "MHz"),
        "placements": metric(len(reached), "runs"),
    }


def mapping_flow(result: StandardCells, library: Library) -> dict[str, Any]:
    """Which library and recipe standard cells were mapped with, for a record's ``flow``."""
    return {
        "cells": library.key,
        "library": result.library,
        "library_sha256": result.library_sha256,
        "recipe": result.best.recipe,
        "clock_gating": result.clock_gating,
    }
