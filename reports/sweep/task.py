"""One unit on one target: what it takes to measure it anywhere, and the record it gives."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ... import __version__
from ...config import AcceleratorConfig
from ...fpga import cache
from ...fpga.cells import TARGETS
from ...fpga.liberty import read_library
from ...fpga.power import read_models
from ...fpga.synthesis import Synthesis, synthesize
from ...hdl import verilog
from ...tools import tool_versions
from ..circuits import Measured, measured_cells, measured_clock
from ..committed import digest_of
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from ..int_vs_fp.scales import source_digest
from ..measured import COUNTED, NAND2
from ..records import STUDY, Record, metric
from ..sample import SAMPLE_PATH
from .clocks import measured_fastest, measured_spread
from .power import measured_power
from .study_file import Expanded, Operands, Targets, unit_key

GENERIC, LIBERTY, CLOCK, FASTEST, SPREAD, POWER = "generic", "osu018", "clock", "fastest", "spread", "power"
KINDS = {CLOCK: "timing", FASTEST: "fastest", SPREAD: "spread", POWER: "power"}
"""Target to the kind of its records; ``area`` otherwise."""
SOURCES = ("formats", "hdl", "fpga", "reports", "reports/sweep")
"""Subpackages whose source decides what is measured."""
OPERAND_SOURCES = ("golden", "sim", "reports/sample", "reports/int_vs_fp")
"""Those that besides decide what power is measured on."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A measurement as plain data, so that it can be sent to another process or machine.

    Attributes
    ----------
    config
        The unit, as ``AcceleratorConfig.to_dict`` gives it.
    target
        ``generic``, ``ice40``, ``ecp5``, ``gowin``, ``xilinx7``, ``osu018``, ``clock`` (placed and routed on ECP5), or on osu018
        ``fastest``, ``spread`` (areas at periods around one), ``power``.
    dsp
        Whether DSP blocks may be used.
    period_ns
        Clock period of ``osu018``, ``spread`` and ``power``, in ns.
    seeds
        Placements of ``clock``.
    periods
        Of ``fastest``: clock periods whose circuits are looked at as well.
    operands, cycles
        What ``power`` is measured on, and for how long.
    """

    config: Mapping[str, Any]
    target: str
    dsp: bool = False
    period_ns: float | None = None
    seeds: tuple[int, ...] = ()
    periods: tuple[float, ...] = ()
    operands: Operands | None = None
    cycles: int = 0

    @property
    def unit(self) -> AcceleratorConfig:
        """The unit."""
        return AcceleratorConfig.from_dict(dict(self.config))

    @property
    def key(self) -> str:
        """``e4m3-k32-exact/osu018-8ns``: the id of its record."""
        suffix = "-dsp" * self.dsp + (f"-{self.operands}" if self.operands else "")
        suffix += f"-{self.period_ns:g}ns" if self.period_ns is not None else ""
        return f"{unit_key(self.unit)}/{self.target}{suffix}"


def unit_of(record: Record) -> AcceleratorConfig:
    """The unit that a task's record is of."""
    return AcceleratorConfig.from_dict(
        {name: value for name, value in record.config.items() if name in AcceleratorConfig.model_fields}
    )


_WIDE = 16
"""Lanes from which on a unit without a pipeline is mapped lane by lane on standard cells."""


def tasks_of(expanded: Expanded, targets: Targets) -> Iterator[Task]:
    """Every unit on every target."""
    for config in expanded.units.values():
        fields = config.to_dict()
        if targets.generic:
            yield Task(config=fields, target=GENERIC)
        for name in TARGETS:
            for blocks in () if name == GENERIC else getattr(targets, name):
                yield Task(config=fields, target=name, dsp=blocks == "dsp")
        for period in dict.fromkeys((*targets.osu018, *targets.curve)):
            yield Task(config=fields, target=LIBERTY, period_ns=period)
        for period in dict.fromkeys(targets.curve):
            yield Task(config=fields, target=SPREAD, period_ns=period)
        if targets.curve:
            yield Task(config=fields, target=FASTEST, periods=targets.curve)
        if targets.power is not None and config.unit != "array":
            power = targets.power
            for operands in dict.fromkeys(power.operands):
                yield Task(
                    config=fields, target=POWER, operands=operands, period_ns=power.period_ns, cycles=power.cycles
                )
        if targets.clock:
            yield Task(config=fields, target=CLOCK, seeds=targets.clock)


def fingerprint() -> dict[str, str]:
    """What decides a measurement besides the task: sources and tools. Equal on all machines that measure for one study."""
    return {
        "bitmill": __version__,
        "source": source_digest(*SOURCES),
        "amaranth": importlib.metadata.version("amaranth"),
        **{f"tool {name}": version for name, version in tool_versions().items()},
    }


