"""Published figures beside ours for the same ratio, and sums over layers: records derived from records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..records import Record, Records, metric

SUMMED = (
    "products",
    "products_matched",
    "products_in_layers",
    "dot_products",
    "mismatches",
    "input_stalls",
    "output_stalls",
    "resets",
)
"""Metrics of verification records that add up over layers."""


@dataclass(frozen=True)
class Claim:
    """A published ratio and which of our records give the same one.

    Attributes
    ----------
    key
        Last part of the record's id.
    claim, source, why
        What was published, by whom, and why our number may differ.
    published
        Published extra cost in percent.
    ours, baseline
        Ids of our records; the extra cost of the first over the second is compared.
    metric
        The metric of both that is compared.
    """

    key: str
    claim: str
    source: str
    published: float
    ours: str
    baseline: str
    metric: str
    why: str


_VAN_BAALEN = "van Baalen et al., arXiv 2303.17951"
_FORMATSCOPE = "FormatScope"
_PEER = "public exact dot product, k = 32, measured by us with Yosys 0.70 on osu018 cells"
CLAIMS: tuple[Claim, ...] = (
    Claim(
        "e4m3-fp32-vs-int8",
        "FP8-E4M3 multiply-accumulate with an FP32 accumulator costs more than INT8 by",
        _VAN_BAALEN,
        183.0,
        "area/e4m3-mac-fp32/generic",
        "area/int8-mac/generic",
        "logic_per_mac",
        "Same question, other counting: they count two-input gates of multiplier and accumulator alone. Our "
        "logic also holds "
        "the pipeline's clock enables, the handshake and the step counter, on both sides of the ratio, and our FP32 "
        "accumulator keeps subnormals, infinities and NaN and rounds to nearest even.",
    ),
    Claim(
        "e4m3-fp16-vs-int8",
        "FP8-E4M3 multiply-accumulate with an FP16 accumulator costs more than INT8 by",
        _VAN_BAALEN,
        53.0,
        "area/e4m3-mac/generic",
        "area/int8-mac/generic",
        "logic_per_mac",
        "We have no FP16 accumulator yet: ours is the exact fixed-point one, which loses nothing and is wider "
        "than INT8's "
        "because E4M3 products span many more exponents.",
    ),
    Claim(
        "e4m3-vs-int8-dot32",
        "a 32-lane FP8-E4M3 dot product is larger than INT8 by",
        _FORMATSCOPE,
        12.6,
        "area/e4m3-dot32/generic",
        "area/int8-dot32/generic",
        "total_per_mac",
        "They align in a window of 24 bits, we keep every bit; they synthesize sky130 cells at a shared clock of "
        "36.6 ns, we count gates without timing and include our pipeline registers.",
    ),
    Claim(
        "e2m1-vs-int4-dot32",
        "a 32-lane MXFP4 dot product is larger than INT4 by",
        _FORMATSCOPE,
        27.1,
        "area/e2m1-dot32/generic",
        "area/int4-dot32/generic",
        "total_per_mac",
        "MXFP4 has a shared E8M0 scale per block, ours is the E2M1 element alone; cells and clock differ as above.",
    ),
    Claim(
        "e4m3-vs-int8-peer",
        "a 32-lane exact E4M3 dot product without registers is larger than INT8 by",
        _PEER,
        100 * (674 / 717 - 1),
        "area/e4m3-dot32/generic",
        "area/int8-dot32/generic",
        "logic_per_mac",
        "674 against 717 gate equivalents per MAC. That unit is combinational; our logic holds the clock enables of "
        "the pipeline, of which E4M3 has more than INT8 because its aligned terms are wider and take a stage of "
        "their own. "
        "Our INT8 multiplier is also the smaller one.",
    ),
)


def derived_records(records: Records) -> Iterator[Record]:
    """Sums over layers of each unit's verification, and the claims whose units were measured."""
    yield from _verification_totals(records)
    for claim in CLAIMS:
        if claim.ours in records and claim.baseline in records:
            ours, baseline = records[claim.ours].number(claim.metric), records[claim.baseline].number(claim.metric)
            unit = records[claim.ours].metrics[claim.metric].unit
            yield Record(
                id=f"claim/{claim.key}",
                kind="claim",
                config={"claim": claim.claim, "source": claim.source},
                unit=records[claim.ours].unit,
                flow={"derived_from": [claim.ours, claim.baseline], "metric": claim.metric},
                tool_versions=dict(records[claim.ours].tool_versions),
                seeds=(),
                metrics={
                    "published": metric(claim.published, "%"),
                    "ours": metric(100 * (ours / baseline - 1), "%"),
                    "ours_cost": metric(ours, unit),
                    "baseline_cost": metric(baseline, unit),
                },
            )


def _verification_totals(records: Records) -> Iterator[Record]:
    by_preset: dict[str, list[Record]] = {}
    for record in records.of_kind("verification"):
        by_preset.setdefault(record.id.split("/")[1], []).append(record)
    for preset, parts in by_preset.items():
        first = parts[0]
        yield Record(
            id=f"verified/{preset}",
            kind="verified",
            config={key: value for key, value in first.config.items() if key != "layers"},
            unit=first.unit,
            flow={"derived_from": [part.id for part in parts], "sum_over": "layers"},
            tool_versions=dict(first.tool_versions),
            seeds=first.seeds,
            metrics={
                name: metric(sum(part.number(name) for part in parts), first.metrics[name].unit) for name in SUMMED
            },
        )
