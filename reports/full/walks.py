"""From a paper's setting to ours, one assumption at a time: how much costlier FP is at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...studies.records import Record, Records, metric
from ..published import extra_cost, rows, value_of


@dataclass(frozen=True)
class Step:
    """One comparison of a floating-point unit with an integer unit: what is new, the ids of both's records, and their metric."""

    change: str
    floating: str
    integer: str
    metric: str


@dataclass(frozen=True)
class Walk:
    """A claim of by how many percent floating point is costlier, steps from its setting to ours, and what they say.

    The first step is as near to the paper's setting as this flow comes; ``key`` ends the ids of the records.
    """

    key: str
    claim: str
    source: str
    published: float
    steps: tuple[Step, ...]
    finding: str

    @property
    def published_text(self) -> str:
        """``+12.6 %``."""
        return f"{self.published:+g} %"


WALKS: tuple[Walk, ...] = tuple(
    Walk(
        key=row["figure"],
        claim=row["claim"],
        source=row["source"],
        published=value_of(row["published"]),
        steps=tuple(Step(*step) for step in row["steps"]),
        finding=row["finding"],
    )
    for row in rows("walks")
)


def walk_records(records: Records) -> Iterator[Record]:
    """A record per walk and step: by how much the first unit is costlier, and what both cost.

    Raises
    ------
    BitmillError
        If a unit was not measured.
    """
    for walk in WALKS:
        for index, step in enumerate(walk.steps):
            floating, integer = (records[name] for name in (step.floating, step.integer))
            costs = [record.number(step.metric) for record in (floating, integer)]
            unit = floating.metrics[step.metric].unit
            yield Record(
                id=f"walk/{walk.key}/{index}",
                topic="walk",
                config={"claim": walk.claim, "source": walk.source, "change": step.change},
                part=floating.part,
                flow={"derived_from": [step.floating, step.integer], "metric": step.metric},
                tool_versions=dict(floating.tool_versions),
                metrics={
                    "published": metric(walk.published, "%"),
                    "ours": metric(extra_cost(*costs), "%"),
                    "ours_cost": metric(costs[0], unit),
                    "baseline_cost": metric(costs[1], unit),
                },
            )


def steps_of(records: Records, walk: Walk) -> list[Record]:
    """A walk's records in order."""
    return [records[f"walk/{walk.key}/{index}"] for index in range(len(walk.steps))]
