"""Measurements that the benchmarks made before and that are still of the unit and the tools at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...config import AcceleratorConfig
from ...tools import tool_versions
from ..records import INT_VS_FP, Record, Records
from .emitted import digest_of, verilog_of

BENCH_RECORDS = Path(__file__).parents[1] / "results" / "bench" / "records.json"
"""What ``make bench`` measured; in a checkout, not in an installed package."""


def bench_records() -> Records:
    """The committed benchmarks, none where there is no such file."""
    return Records.load(BENCH_RECORDS, study="bench") if BENCH_RECORDS.is_file() else Records([], study="bench")


def committed(name: str, config: AcceleratorConfig, *, record_id: str, kind: str, unit: str) -> Record | None:
    """A benchmark's record as one of this study, if it is of this very Verilog with these tools.

    Parameters
    ----------
    name
        Its id among the benchmarks.
    config
        The unit at hand.
    record_id, kind, unit
        What it is called in this study.
    """
    records = bench_records()
    if name not in records:
        return None
    found, now = records[name], tool_versions()
    same_tools = all(now.get(tool) == version for tool, version in found.tool_versions.items())
    if not same_tools or found.flow["verilog_sha256"] != digest_of(verilog_of(config)):
        return None
    source = {"measured_by": "make bench", "record": f"reports/results/bench/records.json: {name}"}
    return replace(found, id=record_id, kind=kind, unit=unit, flow={**found.flow, **source}, study=INT_VS_FP)
