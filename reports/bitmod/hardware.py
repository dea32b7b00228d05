"""Cells, clocks and energy of every part of the study; what an earlier run recorded of the same circuit is taken from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ...bit_serial import BitSerialConfig
from ...fpga.liberty import read_library
from ...fpga.power import vectorless_power
from ...fpga.standard_cells import Flow, map_standard_cells
from ...fpga.standard_recipes import recipe_named
from ...fpga.synthesis import synthesize
from ...fpga.timing import measure_timing
from ..committed import committed, digest_of
from ..jobs import Job
from ..measured import COUNTED, NAND2, timing_flow, timing_metrics
from ..records import BITMOD, Metric, Record, metric
from .operands import LAYER, PRODUCTS, parallel_activity, serial_activity
from .units import PART_TOP, Candidate, Part, candidates

PERIODS_NS = (10.0, 8.0, 6.0, 5.0)
"""Clock periods at which all candidates are mapped."""
BEST = "best"
"""The clock that is a candidate's own: what its PE reaches with the fastest recipe, and its edges with it."""
_FASTEST_NS = 1.0
POWER_NS = 8.0
SEEDS = (1, 2, 3)
MEASURED_BY = "bitmill report bitmod"


def labels() -> tuple[str, ...]:
    """What records call the clocks: ``10ns`` and so on, then ``best``."""
    return (*(f"{period:g}ns" for period in PERIODS_NS), BEST)


def hardware_jobs(*, seeds: tuple[int, ...] = SEEDS) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement."""
    for candidate in candidates():
        yield f"clock of {candidate.title}", lambda pe=candidate.pe: [timing_record(pe, seeds)]
    for candidate in candidates():
        for period in PERIODS_NS:
            yield (
                f"{candidate.title} at {period:g} ns",
                lambda candidate=candidate, period=period: _at_period(candidate, period),
            )
        yield f"{candidate.title} as fast as it goes", lambda candidate=candidate: _at_best(candidate)
        yield f"energy of {candidate.title}", lambda candidate=candidate: [power_record(candidate)]
    for part in {part.key: part for candidate in candidates() for part in candidate.parts}.values():
        yield f"gates of {part.title}", lambda part=part: [gates_record(part)]
        yield f"ECP5 of {part.title}", lambda part=part: [ecp5_record(part)]


def _at_period(candidate: Candidate, period: float) -> list[Record]:
    return [cells_record(part, period, f"{period:g}ns") for part in candidate.parts]


def _at_best(candidate: Candidate) -> list[Record]:
    """The PE as fast as it goes, then its edges at that clock, under the candidate's name."""
    pe = cells_record(candidate.pe, _FASTEST_NS, BEST)
    period = pe.number("delay")
    return [pe, *(cells_record(part, period, f"{BEST}-{candidate.key}") for part in candidate.parts[1:])]


def cells_record(part: Part, period: float, label: str) -> Record:
    """Gate equivalents on osu018, logic and registers apart, and the clock, at the smallest recipe that meets a period."""
    return _measured(f"cells/{part.key}/{label}", part, lambda: _cells(part, period, label))


def _cells(part: Part, period: float, label: str) -> Record:
    result = map_standard_cells(part.verilog, PART_TOP, read_library(), period_ns=period)
    metrics = {
        "logic": metric(result.best.logic_ge, "GE"),
        "registers": metric(result.best.registers_ge, "GE"),
        "total": metric(result.best.logic_ge + result.best.registers_ge, "GE"),
        "delay": metric(result.best.delay_ns, "ns"),
        "period": metric(period, "ns"),
    }
    flow = {
        "library": result.library,
        "library_sha256": result.library_sha256,
        "recipe": result.best.recipe,
        "clock_gating": result.clock_gating,
        "met": result.met,
        "counted": "cell area over the smallest NAND2's; registers and their clock gates apart; before layout",
    }
    return _record(f"cells/{part.key}/{label}", "cells", part, flow, metrics, tools=result.tools)


def gates_record(part: Part) -> Record:
    """NAND2-equivalents of the generic target."""

    def measure() -> Record:
        result = synthesize(part.verilog, PART_TOP, "generic")
        metrics = {
            "logic": metric(result.counts.logic, NAND2),
            "registers": metric(result.counts.registers, "flip-flops"),
        }
        flow = {"target": "generic", "recipe": result.recipe, "counted": COUNTED["generic"]}
        return _record(f"area/{part.key}/generic", "area", part, flow, metrics, tools=result.tools)

    return _measured(f"area/{part.key}/generic", part, measure)


