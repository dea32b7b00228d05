"""Cells, clocks and cycles of every unit in every width; what an earlier run recorded of the same circuit is taken from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...fpga.liberty import read_library
from ..circuits import Measured, measured_cells, measured_clock, measured_ecp5, measured_gates
from ..committed import committed
from ..jobs import Job
from ..records import NONLINEAR, Metric, Record, digest_of, metric
from .synthetic import LENGTHS
from .units import PART_TOP, HardwarePart, HardwareUnit

SEEDS = (1, 2, 3)
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
    flow = Measurements(fresh=fresh)
    # The clocks take longest, so they start first.
    for unit in units:
        for part in unit.parts():
            if part.lanes in unit.routed:
                yield f"clock of {part.key}", lambda part=part: [flow.clock(part)]
    for unit in units:
        for part in unit.parts():
            yield f"osu018 of {part.key}", lambda part=part: [flow.cells(part)]
            yield f"gates of {part.key}", lambda part=part: [flow.gates(part)]
            yield f"ECP5 of {part.key}", lambda part=part: [flow.ecp5(part)]
            yield f"cycles of {part.key}", lambda part=part: [cycle_record(part)]


class Measurements:
    """Records of parts, taken from the committed ones where those are of the same circuit and tools.

    Parameters
    ----------
    fresh
        Take none from there.
    """

    def __init__(self, *, fresh: bool = False) -> None:
        self.fresh = fresh

    def cells(self, part: HardwarePart) -> Record:
        """Gate equivalents on osu018 at the unit's period."""
        period = part.of.period_ns
        same = {"period_ns": period, "library_sha256": read_library().sha256}
        return self._known(
            part, "osu018", lambda: measured_cells(part.measured.verilog, PART_TOP, period_ns=period), same
        )

    def gates(self, part: HardwarePart) -> Record:
        """NAND2-equivalents of the generic target."""
        return self._known(part, "generic", lambda: measured_gates(part.measured.verilog, PART_TOP))

    def ecp5(self, part: HardwarePart) -> Record:
        """LUT4 on ECP5, without and with DSP blocks."""
        return self._known(part, "ecp5", lambda: measured_ecp5(part.measured.verilog, PART_TOP))

    def clock(self, part: HardwarePart) -> Record:
        """Clock on ECP5."""
        return self._known(
            part, "clock", lambda: measured_clock(part.measured.verilog, PART_TOP, seeds=SEEDS), seeds=SEEDS
        )

    def _known(
        self,
        part: HardwarePart,
        target: str,
        measure: Callable[[], Measured],
        same: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Record:
        """The committed record if circuit, tools, seeds and what its flow says of ``same`` are the same; else a new one."""
        name = hardware_id(part.key, target)
        if not self.fresh:
            known = committed(NONLINEAR, name, lambda: part.verilog, measured_by=MEASURED_BY, same=same, seeds=seeds)
            if known is not None:
                return known
        measured = measure()
        return _record(
            part,
            target,
            Measured(
                {**measured.flow, "verilog_sha256": digest_of(part.verilog)},
                {**measured.metrics, **_left_out(part)},
                measured.tools,
                measured.seeds,
            ),
        )


def cycle_record(part: HardwarePart) -> Record:
    """What the unit documents, which its tests assert: cycles a row at every length, and latency."""
    rows = {f"row_{length}": metric(part.of.row_cycles(length, part.lanes), "cycles") for length in LENGTHS}
    flow = {"formula": part.of.formula, "asserted_by": "the tests of the unit"}
    return _record(
        part, "cycles", Measured(flow, {**rows, "latency": metric(part.of.latency(part.lanes), "cycles")}, {})
    )


def _left_out(part: HardwarePart) -> dict[str, Metric]:
    return {"memory_outside": metric(part.measured.memory_bits, "bits")}


def hardware_id(key: str, target: str) -> str:
    """The id of a part's record; targets are ``osu018``, ``generic``, ``ecp5``, ``clock`` and ``cycles``."""
    return f"hardware/{key}/{target}"


def _record(part: HardwarePart, target: str, measured: Measured) -> Record:
    unit = part.of
    return Record(
        id=hardware_id(part.key, target),
        topic="hardware",
        config={
            "key": unit.key,
            "title": unit.title,
            "unit": unit.function,
            "profile": unit.profile,
            "lanes": part.lanes,
            "target": target,
        },
        part=unit.function,
        flow=dict(measured.flow),
        tool_versions=dict(measured.tools),
        seeds=measured.seeds,
        metrics=dict(measured.metrics),
    )
