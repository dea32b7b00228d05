"""Published figures beside ours for the same ratio, and sums over layers: records derived from records."""

from __future__ import annotations

from collections.abc import Iterator

from ...studies.int_vs_fp.accumulators import worst_records
from ...studies.int_vs_fp.arrays import clock_ratio_records
from ...studies.records import Record, Records, metric
from ..published import Claim, claim_of, claim_records, extra_cost, rows, value_of

SUMMED = (
    "products", "products_matched", "products_in_layers", "dot_products", "mismatches", "input_stalls", "output_stalls", "resets",
)  # fmt: skip
"""Metrics of verification records that add up over layers."""


def claims() -> list[Claim]:
    """Every figure to compare: extra costs, or where there is nothing to compare ours with the figure itself."""
    return [
        claim_of(
            row, published=value_of(row["published"], extra=row.get("extra", False)),
            ours=[(name, row["metric"]) for name in row["ours"]], figure=extra_cost if len(row["ours"]) > 1 else float,
        )
        for row in rows("int-vs-fp")
    ]  # fmt: skip


def derived_records(records: Records) -> Iterator[Record]:
    """Sums over layers of verifications, clocks of arrays over MACs', worst layers of accumulators, and every claim that
    has its units measured.
    """
    yield from _verification_totals(records)
    yield from clock_ratio_records(records)
    yield from worst_records(records)
    yield from claim_records(claims(), records)


def _verification_totals(records: Records) -> Iterator[Record]:
    by_preset: dict[str, list[Record]] = {}
    for record in records.of_kind("verification"):
        by_preset.setdefault(record.id.split("/")[1], []).append(record)
    for preset, parts in by_preset.items():
        first = parts[0]
        yield Record(
            id=f"verified/{preset}",
            topic="verified",
            config={key: value for key, value in first.config.items() if key != "layers"},
            part=first.part,
            flow={"derived_from": [part.id for part in parts], "sum_over": "layers"},
            tool_versions=dict(first.tool_versions),
            seeds=first.seeds,
            metrics={
                name: metric(sum(part.number(name) for part in parts), first.metrics[name].unit) for name in SUMMED
            },
        )
