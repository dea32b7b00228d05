"""Hardware cost of the study's units: each flow is one job that waits for tools and returns records."""

from __future__ import annotations

from collections.abc import Iterator

from ...config import MacConfig
from ...fpga.breakdown import breakdown
from ...fpga.cells import NAND2_PER_REGISTER, CellCounts
from ...fpga.synthesis import Synthesis, synthesize
from ...hdl.emit import verilog
from ..jobs import Job
from ..measured import COUNTED, NAND2
from ..records import Metric, Record, digest_of, metric
from .clocks import committed_timings, timing_record
from .emitted import mapped_once, verilog_of, with_multiplier
from .study import Case, Study

PARTS = ("decode", "multiply", "align", "reduce", "accumulate", "control")
"""Categories of the breakdown, in the order of the data path; registers are counted beside them."""


def hardware_jobs(study: Study) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement, the longest first."""
    known = committed_timings(study.cases)
    for case in study.cases:
        if case.name not in known and study.routed(case):
            yield f"place and route {case.name}", lambda case=case: [timing_record(study, case)]
    for case in study.cases:
        if study.on_ecp5(case):
            yield f"ECP5 {case.name}", lambda case=case: [ecp5_record(case, dsp=False)]
        # One job, because the breakdown waits for the flat synthesis of the same gates.
        yield f"gates {case.name}", lambda case=case: [generic_record(case), breakdown_record(case)]
        if study.on_dsp(case):
            yield f"ECP5 with DSP {case.name}", lambda case=case: [ecp5_record(case, dsp=True)]
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
    config = with_multiplier(case.config, dsp=dsp)
    text, macs = verilog_of(config), config.macs
    result = synthesize(text, verilog.TOP, "ecp5", dsp=dsp, once=mapped_once(config))
    counts = result.counts
    metrics = {
        "lut4": metric(counts.logic, "LUT4"),
        "lut4_per_mac": metric(counts.logic / macs, "LUT4"),
        "registers": metric(counts.registers, "flip-flops"),
        "registers_per_mac": metric(counts.registers / macs, "flip-flops"),
        "ccu2c": metric(counts.carry, "CCU2C"),
        "dsp": metric(counts.dsp, "MULT18X18D"),
        "dsp_per_mac": metric(counts.dsp / macs, "MULT18X18D"),
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
        id=f"breakdown/{case.name}/generic",
        topic="breakdown",
        config=case.config.to_dict(),
        part=case.part,
        flow={
            "target": "generic",
            "recipe": result.recipe,
            "parts": "hierarchy kept",
            "flat": "flattened",
            "control": "whatever no part names: clock enables, handshake, flags, step counter",
            "nand2_per_register": NAND2_PER_REGISTER,
            "verilog_sha256": digest_of(text),
        },
        tool_versions=dict(result.flat.tools),
        metrics=metrics,
    )


def _register_area(counts: CellCounts) -> float:
    return NAND2_PER_REGISTER * counts.registers


def _area_record(
    case: Case, flow: str, config: MacConfig, text: str, result: Synthesis, metrics: dict[str, Metric]
) -> Record:
    return Record(
        id=f"area/{case.name}/{flow}",
        topic="area",
        config=config.to_dict(),
        part=case.part,
        flow={
            "target": result.target,
            "dsp": result.dsp,
            "recipe": result.recipe,
            "tried": dict(result.tried),
            "counted": COUNTED[result.target],
            "mapped_once": list(mapped_once(config)) if result.target == "ecp5" else [],
            "verilog_sha256": digest_of(text),
        },
        tool_versions=dict(result.tools),
        metrics=metrics,
    )
