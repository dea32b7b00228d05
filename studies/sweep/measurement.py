"""Measures tasks, and keeps what was measured for the next run and for whoever asks for the same."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ... import __version__
from ...fpga import cache
from ...system.errors import BitmillError
from ...system.processes import metered
from ...system.sources import source_digest
from ...system.tools import tool_versions
from ..circuits import Measured
from ..ids import topic_of, unit_key
from ..libraries import OSU018, key_of, library_named
from ..records import Record, metric
from . import cells, clocks, counted, power
from .task import CELLS, CLOCK, FASTEST, ON_CELLS, POWER, SPREAD, Task

CPU_SECONDS = "cpu_seconds"
"""In a record's flow."""

_MEASURE: Mapping[str, Callable[[Task], Measured]] = {
    CELLS: cells.measured,
    CLOCK: counted.placed,
    FASTEST: clocks.fastest,
    SPREAD: clocks.spread,
    POWER: power.measured,
}
"""Target to what measures it; Yosys counts all others. A function's module is where following imports begins."""


def fingerprint(task: Task) -> dict[str, str]:
    """What decides a measurement besides the task: sources, tools, library. Equal on all machines that measure for one study."""
    return {"source": source_digest(__name__), **_tools(), **_library(task)}


def _tools() -> dict[str, str]:
    return {
        "bitmill": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "amaranth": importlib.metadata.version("amaranth"),
        "numpy": np.__version__,
        **{f"tool {name}": version for name, version in tool_versions().items()},
    }


def _library(task: Task) -> dict[str, str]:
    """Digests of what the task's cell library is made of; of no library where it takes none."""
    if task.target not in ON_CELLS:
        return {}
    try:
        found = {f"library {task.library}": library_named(task.library).sha256}
    except BitmillError:
        return {f"library {task.library}": "missing"}
    return found


def measure(task: Task) -> Record:
    """The task's record, from the cache where it was measured before.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    found = known(task)
    if found is None:
        how = _measuring(task)
        found = record_of(task, timed(how, task) if task.target in ON_CELLS else how(task))
        keep(task, found)
    return found


def timed(how: Callable[[Task], Measured], task: Task) -> Measured:
    """What was measured, with the CPU seconds of this thread and of the tools that had to be run in its flow."""
    started = time.thread_time()
    with metered() as meter:
        found = how(task)
    spent = round(meter.seconds + time.thread_time() - started, 1)
    return replace(found, flow={**found.flow, CPU_SECONDS: spent})


def known(task: Task) -> Record | None:
    """The record of an earlier run, if sources, tools and library are the same and it can be read whole."""
    fields = cache.load(cache_key(task))
    if fields is None:
        return None
    metrics = {name: metric(value, of) for name, (value, of) in fields["metrics"].items()}
    return record_of(task, Measured(fields["flow"], metrics, fields["tools"], tuple(fields["seeds"])))


def keep(task: Task, record: Record) -> None:
    """Keep a record for ``known``, whoever measured it."""
    fields = {
        "flow": dict(record.flow),
        "metrics": {name: [entry.value, entry.unit] for name, entry in record.metrics.items()},
        "tools": dict(record.tool_versions),
        "seeds": list(record.seeds),
    }
    cache.store(cache_key(task), fields)


def cache_key(task: Task) -> str:
    """The key under which the task's measurement is kept: of the task, sources, tools and libraries that decide it."""
    inputs: dict[str, Any] = {
        "task": asdict(task),
        "source": source_digest(_measuring(task).__module__),
        "tools": _tools(),
        "library": _library(task),
    }
    return cache.cache_key("sweep", inputs)


def _measuring(task: Task) -> Callable[[Task], Measured]:
    return _MEASURE.get(task.target, counted.measured)


def record_of(task: Task, measured: Measured) -> Record:
    """The record of what was measured."""
    library = key_of(task.library) if task.target in ON_CELLS else OSU018
    return Record(
        id=task.key,
        topic=topic_of(task.target),
        config={
            **task.config,
            "target": library if task.target == CELLS else task.target,
            # Records of osu018 are older than libraries.
            **({} if library == OSU018 else {"library": library}),
            "dsp": task.dsp,
            "period_ns": task.period_ns,
            "operands": task.operands,
        },
        part=unit_key(task.unit),
        flow=measured.flow,
        tool_versions=measured.tools,
        seeds=measured.seeds,
        metrics=measured.metrics,
    )
