"""Cells, clocks and cycles of every unit in every width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..jobs import Job
from ..measurements import Measurements
from ..records import NONLINEAR, Record, metric
from .synthetic import LENGTHS
from .units import HardwarePart, HardwareUnit

MEASURED_BY = "bitmill report nonlinear"


def hardware_jobs(units: Sequence[HardwareUnit], *, fresh: bool = False) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement.

    Parameters
    ----------
    units
        What is measured.
    fresh
        Measure what is committed as well.
    """
    flow = Measurements(NONLINEAR, MEASURED_BY, fresh)
    # The clocks take longest, so they start first.
    for unit in units:
        for part in unit.parts():
            if part.lanes in unit.routed:
                yield f"clock of {part.key}", lambda part=part: [flow.clock(part)]
    for unit in units:
        for part in unit.parts():
            yield f"osu018 of {part.key}", lambda part=part: [flow.cells(part, "osu018", part.of.period_ns)]
            yield f"gates of {part.key}", lambda part=part: [flow.gates(part)]
            yield f"ECP5 of {part.key}", lambda part=part: [flow.ecp5(part)]
            yield f"cycles of {part.key}", lambda part=part: [cycle_record(part)]


def cycle_record(part: HardwarePart) -> Record:
    """What the unit documents, which its tests assert: cycles a row at every length, and latency."""
    rows = {f"row_{length}": metric(part.of.row_cycles(length, part.lanes), "cycles") for length in LENGTHS}
    flow = {"formula": part.of.formula, "asserted_by": "the tests of the unit"}
    metrics = {**rows, "latency": metric(part.of.latency(part.lanes), "cycles")}
    return replace(part.record("cycles"), flow=flow, metrics=metrics)
