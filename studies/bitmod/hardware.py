"""Cells, clocks and energy of every part of the study; what an earlier run recorded of the same circuit is taken from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...fpga.liberty import read_library
from ...fpga.power import LEFT_OUT, WEIGHED, simulated_power
from ...fpga.standard_cells import Flow, map_standard_cells
from ...fpga.standard_recipes import recipe_named
from ...fpga.wrap import ports_of
from ..circuits import FASTEST_NS, Measured, mapping_flow, measured_cells, measured_clock, measured_ecp5, measured_gates
from ..committed import committed
from ..jobs import Job
from ..records import BITMOD, Record, digest_of, metric
from ..sweep.operands import stimulus_digest
from .operands import LAYER, PRODUCTS
from .units import PART_TOP, Candidate, Part, candidates

PERIODS_NS = (8.0, 6.0, 5.0)
"""Clock periods at which all candidates are mapped."""
BEST = "best"
"""The clock that is a candidate's own: the fastest that its PE and its edges all reach."""
POWER_NS = 8.0
SEEDS = (1, 2, 3)
MEASURED_BY = "bitmill report bitmod"


def labels() -> tuple[str, ...]:
    """What records call the clocks: ``8ns`` and so on, then ``best``."""
    return (*(f"{period:g}ns" for period in PERIODS_NS), BEST)


def hardware_jobs(*, fresh: bool = False, quick: bool = False) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement.

    Parameters
    ----------
    fresh
        Measure what is committed as well.
    quick
        Only the first two candidates, at ``POWER_NS``, without place and route.
    """
    flow = Measurements(fresh=fresh)
    chosen = candidates()[:2] if quick else candidates()
    for candidate in chosen:
        if not quick:
            yield f"clock of {candidate.title}", lambda pe=candidate.pe: [flow.timing(pe)]
            yield f"{candidate.title} as fast as it goes", lambda candidate=candidate: flow.at_best(candidate)
        for period in (POWER_NS,) if quick else PERIODS_NS:
            name = f"{candidate.title} at {period:g} ns"
            yield name, lambda candidate=candidate, period=period: flow.at_period(candidate, period)
        yield f"energy of {candidate.title}", lambda candidate=candidate: [flow.power(candidate)]
    for part in {part.key: part for candidate in chosen for part in candidate.parts}.values():
        yield f"gates of {part.title}", lambda part=part: [flow.gates(part)]
        yield f"ECP5 of {part.title}", lambda part=part: [flow.ecp5(part)]


class Measurements:
    """Records of parts, taken from the committed ones where those are of the same circuit and tools.

    Parameters
    ----------
    fresh
        Take none from there.
    """

    def __init__(self, *, fresh: bool = False) -> None:
        self.fresh = fresh

    def at_period(self, candidate: Candidate, period: float) -> list[Record]:
        """All parts of a candidate at a clock period."""
        return [self.cells(part, period, f"{period:g}ns") for part in candidate.parts]

    def at_best(self, candidate: Candidate) -> list[Record]:
        """PE and edges as fast as they go, then all parts at the clock of the slowest, under the candidate's name."""
        fastest = [self.cells(part, FASTEST_NS, BEST) for part in (candidate.pe, *candidate.edges)]
        period = max(record.number("delay") for record in fastest)
        return [*fastest, *(self.cells(part, period, f"{BEST}-{candidate.key}") for part in candidate.parts)]

    def cells(self, part: Part, period: float, label: str) -> Record:
        """Gate equivalents on osu018, logic and registers apart, and the clock, of the smallest recipe that meets a period."""

        def measure(name: str) -> Record:
            return _record(name, "cells", part, measured_cells(part.verilog, PART_TOP, period_ns=period))

        same = {"period_ns": period, "library_sha256": read_library().sha256}
        return self._known(f"cells/{part.key}/{label}", part, measure, same)

    def gates(self, part: Part) -> Record:
        """NAND2-equivalents of the generic target."""
        name = f"area/{part.key}/generic"
        return self._known(name, part, lambda name: _record(name, "area", part, measured_gates(part.verilog, PART_TOP)))

    def ecp5(self, part: Part) -> Record:
        """LUT4 on ECP5, without and with DSP blocks."""
        name = f"area/{part.key}/ecp5"
        return self._known(name, part, lambda name: _record(name, "area", part, measured_ecp5(part.verilog, PART_TOP)))

    def timing(self, part: Part) -> Record:
        """Clock on ECP5 without DSP blocks, placed and routed with several seeds."""

        def measure(name: str) -> Record:
            return _record(name, "timing", part, measured_clock(part.verilog, PART_TOP, seeds=SEEDS))

        return self._known(f"timing/{part.key}/ecp5", part, measure, seeds=SEEDS)

    def power(self, candidate: Candidate) -> Record:
        """Energy of a PE's cycle on real operands: 4-bit BitMoD weights where it is bit-serial."""
        part, stimulus = candidate.pe, candidate.stimulus()
        library = read_library()
        same = {
            "stimulus_sha256": stimulus_digest(stimulus),
            "library_sha256": library.sha256,
            "estimated": f"{WEIGHED}; {LEFT_OUT}",
        }

        def measure(name: str) -> Record:
            # A gated clock's net has no buffers before layout, and what its slew costs is of no layout's making.
            plain = Flow(verilog=part.verilog, top=PART_TOP, library=library, period_ns=POWER_NS, clock_gating=False)
            result = map_standard_cells(part.verilog, PART_TOP, library, period_ns=POWER_NS, clock_gating=False)
            power = simulated_power(
                plain.netlist(recipe_named(result.best.recipe)), PART_TOP, ports_of(part.verilog, PART_TOP), library,
                period_ns=POWER_NS, stimulus=stimulus,
            )  # fmt: skip
            metrics = {
                "energy": metric(power.energy_pj, "pJ per cycle"),
                "energy_per_product": metric(power.energy_pj / candidate.products_per_cycle(candidate.bits), "pJ"),
                "sequential": metric(power.sequential * POWER_NS * 1e3, "pJ per cycle"),
            }
            flow = {
                **mapping_flow(result),
                **same,
                "period_ns": POWER_NS,
                "operands": f"{PRODUCTS} products of the sample's {LAYER} layer",
            }
            return _record(name, "power", part, Measured(flow, metrics, result.tools))

        return self._known(f"power/{part.key}", part, measure, same)

    def _known(
        self,
        name: str,
        part: Part,
        measure: Callable[[str], Record],
        same: Mapping[str, Any] | None = None,
        seeds: Sequence[int] | None = None,
    ) -> Record:
        """The committed record if circuit, tools, seeds and what its flow says of ``same`` are the same; else a new one."""
        known = None
        if not self.fresh:
            known = committed(BITMOD, name, lambda: part.verilog, measured_by=MEASURED_BY, same=same, seeds=seeds)
        return measure(name) if known is None else known


def _record(name: str, kind: str, part: Part, measured: Measured) -> Record:
    return Record(
        id=name,
        topic=kind,
        config={"part": part.title, **part.config.model_dump()},
        part=part.key,
        flow={**measured.flow, "verilog_sha256": digest_of(part.verilog)},
        tool_versions=dict(measured.tools),
        seeds=measured.seeds,
        metrics=dict(measured.metrics),
    )
