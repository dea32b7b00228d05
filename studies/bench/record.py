"""One benchmark's record: what was measured, what was aimed at, and on what machine."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..records import Metric, Record

STUDY = "bench"
AT_MOST, AT_LEAST = "target_", "at_least_"
"""Prefixes of the metrics that say what is aimed at for the metric of the same name."""


def median_seconds(work: Callable[[], object], repeats: int, *, fresh: Callable[[], None] | None = None) -> float:
    """Median wall time of ``repeats`` calls: after one that warms caches up, or each after ``fresh`` emptied them."""
    (fresh or work)()
    times = []
    for _ in range(repeats):
        if fresh is not None:
            fresh()
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def bench_record(
    identifier: str,
    config: Mapping[str, Any],
    flow: Mapping[str, Any],
    metrics: Mapping[str, Metric],
    *,
    tools: Mapping[str, str] | None = None,
    seeds: Sequence[int] = (),
) -> Record:
    """A record of the benchmarks; ``flow`` is completed by the machine's core count and the versions of Python and NumPy."""
    return Record(
        id=identifier,
        topic="bench",
        config=config,
        flow={**flow, "cores": os.cpu_count(), "python": platform.python_version(), "numpy": np.__version__},
        tool_versions=dict(tools or {}),
        seeds=tuple(seeds),
        metrics=metrics,
    )