def measure(task: Task) -> Record:
    """The task's record, from the cache where it was measured before.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    found = known(task)
    if found is None:
        found = _record(task, _measured(task))
        keep(task, found)
    return found


def known(task: Task) -> Record | None:
    """The record of an earlier run, if sources, tools and library are the same and it can be read whole."""
    fields = cache.load(_cache_key(task))
    if fields is None:
        return None
    metrics = {name: metric(value, of) for name, (value, of) in fields["metrics"].items()}
    return _record(task, Measured(fields["flow"], metrics, fields["tools"], tuple(fields["seeds"])))


def keep(task: Task, record: Record) -> None:
    """Keep a record for ``known``, whoever measured it."""
    fields = {
        "flow": dict(record.flow),
        "metrics": {name: [entry.value, entry.unit] for name, entry in record.metrics.items()},
        "tools": dict(record.tool_versions),
        "seeds": list(record.seeds),
    }
    cache.store(_cache_key(task), fields)


def _cache_key(task: Task) -> str:
    inputs: dict[str, Any] = {"task": asdict(task), "made by": fingerprint()}
    if task.target in (LIBERTY, FASTEST, SPREAD, POWER):
        inputs["library"] = read_library().sha256
    if task.target == POWER:
        sample = hashlib.sha256(SAMPLE_PATH.read_bytes()).hexdigest()
        inputs["operands"] = [source_digest(*OPERAND_SOURCES), sample, digest_of(read_models())]
    return cache.cache_key("sweep", inputs)


def _record(task: Task, measured: Measured) -> Record:
    return Record(
        id=task.key,
        kind=KINDS.get(task.target, "area"),
        config={
            **task.config,
            "target": task.target,
            "dsp": task.dsp,
            "period_ns": task.period_ns,
            "operands": task.operands,
        },
        unit=unit_key(task.unit),
        flow=measured.flow,
        tool_versions=measured.tools,
        seeds=measured.seeds,
        metrics=measured.metrics,
        study=STUDY,
    )


def _measured(task: Task) -> Measured:
    config = with_multiplier(task.unit, dsp=task.dsp)
    text = verilog_of(config)
    how: dict[str, Callable[[], Measured]] = {
        LIBERTY: lambda: measured_cells(text, verilog.TOP, period_ns=task.period_ns or 0.0, once=_lanes_apart(config)),
        CLOCK: lambda: measured_clock(text, verilog.TOP, seeds=task.seeds),
        FASTEST: lambda: measured_fastest(text, verilog.TOP, periods=task.periods),
        SPREAD: lambda: measured_spread(text, verilog.TOP, period_ns=task.period_ns or 0.0),
        POWER: lambda: measured_power(
            config, operands=task.operands or "layer", period_ns=task.period_ns or 0.0, cycles=task.cycles
        ),
    }
    found = how.get(task.target, lambda: _counted(config, text, task))()
    metrics = {
        "macs": metric(config.macs, "MAC"),
        "accumulator_bits": metric(config.accumulator_bits, "bits"),
        **found.metrics,
    }
    for name in ("logic", "total"):
        if name in metrics:
            metrics[f"{name}_per_mac"] = metric((metrics[name].value or 0) / config.macs, metrics[name].unit)
    if task.target in (LIBERTY, FASTEST):
        # A unit that misses its period runs at the clock that it reaches.
        nanoseconds = max(metrics["period"].value or 0, metrics["delay"].value or 0)
        rate = 1e3 * config.macs / nanoseconds / (metrics["total"].value or 0)
        metrics["throughput_per_area"] = metric(rate, "MMAC/s per GE")
    return Measured({**found.flow, "verilog_sha256": digest_of(text)}, metrics, found.tools, found.seeds)


def _lanes_apart(config: AcceleratorConfig) -> tuple[str, ...]:
    """Lanes of a wide unit without registers, whose logic is one cone that abc takes many minutes for; areas are the same."""
    return mapped_once(config) if config.pipeline == 0 and config.lanes >= _WIDE else ()


def _counted(config: AcceleratorConfig, text: str, task: Task) -> Measured:
    """Cells of a target that Yosys counts."""
    # Gates are optimized across lanes; of LUTs, lanes mapped once are as many to about a percent, in a third of the time.
    once = () if task.target == GENERIC else mapped_once(config)
    result: Synthesis = synthesize(text, verilog.TOP, task.target, dsp=task.dsp, once=once)
    counts = result.counts
    unit = NAND2 if task.target == GENERIC else counts.logic_unit
    metrics = {
        "logic": metric(counts.logic, unit),
        "registers": metric(counts.registers, "flip-flops"),
        "dsp": metric(counts.dsp, "DSP blocks"),
        "carry": metric(counts.carry, "carry cells"),
    }
    if counts.register_area is not None:
        metrics["total"] = metric(counts.logic + counts.register_area, unit)
    flow = {
        "target": task.target,
        "dsp": task.dsp,
        "recipe": result.recipe,
        "tried": dict(result.tried),
        "mapped_once": list(once),
    }
    return Measured({**flow, "counted": COUNTED.get(task.target, "LUTs")}, metrics, result.tools)
