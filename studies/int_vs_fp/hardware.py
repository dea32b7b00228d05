"""Hardware cost of the study's units: each flow is one job that waits for tools and returns records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..jobs import Job
from ..records import Record, metric
from ..sweep.measurement import measure
from ..sweep.task import GENERIC, Task
from .clocks import committed_timings, timing_record
from .parts import parts_record
from .study import Case, Study


def hardware_jobs(study: Study) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement, the longest first."""
    known = committed_timings(study.cases)
    for case in study.cases:
        if case.name not in known and study.routed(case):
            yield f"place and route {case.name}", lambda case=case: [timing_record(study, case)]
    for case in study.cases:
        if study.on_ecp5(case):
            yield f"ECP5 {case.name}", lambda case=case: [area_record(case, "ecp5")]
        # One job, because the breakdown waits for the flat synthesis of the same gates.
        yield f"gates {case.name}", lambda case=case: [area_record(case), breakdown_record(case)]
        if study.on_dsp(case):
            yield f"ECP5 with DSP {case.name}", lambda case=case: [area_record(case, "ecp5", dsp=True)]
    for name, whole in known.items():
        yield f"committed clock of {name}", lambda whole=whole: [whole]


def area_record(case: Case, target: str = GENERIC, *, dsp: bool = False) -> Record:
    """Cells of the flat unit: NAND2-equivalents, or LUT4 without DSP blocks, or with DSP blocks and a plain ``*``."""
    found = measure(Task(config=case.config.to_dict(), target=target, dsp=dsp))
    per_mac = {
        f"{name}_per_mac": metric(found.number(name) / case.config.macs, found.metrics[name].unit)
        for name in ("registers", "dsp")
    }
    return replace(found, part=case.part, metrics={**found.metrics, **per_mac})


def breakdown_record(case: Case) -> Record:
    """NAND2-equivalents of each part, synthesized without flattening, beside the flat total of the same design."""
    return replace(parts_record(case.config), part=case.part)
