"""One benchmark's record: what was measured, what was aimed at, and on what machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..records import Metric, Record

STUDY = "bench"
AT_MOST, AT_LEAST = "target_", "at_least_"
"""Prefixes of the metrics that say what is aimed at for the metric of the same name."""


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
