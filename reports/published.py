"""Published figures that reports compare with, from one table, and the records that put ours beside them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..studies.records import Metric, Record, Records, metric
from .shown import DASH, Cell, Table, number

TABLE = Path(__file__).with_name("published.toml")
"""The table; its head says how it is laid out."""


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def rows(section: str) -> list[dict[str, Any]]:
    """The rows of a section, those that name a figure with what the table says of it, sources in full."""
    table = _table()
    found = ({**table["figures"].get(row.get("figure"), {}), **row} for row in table[section])
    return [{**row, "source": table["sources"].get(row.get("source"), row.get("source"))} for row in found]


def value_of(published: str, *, extra: bool = False) -> float:
    """A figure as it was written, or the ratio of two; ``extra`` by how many percent the first of these is more."""
    first, _, second = published.partition("/")
    value = float(first) / float(second or 1)
    return 100 * (value - 1) if extra else value


def digits_of(published: str) -> int:
    """Digits after the point that a figure was written with."""
    mantissa, _, exponent = published.partition("e")
    return max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A published figure, the same of ours, and why they differ.

    ``published`` is None where there is a statement without a figure; ``figure`` makes ours from the metrics that ``ours`` names
    with their records; ``key`` ends the record's id, and ``more`` is what else the record says.
    """

    key: str
    claim: str
    source: str
    published: float | None
    unit: str
    ours: Sequence[tuple[str, str]] = ()
    figure: Callable[..., float] = lambda first, second=1.0: first / second
    why: str
    more: Mapping[str, Any] | None = None

    def record(self, records: Records) -> Record:
        """Both figures; ours only where there is one."""
        sources = [(records[name], name_of) for name, name_of in self.ours]
        values = [source.number(name_of) for source, name_of in sources]
        found: dict[str, Metric] = {}
        if self.published is not None:
            found["published"] = metric(self.published, self.unit)
        if values:
            found["ours"] = metric(self.figure(*values), self.unit)
        if self.figure is extra_cost:
            for name, value, (source, name_of) in zip(("ours_cost", "baseline_cost"), values, sources, strict=True):
                found[name] = metric(value, source.metrics[name_of].unit)
        return Record(
            id=f"claim/{self.key}",
            topic="claim",
            config={"claim": self.claim, "source": self.source, "why": self.why, **(self.more or {})},
            part=sources[0][0].part if sources else "",
            flow={"derived_from": [f"{name}: {name_of}" for name, name_of in self.ours]},
            tool_versions=dict(sources[0][0].tool_versions) if sources else {},
            metrics=found,
        )


def claim_of(row: Mapping[str, Any], **more: Any) -> Claim:
    """The claim that a row of the table states; ``more`` has what it leaves out or says in another way."""
    stated = {name: row[name] for name in ("claim", "source", "unit", "why")}
    return Claim(
        **{"key": row.get("key", row.get("figure")), **stated, "published": value_of(row["published"]), **more}
    )


def extra_cost(ours: float, baseline: float) -> float:
    """By how many percent the first costs more."""
    return 100 * (ours / baseline - 1)


def claim_records(claims: Iterable[Claim], records: Records) -> Iterator[Record]:
    """A record of every claim whose counterparts of ours are there, or that has none."""
    for claim in claims:
        if all(name in records for name, _ in claim.ours):
            yield claim.record(records)


def claims_table(
    records: Records,
    title: str,
    note: str,
    digits: Callable[[Record, str], int],
    *,
    stated: str = "published",
    costs: bool = False,
    unit: bool = True,
) -> Table:
    """Published figures beside ours.

    Parameters
    ----------
    records
        With those of claims.
    title, note
        Of the table.
    digits
        After the point of a record's metric.
    stated
        What the column of published figures is called.
    costs
        Whether extra costs are signed and have the two costs that they are the ratio of beside them.
    unit
        Whether there is a column of units.
    """
    body = []
    for record in records.of_kind("claim"):
        is_extra = costs and "ours_cost" in record.metrics

        def cell(name: str, record: Record = record, *, signed: bool = False) -> Cell:
            if name not in record.metrics:
                return DASH
            return number(records, record.id, name, digits(record, name), signed=signed)

        of = (record.metrics.get("published") or record.metrics["ours"]).unit
        body.append((
            record.config["claim"],
            record.config["source"],
            *(cell(name, signed=is_extra) for name in ("published", "ours")),
            *([of] if unit else []),
            *(cell(name) for name in ("ours_cost", "baseline_cost") if costs),
            record.config["why"],
        ))  # fmt: skip
    header = ("claim", "source", stated, "ours", *(["unit"] if unit else []))
    beside = ("our cost", "our cost it is compared with") if costs else ()
    return Table(title, note, (*header, *beside, "why they differ"), tuple(body))
