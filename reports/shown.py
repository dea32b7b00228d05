"""Numbers of records as text, each with the record and metric it is, and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ..studies.records import Record, Records
from ..system.errors import BitmillError

DASH = "\N{EN DASH}"
"""Where the study has no such number."""


@dataclass(frozen=True)
class Number:
    """A number as shown, and the record and metric it is."""

    text: str
    record: str
    metric: str


Cell = str | Number


@dataclass(frozen=True)
class Table:
    """A table of a report; ``note`` says what the columns mean and where the numbers come from."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def number(records: Records, record_id: str, metric: str, digits: int = 0, *, signed: bool = False) -> Number:
    """A metric as text: ``digits`` after the point, thousands apart, ``exact`` where it has no value."""
    record = records[record_id]
    if metric not in record.metrics:
        raise BitmillError(f"record {record_id} has no value {metric!r}; it has {', '.join(record.metrics)}")
    value = record.metrics[metric].value
    return Number("exact" if value is None else shown(value, digits, signed=signed), record_id, metric)


def shown(value: float, digits: int = 0, *, signed: bool = False) -> str:
    """A number as text, in the one way that tables, sentences and pictures share."""
    return f"{value:{'+' if signed else ''},.{digits}f}"


def optional(records: Records, record_id: str, metric: str, digits: int = 0) -> Cell:
    """``number``, or a dash where the study has no such record."""
    return number(records, record_id, metric, digits) if record_id in records else DASH


Column = str | tuple[str, int] | Callable[[Record], Cell]
"""A metric of a record, with digits after the point where it has some, or what is made of the record."""


def of_config(name: str) -> Callable[[Record], Cell]:
    """A column of what records' configurations say."""
    return lambda record: str(record.config[name])


def of_records(
    records: Records, found: Iterable[Record], title: str, note: str, columns: Mapping[str, Column]
) -> Table:
    """A table with a row per record; columns by their heads."""

    def cell(record: Record, column: Column) -> Cell:
        if callable(column):
            return column(record)
        name, digits = (column, 0) if isinstance(column, str) else column
        return number(records, record.id, name, digits)

    rows = tuple(tuple(cell(record, column) for column in columns.values()) for record in found)
    return Table(title, note, tuple(columns), rows)


def tool_versions(records: Records) -> dict[str, str]:
    """Every tool in any record with its version; several versions are all named."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for tool, version in record.tool_versions.items():
            found.setdefault(tool, {})[version] = None
    return {tool: ", ".join(versions) for tool, versions in sorted(found.items())}


def tools_named(records: Records, kind: str) -> str:
    """``Yosys 0.70`` style list of the tools of one kind of record."""
    versions: dict[str, str] = {}
    for record in records.of_kind(kind):
        versions.update(record.tool_versions)
    return ", ".join(f"{tool} {version}" for tool, version in sorted(versions.items()))
