"""Cells, clocks and energy of every part of the study."""

from __future__ import annotations

from collections.abc import Iterator

from ...fpga.liberty import read_library
from ...fpga.power import LEFT_OUT, WEIGHED, simulated_power
from ...fpga.standard_cells import Flow, map_standard_cells
from ...fpga.standard_recipes import recipe_named
from ...fpga.wrap import ports_of
from ..circuits import FASTEST_NS, Measured, mapping_flow
from ..jobs import Job
from ..measurements import TOP, Measurements
from ..records import BITMOD, Record, metric
from ..sweep.operands import stimulus_digest
from .operands import LAYER, PRODUCTS
from .units import Candidate, candidates

PERIODS_NS = (8.0, 6.0, 5.0)
"""Clock periods at which all candidates are mapped."""
BEST = "best"
"""The clock that is a candidate's own: the fastest that its PE and its edges all reach."""
POWER_NS = 8.0
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
    flow = Measurements(BITMOD, MEASURED_BY, fresh)
    chosen = candidates()[:2] if quick else candidates()
    for candidate in chosen:
        if not quick:
            yield f"clock of {candidate.title}", lambda pe=candidate.pe: [flow.clock(pe)]
            yield f"{candidate.title} as fast as it goes", lambda candidate=candidate: at_best(flow, candidate)
        for period in (POWER_NS,) if quick else PERIODS_NS:
            name = f"{candidate.title} at {period:g} ns"
            yield name, lambda candidate=candidate, period=period: at_period(flow, candidate, period)
        yield f"energy of {candidate.title}", lambda candidate=candidate: [power(flow, candidate)]
    for part in {part.key: part for candidate in chosen for part in candidate.parts}.values():
        yield f"gates of {part.title}", lambda part=part: [flow.gates(part)]
        yield f"ECP5 of {part.title}", lambda part=part: [flow.ecp5(part)]


def at_period(flow: Measurements, candidate: Candidate, period: float) -> list[Record]:
    """All parts of a candidate at a clock period."""
    return [flow.cells(part, f"osu018-{period:g}ns", period) for part in candidate.parts]


def at_best(flow: Measurements, candidate: Candidate) -> list[Record]:
    """PE and edges as fast as they go, then all parts at the clock of the slowest, under the candidate's name."""
    fastest = [flow.cells(part, f"osu018-{BEST}", FASTEST_NS) for part in (candidate.pe, *candidate.edges)]
    period = max(record.number("delay") for record in fastest)
    return [*fastest, *(flow.cells(part, f"osu018-{BEST}-{candidate.key}", period) for part in candidate.parts)]


def power(flow: Measurements, candidate: Candidate) -> Record:
    """Energy of a PE's cycle on real operands: 4-bit BitMoD weights where it is bit-serial."""
    part, stimulus, library = candidate.pe, candidate.stimulus(), read_library()
    same = {
        "stimulus_sha256": stimulus_digest(stimulus),
        "library_sha256": library.sha256,
        "estimated": f"{WEIGHED}; {LEFT_OUT}",
    }

    def measure() -> Measured:
        # A gated clock's net has no buffers before layout, and what its slew costs is of no layout's making.
        plain = Flow(verilog=part.verilog, top=TOP, library=library, period_ns=POWER_NS, clock_gating=False)
        result = map_standard_cells(part.verilog, TOP, library, period_ns=POWER_NS, clock_gating=False)
        found = simulated_power(
            plain.netlist(recipe_named(result.best.recipe)), TOP, ports_of(part.verilog, TOP), library,
            period_ns=POWER_NS, stimulus=stimulus,
        )  # fmt: skip
        metrics = {
            "energy": metric(found.energy_pj, "pJ per cycle"),
            "energy_per_product": metric(found.energy_pj / candidate.products_per_cycle(candidate.bits), "pJ"),
            "sequential": metric(found.sequential * POWER_NS * 1e3, "pJ per cycle"),
        }
        operands = f"{PRODUCTS} products of the sample's {LAYER} layer"
        return Measured(
            {**mapping_flow(result), **same, "period_ns": POWER_NS, "operands": operands}, metrics, result.tools
        )

    return flow.record(part, "power", measure, same)
