"""Figures derived from records: errors relative to BitMoD's, and published figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST, PERIODS_NS
from ...studies.records import BITMOD, Record, Records, metric
from ..published import Claim, claim_records, rows, value_of
from .costs import cost_records, generator_record

MAIN = "8ns"
"""The clock of the summary, and of what published areas are compared with."""
REFERENCE_SCHEMES = {3: "bitmod-fp3", 4: "bitmod-fp4"}
"""What schemes of so many bits are compared with; wider ones with the last."""

PAPER_GAIN = value_of("3937.4 / 1507.7")
"""Throughput per area of BitMoD's PE over the FP16 PE's at 4 bits, two products a cycle over the paper's areas."""


def claims() -> list[Claim]:
    """Every figure to compare."""
    return [
        Claim(
            key=row["key"], claim=row["claim"], source=row["source"], published=round(value_of(row["published"]), 4),
            unit=row["unit"], ours=[(name, name_of) for name, name_of in row["ours"]], why=row["why"],
        )
        for row in rows("bitmod")
    ]  # fmt: skip


def derived_records(records: Records) -> Iterator[Record]:
    """Costs in a tile, comparisons of schemes, and every claim whose figures are there."""
    costs = list(cost_records(records))
    yield from costs
    known = Records([*records, *costs], study=BITMOD)
    for label in (*(f"{period:g}ns" for period in PERIODS_NS), BEST):
        if f"cost/serial/{label}" in known:
            yield generator_record(records, label)
    yield from _comparisons(records)
    yield from claim_records(claims(), known)


def _comparisons(records: Records) -> Iterator[Record]:
    for record in records.of_kind("weights"):
        scheme = BLOCKS[record.config["scheme"]]
        reference = f"weights/{REFERENCE_SCHEMES.get(scheme.bits, REFERENCE_SCHEMES[4])}"
        if reference not in records or not records[reference].number("mse"):
            continue
        base = records[reference]
        yield Record(
            id=f"compare/{record.id.removeprefix('weights/')}",
            topic="compare",
            config={**record.config, "reference": reference},
            flow={"derived_from": [record.id, reference]},
            metrics={
                "mse": metric(record.number("mse") / base.number("mse"), "times"),
                "bits": metric(record.number("bits_per_weight") - base.number("bits_per_weight"), "bit"),
            },
        )
