"""Measures tasks, and keeps what was measured for the next run and for whoever asks for the same."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...fpga import cache
from ...fpga.liberty import DEFAULT_LIBRARY
from ...system.sources import source_digest
from ...system.tools import tool_versions
from ..circuits import Measured
from ..ids import topic_of, unit_key
from ..records import Record, metric
from . import cells, clocks, counted, placed, power
from .task import CLOCK, FASTEST, LIBERTY, POWER, SPREAD, Task

_MEASURE: Mapping[str, Callable[[Task], Measured]] = {
    LIBERTY: cells.measured,
    CLOCK: placed.measured,
    FASTEST: clocks.fastest,
    SPREAD: clocks.spread,
    POWER: power.measured,
}
"""Target to what measures it; Yosys counts all others. A function's module is where following imports begins."""


_ON_CELLS = (LIBERTY, FASTEST, SPREAD, POWER)
"""Targets that take the cell library."""


def fingerprint() -> dict[str, str]:
    """What decides measurements besides the task: sources, tools, libraries. Equal on all machines that measure for one study."""
    return {"source": source_digest(__name__), **_tools(), **_libraries()}


def _tools() -> dict[str, str]:
    return {
        "bitmill": __version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "amaranth": importlib.metadata.version("amaranth"),
        "numpy": np.__version__,
        **{f"tool {name}": version for name, version in tool_versions().items()},
    }


def _libraries() -> dict[str, str]:
    """Digests of what osu018 is made of."""
    paths = {"library osu018": DEFAULT_LIBRARY, "models of osu018": DEFAULT_LIBRARY.with_suffix(".v")}
    return {name: _digest_of_file(path) for name, path in paths.items()}


def _digest_of_file(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return "missing"


def measure(task: Task) -> Record:
    """The task's record, from the cache where it was measured before.

    Raises
    ------
    BitmillError
        If a tool is missing or fails.
    """
    found = known(task)
    if found is None:
        found = record_of(task, _measuring(task)(task))
        keep(task, found)
    return found


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
        "libraries": _libraries() if task.target in _ON_CELLS else {},
    }
    return cache.cache_key("sweep", inputs)


def _measuring(task: Task) -> Callable[[Task], Measured]:
    return _MEASURE.get(task.target, counted.measured)


def record_of(task: Task, measured: Measured) -> Record:
    """The record of what was measured."""
    return Record(
        id=task.key,
        topic=topic_of(task.target),
        config={
            **task.config,
            "target": task.target,
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
