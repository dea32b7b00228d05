"""One unit on one target: what it takes to measure it anywhere, and the record it gives."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ... import __version__
from ...config import AcceleratorConfig
from ...fpga import cache
from ...fpga.cells import TARGETS
from ...fpga.liberty import read_library
from ...fpga.synthesis import Synthesis, synthesize
from ...hdl import verilog
from ...tools import tool_versions
from ..circuits import Measured, measured_cells, measured_clock
from ..committed import digest_of
from ..int_vs_fp.emitted import mapped_once, verilog_of, with_multiplier
from ..int_vs_fp.scales import source_digest
from ..measured import COUNTED, NAND2
from ..records import STUDY, Record, metric
from .study_file import Expanded, Targets, unit_key

GENERIC, LIBERTY, CLOCK = "generic", "osu018", "clock"
SOURCES = ("formats", "hdl", "fpga", "reports", "reports/sweep")
"""Subpackages whose source decides what is measured."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A measurement as plain data, so that it can be sent to another process or machine.

    Attributes
    ----------
    config
        The unit, as ``AcceleratorConfig.to_dict`` gives it.
    target
        ``generic``, ``ice40``, ``ecp5``, ``gowin``, ``xilinx7``, ``osu018`` or ``clock`` (placed and routed on ECP5).
    dsp
        Whether DSP blocks may be used.
    period_ns
        Clock period of ``osu018``, in ns.
    seeds
        Placements of ``clock``.
    """

    config: Mapping[str, Any]
    target: str
    dsp: bool = False
    period_ns: float | None = None
    seeds: tuple[int, ...] = ()

    @property
    def unit(self) -> AcceleratorConfig:
        """The unit."""
        return AcceleratorConfig.from_dict(dict(self.config))

    @property
    def key(self) -> str:
        """``e4m3-k32-exact/osu018-8ns``: the id of its record."""
        suffix = "-dsp" * self.dsp + (f"-{self.period_ns:g}ns" if self.period_ns is not None else "")
        return f"{unit_key(self.unit)}/{self.target}{suffix}"


_MEASURED_WITH = ("target", "dsp", "period_ns")
"""What a record's ``config`` has besides the unit's own fields."""


def unit_of(record: Record) -> AcceleratorConfig:
    """The unit that a task's record is of."""
    return AcceleratorConfig.from_dict(
        {key: value for key, value in record.config.items() if key not in _MEASURED_WITH}
    )


def tasks_of(expanded: Expanded, targets: Targets) -> Iterator[Task]:
    """Every unit on every target."""
    for config in expanded.units.values():
        fields = config.to_dict()
        if targets.generic:
            yield Task(config=fields, target=GENERIC)
        for name in TARGETS:
            for blocks in () if name == GENERIC else getattr(targets, name):
                yield Task(config=fields, target=name, dsp=blocks == "dsp")
        for period in targets.osu018:
            yield Task(config=fields, target=LIBERTY, period_ns=period)
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
    if task.target == LIBERTY:
        inputs["library"] = read_library().sha256
    return cache.cache_key("sweep", inputs)


def _record(task: Task, measured: Measured) -> Record:
    return Record(
        id=task.key,
        kind="area" if task.target != CLOCK else "timing",
        config={**task.config, "target": task.target, "dsp": task.dsp, "period_ns": task.period_ns},
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
        LIBERTY: lambda: measured_cells(text, verilog.TOP, period_ns=task.period_ns or 0.0),
        CLOCK: lambda: measured_clock(text, verilog.TOP, seeds=task.seeds),
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
    return Measured({**found.flow, "verilog_sha256": digest_of(text)}, metrics, found.tools, found.seeds)


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
    flow = {"target": task.target, "dsp": task.dsp, "recipe": result.recipe, "mapped_once": list(once)}
    return Measured({**flow, "counted": COUNTED.get(task.target, "LUTs")}, metrics, result.tools)