def ecp5_record(part: Part) -> Record:
    """LUT4 on ECP5, with DSP blocks where the part has a multiplier for one."""

    def measure() -> Record:
        plain, blocks = (synthesize(part.verilog, PART_TOP, "ecp5", dsp=dsp) for dsp in (False, True))
        metrics = {
            "lut4": metric(plain.counts.logic, "LUT4"),
            "registers": metric(plain.counts.registers, "flip-flops"),
            "lut4_dsp": metric(blocks.counts.logic, "LUT4"),
            "dsp": metric(blocks.counts.dsp, "MULT18X18D"),
        }
        flow = {"target": "ecp5", "recipe": plain.recipe, "recipe_dsp": blocks.recipe, "counted": COUNTED["ecp5"]}
        return _record(f"area/{part.key}/ecp5", "area", part, flow, metrics, tools=plain.tools)

    return _measured(f"area/{part.key}/ecp5", part, measure)


def timing_record(part: Part, seeds: tuple[int, ...]) -> Record:
    """Clock on ECP5 without DSP blocks, placed and routed with several seeds."""

    def measure() -> Record:
        result = measure_timing(part.verilog, PART_TOP, "ecp5", seeds=seeds)
        flow = timing_flow(result, part.verilog)
        return _record(
            f"timing/{part.key}/ecp5", "timing", part, flow, timing_metrics(result), tools=result.tools, seeds=seeds
        )

    return _measured(f"timing/{part.key}/ecp5", part, measure)


def power_record(candidate: Candidate) -> Record:
    """Energy of a PE's cycle on real operands: 4-bit BitMoD weights where it is bit-serial."""
    part = candidate.pe

    def measure() -> Record:
        library = read_library()
        # A gated clock's net has no buffers before layout, and what its slew costs is of no layout's making.
        flat = Flow(verilog=part.verilog, top=PART_TOP, library=library, period_ns=POWER_NS, clock_gating=False)
        result = map_standard_cells(part.verilog, PART_TOP, library, period_ns=POWER_NS, clock_gating=False)
        activity = (
            serial_activity(part.config) if isinstance(part.config, BitSerialConfig) else parallel_activity(part.config)
        )
        power = vectorless_power(
            flat.netlist(recipe_named(result.best.recipe)), PART_TOP, library,
            period_ns=POWER_NS, toggles=activity.toggles, high=activity.high,
        )  # fmt: skip
        metrics = {
            "energy": metric(power.energy_pj, "pJ per cycle"),
            "energy_per_product": metric(power.energy_pj / candidate.products_per_cycle(4), "pJ"),
            "sequential": metric(power.sequential * POWER_NS * 1e3, "pJ per cycle"),
        }
        flow = {
            "library": result.library,
            "library_sha256": result.library_sha256,
            "recipe": result.best.recipe,
            "clock_gating": False,
            "period_ns": POWER_NS,
            "operands": f"{PRODUCTS} products of the sample's {LAYER} layer",
            "estimated": "OpenSTA: toggles of the operands at the ports, carried on without vectors; no wires, no clock tree",
        }
        return _record(f"power/{part.key}", "power", part, flow, metrics, tools=result.tools)

    return _measured(f"power/{part.key}", part, measure)


def _measured(name: str, part: Part, measure: Callable[[], Record]) -> Record:
    """The committed record if it is of this circuit and these tools, a new measurement if not."""
    return committed(BITMOD, name, lambda: part.verilog, measured_by=MEASURED_BY) or measure()


def _record(
    name: str,
    kind: str,
    part: Part,
    flow: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    *,
    tools: Mapping[str, str],
    seeds: tuple[int, ...] = (),
) -> Record:
    return Record(
        id=name,
        kind=kind,
        config={"part": part.title, **part.config.model_dump()},
        unit=part.key,
        flow={**flow, "verilog_sha256": digest_of(part.verilog)},
        tool_versions=dict(tools),
        seeds=seeds,
        metrics=dict(metrics),
        study=BITMOD,
    )
