"""Cells, clocks and cycles of every unit in every width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...fpga.liberty import Library
from ...fpga.pace import OSU018, paced
from ..jobs import Job
from ..libraries import library_named
from ..measurements import Measurements
from ..records import NONLINEAR, Record, metric
from .synthetic import LENGTHS
from .units import HardwarePart, HardwareUnit

MEASURED_BY = "bitmill report nonlinear"


def hardware_jobs(
    units: Sequence[HardwareUnit], libraries: Sequence[str] = (OSU018,), *, fresh: bool = False
) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement.

    Parameters
    ----------
    units
        What is measured.
    libraries
        Names or paths of the cell libraries; clock periods are what those of osu018 are to them.
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
            for library in map(library_named, libraries):
                yield f"{library.key} of {part.key}", lambda part=part, library=library: [on_cells(flow, part, library)]
            yield f"gates of {part.key}", lambda part=part: [flow.gates(part)]
            yield f"ECP5 of {part.key}", lambda part=part: [flow.ecp5(part)]
            yield f"cycles of {part.key}", lambda part=part: [cycle_record(part)]


def on_cells(flow: Measurements, part: HardwarePart, library: Library) -> Record:
    """Gate equivalents and clock of a unit on a library, at what its period is there."""
    return flow.cells(part, library, paced(part.of.period_ns, library))


def cycle_record(part: HardwarePart) -> Record:
    """What the unit documents, which its tests assert: cycles a row at every length, and latency."""
    rows = {f"row_{length}": metric(part.of.row_cycles(length, part.lanes), "cycles") for length in LENGTHS}
    flow = {"formula": part.of.formula, "asserted_by": "the tests of the unit"}
    metrics = {**rows, "latency": metric(part.of.latency(part.lanes), "cycles")}
    return replace(part.record("cycles"), flow=flow, metrics=metrics)
