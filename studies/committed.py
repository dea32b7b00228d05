"""Measurements that an earlier run recorded and that are still of the circuit and the tools at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..system.tools import tool_versions
from .records import Record, Records, digest_of

RESULTS = Path(__file__).parents[1] / "reports" / "results"
"""Committed records, a directory per study; in a checkout, not in an installed package."""


def committed_records(study: str) -> Records:
    """The committed records of a study, none where there is no such file; no file of the user: a study writes it anew."""
    path = RESULTS / study / "records.json"
    text = path.read_text(encoding="utf-8") if path.is_file() else None
    return Records([], study=study) if text is None else Records.from_json(text, source=str(path), study=study)


def still_valid(
    record: Record, verilog: str, *, same: Mapping[str, Any] | None = None, seeds: Sequence[int] | None = None
) -> bool:
    """Whether a record is of this very Verilog, measured with the tools at hand in this very way.

    Parameters
    ----------
    record, verilog
        What was measured, and the circuit at hand.
    same
        What the record's flow must say besides, such as the clock period, the library's digest or the stimulus'.
    seeds
        Those that it must be of, where it is of several.
    """
    now = tool_versions()
    return (
        record.flow.get("verilog_sha256") == digest_of(verilog)
        and all(now.get(tool) == version for tool, version in record.tool_versions.items())
        and all(record.flow.get(name) == value for name, value in (same or {}).items())
        and (seeds is None or tuple(seeds) == record.seeds)
    )


def committed(
    study: str,
    name: str,
    verilog: Callable[[], str],
    *,
    measured_by: str,
    same: Mapping[str, Any] | None = None,
    seeds: Sequence[int] | None = None,
) -> Record | None:
    """A committed record that is ``still_valid``, with its origin in its flow.

    Parameters
    ----------
    study, name
        Where it is, and its id there.
    verilog
        Gives the circuit at hand; called if there is a record.
    measured_by
        The command that made it.
    same, seeds
        As for ``still_valid``.
    """
    records = committed_records(study)
    if name not in records or not still_valid(records[name], verilog(), same=same, seeds=seeds):
        return None
    origin = {"measured_by": measured_by, "record": f"reports/results/{study}/records.json: {name}"}
    return replace(records[name], flow={**records[name].flow, **origin})
