"""Hardware cost of the study's units: each flow is one job that waits for tools and returns records."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ... import __version__
from ...config import AcceleratorConfig
from ...fpga.breakdown import breakdown
from ...fpga.cache import cached
from ...fpga.cells import NAND2_PER_REGISTER, CellCounts
from ...fpga.synthesis import Synthesis, synthesize
from ...fpga.timing import DEVICES, Timing, measure_timing
from ...hdl import verilog
from ...tools import tool_versions, yosys_release
from ..records import INT_VS_FP, Metric, Record, Records, metric
from .scales import source_digest
from .study import Case, Study

Job = Callable[[], list[Record]]
"""Waits for tools; returns the records of one flow of one unit."""

NAND2 = "NAND2-equivalents"
CLOCK_TARGET_MHZ = 200.0
BENCH_RECORDS = Path(__file__).parents[1] / "results" / "bench" / "records.json"
"""What ``make bench`` measured; in a checkout, not in an installed package."""
COUNTED = {
    "generic": "NOT 0.5, NAND NOR 1, AND OR 1.5, XOR XNOR MUX 2.5; registers apart, 6 each where a total is given",
    "ecp5": "LUT4 + 2 CCU2C",
}
PARTS = ("decode", "multiply", "align", "reduce", "accumulate", "control")
"""Categories of the breakdown, in the order of the data path; registers are counted beside them."""


def hardware_jobs(study: Study) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement, the longest first."""
    known = committed_timings(study.cases)
    for case in study.cases:
        if case.preset not in known and study.routed(case):
            yield f"place and route {case.preset}", lambda case=case: [timing_record(study, case)]
    for case in study.cases:
        if study.on_ecp5(case):
            yield f"ECP5 {case.preset}", lambda case=case: [ecp5_record(case, dsp=False)]
        # One job, because the breakdown waits for the flat synthesis of the same gates.
        yield f"gates {case.preset}", lambda case=case: [generic_record(case), breakdown_record(case)]
        if study.on_dsp(case):
            yield f"ECP5 with DSP {case.preset}", lambda case=case: [ecp5_record(case, dsp=True)]
    for name, whole in known.items():
        yield f"committed clock of {name}", lambda whole=whole: [whole]


def generic_record(case: Case) -> Record:
    """NAND2-equivalents of the flat unit."""
    text, lanes = verilog_of(case.config), case.config.lanes
    result = synthesize(text, verilog.TOP, "generic")
    counts = result.counts
    metrics = {
        "accumulator_bits": metric(case.config.accumulator_bits, "bits"),
        "logic": metric(counts.logic, NAND2),
        "registers": metric(counts.registers, "flip-flops"),
        "logic_per_mac": metric(counts.logic / lanes, NAND2),
        "total_per_mac": metric((counts.logic + _register_area(counts)) / lanes, NAND2),
        "registers_per_mac": metric(counts.registers / lanes, "flip-flops"),
    }
    return _area_record(case, "generic", case.config, text, result, metrics)


def ecp5_record(case: Case, *, dsp: bool) -> Record:
    """LUT4 of the flat unit: no DSP blocks and a multiplier of logic, or DSP blocks and a plain ``*``."""
    style = "operator" if dsp else "logic"
    config = AcceleratorConfig.from_dict({**case.config.to_dict(), "multiplier": style})
    text, lanes = verilog_of(config), config.lanes
    result = synthesize(text, verilog.TOP, "ecp5", dsp=dsp, once=mapped_once(config))
    counts = result.counts
    metrics = {
        "lut4": metric(counts.logic, "LUT4"),
        "lut4_per_mac": metric(counts.logic / lanes, "LUT4"),
        "registers": metric(counts.registers, "flip-flops"),
        "registers_per_mac": metric(counts.registers / lanes, "flip-flops"),
        "ccu2c": metric(counts.carry, "CCU2C"),
        "dsp": metric(counts.dsp, "MULT18X18D"),
        "dsp_per_mac": metric(counts.dsp / lanes, "MULT18X18D"),
    }
    return _area_record(case, "ecp5-dsp" if dsp else "ecp5", config, text, result, metrics)


def breakdown_record(case: Case) -> Record:
    """NAND2-equivalents of each part, synthesized without flattening, beside the flat total of the same design."""
    text = verilog_of(case.config)
    result = breakdown(text, verilog.TOP, "generic")
    lanes = case.config.lanes
    metrics = {f"{part}_per_mac": metric(result.parts[part].logic / lanes, NAND2) for part in PARTS}
    metrics["registers_per_mac"] = metric(_register_area(result.total) / lanes, NAND2)
    metrics["sum_per_mac"] = metric((result.total.logic + _register_area(result.total)) / lanes, NAND2)
    flat = result.flat.counts
    metrics["flat_per_mac"] = metric((flat.logic + _register_area(flat)) / lanes, NAND2)
    metrics["flat_logic_per_mac"] = metric(flat.logic / lanes, NAND2)
    return Record(
        id=f"breakdown/{case.preset}/generic",
        kind="breakdown",
        config=case.config.to_dict(),
        unit=case.unit,
        flow={
            "target": "generic",
            "recipe": result.recipe,
            "parts": "hierarchy kept",
            "flat": "flattened",
            "control": "whatever no part names: clock enables, handshake, flags, step counter",
            "nand2_per_register": NAND2_PER_REGISTER,
            "verilog_sha256": _digest(text),
        },
        tool_versions=dict(result.flat.tools),
        seeds=(),
        metrics=metrics,
    )


