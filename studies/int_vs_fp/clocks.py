"""Clocks on ECP5: units placed and routed here, and whole ones that the benchmarks placed and routed before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...config import MacConfig
from ...fpga.timing import measure_timing
from ...hdl.emit import verilog
from ..circuits import timing_flow, timing_metrics
from ..committed import committed
from ..ids import measured_id, unit_key
from ..records import Record
from .emitted import mapped_once, verilog_of, with_multiplier
from .study import ARRAY_UNITS, Case, Study

CLOCK_TARGET_MHZ = 200.0
COMMITTED = ("dot32", *ARRAY_UNITS)
"""Units whose clocks are taken from the benchmarks; with DSP blocks, those of plain MACs too."""


def timing_record(study: Study, case: Case) -> Record:
    """Clock that the register-wrapped unit without DSP blocks reaches on ECP5, median over the seeds.

    Of a dot product only ``study.routed_lanes`` lanes are placed and routed: the same lane and accumulator with a
    shallower adder tree. The record's unit and configuration say so.
    """
    config, unit, seeds = case.config, str(case.part), study.seeds if case.part == "mac" else study.large_seeds
    if case.part == "dot32":
        config = MacConfig.from_dict({**config.to_dict(), "lanes": study.routed_lanes})
        unit = f"dot{study.routed_lanes}"
    text = verilog_of(config)
    result = measure_timing(
        text, verilog.TOP, "ecp5", seeds=seeds, target_mhz=CLOCK_TARGET_MHZ, once=mapped_once(config)
    )
    return Record(
        id=measured_id(unit_key(config), "clock"),
        topic="timing",
        config=config.to_dict(),
        part=unit,
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


def committed_timings(cases: Sequence[Case], *, dsp: bool = False) -> dict[str, Record]:
    """By name, the clocks of whole units that ``make bench`` measured of this very Verilog with these tools.

    Placing a whole dot product or array with several seeds takes longer than all the rest of the study, so it is done once,
    recorded with the benchmarks, and taken from there as long as it is of the unit at hand.

    Parameters
    ----------
    cases
        Units; those not in ``COMMITTED`` are passed over.
    dsp
        Whether clocks with DSP blocks are wanted, of plain MACs too.
    """
    wanted = (*COMMITTED, "mac") if dsp else COMMITTED
    found = {case.name: committed_timing(case, dsp=dsp) for case in cases if case.part in wanted}
    return {name: record for name, record in found.items() if record is not None}


def committed_timing(case: Case, *, dsp: bool = False) -> Record | None:
    """The clock of one whole unit, as ``committed_timings``."""
    suffix = "-dsp" if dsp else ""
    config = with_multiplier(case.config, dsp=dsp)
    found = committed(
        "bench", measured_id(case.key, f"clock{suffix}"), lambda: verilog_of(config), measured_by="make bench"
    )
    if found is None:
        return None
    return replace(
        found, topic="timing", part=case.part, flow={**found.flow, "routed": "whole unit"},
    )  # fmt: skip
