"""Measurements that an earlier run recorded and that are still of the circuit and the tools at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..tools import tool_versions
from .records import Record, Records, digest_of

RESULTS = Path(__file__).parent / "results"
"""Committed records, a directory per study; in a checkout, not in an installed package."""


def committed_records(study: str) -> Records:
    """The committed records of a study, none where there is no such file."""
    path = RESULTS / study / "records.json"
    return Records.load(path, study=study) if path.is_file() else Records([], study=study)


def still_valid(record: Record, verilog: str) -> bool:
    """Whether a record is of this very Verilog, measured with the tools at hand."""
    now = tool_versions()
    same_tools = all(now.get(tool) == version for tool, version in record.tool_versions.items())
    return same_tools and record.flow.get("verilog_sha256") == digest_of(verilog)


def committed(study: str, name: str, verilog: Callable[[], str], *, measured_by: str) -> Record | None:
    """A committed record that is ``still_valid``, with its origin in its flow.

    Parameters
    ----------
    study, name
        Where it is, and its id there.
    verilog
        Gives the circuit at hand; called if there is a record.
    measured_by
        The command that made it.
    """
    records = committed_records(study)
    if name not in records or not still_valid(records[name], verilog()):
        return None
    origin = {"measured_by": measured_by, "record": f"reports/results/{study}/records.json: {name}"}
    return replace(records[name], flow={**records[name].flow, **origin})
