"""The records of a study: one flat list, written as JSON and CSV, read back, and looked up by renderers."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any

from ..system.errors import BitmillError
from ..system.files import read_text, reading
from .renamed import renamed

RECORDS_BYTES = 1 << 28
"""Longest file of records that is read; the full study's are a hundredth of it."""

INT_VS_FP = "int-vs-fp"
"""The study whose records are read and written unless another is named."""

BITMOD = "bitmod"
"""The study of BitMoD and the schemes around it."""

NONLINEAR = "nonlinear"
"""The study of the integer-only non-linear units."""

FULL = "int-vs-fp-full"
"""The cost study behind INT versus FP: every axis switched, clocks, energy, the cost models and every published claim."""

STUDY = "study"
"""Studies that users write themselves, as a file of axes and targets."""

SCHEMA = 2
"""Of files; those of schema 1 are read under the names that ``renamed`` gives their records."""


@dataclass(frozen=True)
class Metric:
    """One number with its unit; None where the quantity does not exist, such as the SQNR of an exact result."""

    value: float | int | None
    unit: str


@dataclass(frozen=True)
class Record:
    """One measurement or one figure derived from others.

    Attributes
    ----------
    id
        Unique in the study, path-like: ``area/e4m3-dot32/generic``.
    topic
        What it tells of, which files call ``kind``: ``layer``, ``accuracy``, ``area``, ``breakdown``, ``timing``,
        ``verification`` or ``claim``.
    config
        What was measured: the unit's configuration, or layer, formats and scale policy.
    part
        What of the study was measured, which files call ``unit``: ``mac``, ``dot32``, ``serial-pe``; empty where it is none
        of its parts.
    flow
        How it was measured; for derived figures the ids they are derived from.
    tool_versions, seeds
        What it takes to repeat it.
    metrics
        The numbers by name.
    """

    id: str
    topic: str
    config: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    flow: Mapping[str, Any] = field(default_factory=dict)
    tool_versions: Mapping[str, str] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def number(self, metric: str) -> float:
        """The value of a metric.

        Raises
        ------
        BitmillError
            If the record has no such metric or the metric no value.
        """
        found = self.metrics.get(metric)
        if found is None or found.value is None:
            raise BitmillError(f"record {self.id} has no value {metric!r}; it has {', '.join(self.metrics)}")
        return found.value


class Records:
    """All records of a study by id, in order.

    Raises
    ------
    BitmillError
        If two records have the same id.
    """

    def __init__(self, records: Iterable[Record], *, study: str = INT_VS_FP) -> None:
        self.study = study
        self._by_id: dict[str, Record] = {}
        for record in records:
            if record.id in self._by_id:
                raise BitmillError(f"record id must be unique, not {record.id!r} twice")
            self._by_id[record.id] = record

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, record_id: str) -> bool:
        return record_id in self._by_id

    def __getitem__(self, record_id: str) -> Record:
        if record_id not in self._by_id:
            raise BitmillError(f"records have no {record_id!r}; run the study {self.study} again")
        return self._by_id[record_id]

    def of_kind(self, kind: str) -> list[Record]:
        """The records of one kind, in order."""
        return [record for record in self if record.topic == kind]

    def plus(self, more: Iterable[Record]) -> Records:
        """These records and more of the same study."""
        return Records([*self, *more], study=self.study)

    def to_json(self) -> str:
        """The text of ``records.json``: keys in a fixed order, one study a file."""
        document = {"schema": SCHEMA, "study": self.study, "records": [_plain(record, self.study) for record in self]}
        return json.dumps(document, indent=1, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """The text of ``records.csv``: one line per metric. How each was measured is in the JSON, by id."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["id", "study", "kind", "unit", "metric", "value", "metric_unit", "tools", "seeds"])
        for record in self:
            tools = " ".join(f"{tool}={version}" for tool, version in record.tool_versions.items())
            seeds = " ".join(map(str, record.seeds))
            for name, metric in record.metrics.items():
                value = "" if metric.value is None else metric.value
                writer.writerow(
                    [record.id, self.study, record.topic, record.part, name, value, metric.unit, tools, seeds]
                )
        return out.getvalue()

    @classmethod
    def from_json(cls, text: str, *, source: str = "records.json", study: str = INT_VS_FP) -> Records:
        """Read what ``to_json`` wrote.

        Raises
        ------
        BitmillError
            If the text is no JSON, of another study or schema, or a record lacks a field.
        """
        with reading(source, "a records file of bitmill"):
            document = json.loads(text, parse_constant=_refuse)
            rows, schema = document["records"], document["schema"]
            if schema == 1:
                rows, schema = [renamed(study, row) for row in rows], SCHEMA
            if document["study"] != study or schema != SCHEMA:
                raise BitmillError(
                    f"{source}: study and schema must be {study!r} and {SCHEMA}, not {document['study']!r} and "
                    f"{document['schema']!r}"
                )
            return cls((_record(row, study) for row in rows), study=study)

    @classmethod
    def load(cls, path: Path, *, study: str = INT_VS_FP) -> Records:
        """Read a ``records.json``.

        Raises
        ------
        BitmillError
            If the file cannot be read, or as ``from_json``.
        """
        text = read_text(path, "a records file of bitmill", called="the records", limit=RECORDS_BYTES)
        return cls.from_json(text, source=str(path), study=study)


def metric(value: float | int, unit: str) -> Metric:
    """A metric of a plain Python number; infinities and NaN, which JSON has none of, become None."""
    plain = int(value) if isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15) else float(value)
    return Metric(plain if math.isfinite(plain) else None, unit)


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def digest_of(text: str) -> str:
    """SHA-256 of text, by which a record names the circuit or the stimulus that was measured."""
    return hashlib.sha256(text.encode()).hexdigest()


_WRITTEN = {"topic": "kind", "part": "unit"}
"""What files call fields, where that is not their name."""


def _plain(record: Record, study: str) -> dict[str, Any]:
    row = {_WRITTEN.get(name, name): value for name, value in asdict(record).items()}
    return {"id": row.pop("id"), "study": study, **row}


def _record(row: Mapping[str, Any], study: str) -> Record:
    if row["study"] != study:
        raise BitmillError(f"record {row['id']}: study must be {study!r}, not {row['study']!r}")
    fields = {field.name: row[_WRITTEN.get(field.name, field.name)] for field in dataclass_fields(Record)}
    metrics = {name: Metric(entry["value"], entry["unit"]) for name, entry in row["metrics"].items()}
    return Record(**{**fields, "seeds": tuple(row["seeds"]), "metrics": metrics})
