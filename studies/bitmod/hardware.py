"""Cells, clocks and energy of every part of the study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...fpga.liberty import Library
from ...fpga.pace import OSU018, fastest_ns, paced
from ...fpga.power import LEFT_OUT, WEIGHED, simulated_power
from ...fpga.standard_cells import Flow, map_standard_cells
from ...fpga.standard_recipes import recipe_named
from ...fpga.wrap import ports_of
from ...sim.pe_stimulus import LAYER, PRODUCTS
from ..circuits import Measured, mapping_flow
from ..jobs import Job
from ..libraries import library_named
from ..measurements import TOP, Measurements
from ..records import BITMOD, Record, metric
from ..sweep.operands import stimulus_digest
from .units import Candidate, candidates

PERIODS_NS = (8.0, 6.0, 5.0)
"""Clock periods at which all candidates are mapped on osu018, besides their own best; elsewhere at what ``POWER_NS`` is there."""
BEST = "best"
"""The clock that is a candidate's own: the fastest that its PE and its edges all reach."""
POWER_NS = 8.0
MEASURED_BY = "bitmill report bitmod"


def labels() -> tuple[str, ...]:
    """What records call the clocks: ``8ns`` and so on, then ``best``."""
    return (*(f"{period:g}ns" for period in PERIODS_NS), BEST)


def hardware_jobs(
    libraries: Sequence[str] = (OSU018,), *, fresh: bool = False, quick: bool = False
) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement.

    Parameters
    ----------
    libraries
        Names or paths of the cell libraries.
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
        for library in map(library_named, libraries):
            on = (flow, candidate, library)
            if library.key == OSU018 and not quick:
                yield f"{candidate.title} as fast as it goes on {library.key}", lambda on=on: at_best(*on)
            for period in PERIODS_NS if library.key == OSU018 and not quick else (POWER_NS,):
                name = f"{candidate.title} on {library.key} at what is {period:g} ns on osu018"
                yield name, lambda on=on, period=period: at_period(*on, period)
            yield f"energy of {candidate.title} on {library.key}", lambda on=on: [power(*on)]
    for part in {part.key: part for candidate in chosen for part in candidate.parts}.values():
        yield f"gates of {part.title}", lambda part=part: [flow.gates(part)]
        yield f"ECP5 of {part.title}", lambda part=part: [flow.ecp5(part)]


def at_period(flow: Measurements, candidate: Candidate, library: Library, period: float) -> list[Record]:
    """All parts of a candidate at what is a clock period on osu018, by which they are called."""
    own = paced(period, library)
    return [flow.cells(part, library, own, label=f"-{period:g}ns") for part in candidate.parts]


def at_best(flow: Measurements, candidate: Candidate, library: Library) -> list[Record]:
    """PE and edges as fast as they go, then all parts at the clock of the slowest, under the candidate's name."""
    shortest = fastest_ns(library)
    fastest = [flow.cells(part, library, shortest, label=f"-{BEST}") for part in (candidate.pe, *candidate.edges)]
    period = max(record.number("delay") for record in fastest)
    label = f"-{BEST}-{candidate.key}"
    return [*fastest, *(flow.cells(part, library, period, label=label) for part in candidate.parts)]


def power(flow: Measurements, candidate: Candidate, library: Library) -> Record:
    """Energy of a PE's cycle on real operands: 4-bit BitMoD weights where it is bit-serial."""
    part, stimulus, period_ns = candidate.pe, candidate.stimulus(), paced(POWER_NS, library)
    same = {
        "stimulus_sha256": stimulus_digest(stimulus),
        "library_sha256": library.sha256,
        "estimated": f"{WEIGHED}; {LEFT_OUT}",
    }

    def measure() -> Measured:
        # A gated clock's net has no buffers before layout, and what its slew costs is of no layout's making.
        plain = Flow(verilog=part.verilog, top=TOP, library=library, period_ns=period_ns, clock_gating=False)
        result = map_standard_cells(part.verilog, TOP, library, period_ns=period_ns, clock_gating=False)
        found = simulated_power(
            plain.netlist(recipe_named(result.best.recipe)), TOP, ports_of(part.verilog, TOP), library,
            period_ns=period_ns, stimulus=stimulus,
        )  # fmt: skip
        metrics = {
            "energy": metric(found.energy_pj, "pJ per cycle"),
            "energy_per_product": metric(found.energy_pj / candidate.products_per_cycle(candidate.bits), "pJ"),
            "sequential": metric(found.sequential * period_ns * 1e3, "pJ per cycle"),
        }
        operands = f"{PRODUCTS} products of the sample's {LAYER} layer"
        return Measured(
            {**mapping_flow(result, library), **same, "period_ns": period_ns, "operands": operands},
            metrics,
            result.tools,
        )

    target = "power" + f"-{library.key}" * (library.key != OSU018)
    return flow.record(part, target, measure, same, library=library)