def timing_record(study: Study, case: Case) -> Record:
    """Clock that the register-wrapped unit without DSP blocks reaches on ECP5, median over the seeds.

    Of a dot product only ``study.routed_lanes`` lanes are placed and routed: the same lane and accumulator with a
    shallower adder tree. The record's unit and configuration say so.
    """
    config, unit, seeds = case.config, str(case.unit), study.seeds if case.unit == "mac" else study.large_seeds
    if case.unit == "dot32":
        config = AcceleratorConfig.from_dict({**config.to_dict(), "lanes": study.routed_lanes})
        unit = f"dot{study.routed_lanes}"
    text = verilog_of(config)
    result = measure_timing(
        text, verilog.TOP, "ecp5", seeds=seeds, target_mhz=CLOCK_TARGET_MHZ, once=mapped_once(config)
    )
    return Record(
        id=f"timing/{case.pair.key}-{unit}/ecp5",
        kind="timing",
        config=config.to_dict(),
        unit=unit,
        flow={
            **timing_flow(result, text),
            "routed": "whole unit"
            if config.lanes == case.config.lanes
            else f"{config.lanes} of {case.config.lanes} lanes",
        },
        tool_versions=dict(result.tools),
        seeds=tuple(seeds),
        metrics=timing_metrics(result),
    )


def timing_flow(result: Timing, verilog_text: str) -> dict[str, Any]:
    """How a clock on ECP5 was measured, for a record's ``flow``."""
    return {
        "device": " ".join(DEVICES[result.device].options),
        "recipe": result.recipe,
        "wrapped": "registers on every input and output, no pins",
        "asked_for_mhz": result.target_mhz,
        "dsp": result.dsp,
        "placements": [{"seed": p.seed, "fmax_mhz": p.fmax_mhz} for p in result.placements],
        "verilog_sha256": _digest(verilog_text),
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


def committed_timings(cases: Sequence[Case]) -> dict[str, Record]:
    """By preset, the clocks of whole dot products that ``make bench`` measured of this very Verilog with these tools.

    Placing all 32 lanes with several seeds takes longer than all the rest of the study, so it is done once, recorded with the
    benchmarks, and taken from there as long as it is of the unit at hand.
    """
    if not BENCH_RECORDS.is_file():
        return {}
    records, now = Records.load(BENCH_RECORDS, study="bench"), tool_versions()
    taken: dict[str, Record] = {}
    for case in cases:
        name = f"fmax/{case.preset}"
        if case.unit != "dot32" or name not in records:
            continue
        found = records[name]
        same_tools = all(now.get(tool) == version for tool, version in found.tool_versions.items())
        if not same_tools or found.flow["verilog_sha256"] != _digest(verilog_of(case.config)):
            continue
        source = {
            "routed": "whole unit",
            "measured_by": "make bench",
            "record": f"reports/results/bench/records.json: {name}",
        }
        taken[case.preset] = replace(
            found,
            id=f"timing/{case.preset}/ecp5",
            kind="timing",
            unit=case.unit,
            flow={**found.flow, **source},
            study=INT_VS_FP,
        )
    return taken


def mapped_once(config: AcceleratorConfig) -> tuple[str, ...]:
    """Modules that ECP5 flows map once and count per instance: the lane of a dot product, which ends in registers."""
    return (verilog.LANE,) if config.lanes > 1 else ()


def verilog_of(config: AcceleratorConfig) -> str:
    """``bitmill.hdl.verilog.emit``, kept on disk: elaborating all units takes longer than reading their results."""
    inputs = {
        "config": config.to_dict(),
        "source": source_digest("formats", "hdl"),
        "amaranth": importlib.metadata.version("amaranth"),
        "yosys": yosys_release(),
        "bitmill": __version__,
    }
    return cached("verilog", inputs, lambda: verilog.emit(config))


def _register_area(counts: CellCounts) -> float:
    return NAND2_PER_REGISTER * counts.registers


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _area_record(
    case: Case, flow: str, config: AcceleratorConfig, text: str, result: Synthesis, metrics: dict[str, Metric]
) -> Record:
    return Record(
        id=f"area/{case.preset}/{flow}",
        kind="area",
        config=config.to_dict(),
        unit=case.unit,
        flow={
            "target": result.target,
            "dsp": result.dsp,
            "recipe": result.recipe,
            "tried": dict(result.tried),
            "counted": COUNTED[result.target],
            "mapped_once": list(mapped_once(config)) if result.target == "ecp5" else [],
            "verilog_sha256": _digest(text),
        },
        tool_versions=dict(result.tools),
        seeds=(),
        metrics=metrics,
    )
