"""Published figures beside ours for the same ratio, and sums over layers: records derived from records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...studies.int_vs_fp.accumulators import worst_records
from ...studies.int_vs_fp.arrays import clock_ratio_records
from ...studies.records import Record, Records, metric

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
    """A published figure and which of our records give the same one.

    Attributes
    ----------
    key
        Last part of the record's id.
    claim, source, why
        What was published, by whom, and why our number may differ.
    published
        Published extra cost in percent, or without a baseline the figure itself.
    ours, baseline
        Ids of our records; the extra cost of the first over the second is compared, or without a second the first itself.
    metric
        The metric of both that is compared.
    """

    key: str
    claim: str
    source: str
    published: float
    ours: str
    baseline: str | None
    metric: str
    why: str


_VAN_BAALEN = "van Baalen et al., arXiv 2303.17951"
_FORMATSCOPE = "FormatScope"
_PEER = "public exact dot product, k = 32, measured by us with Yosys 0.70 on osu018 cells"
_PEER_ARRAY = "best public AXI-Stream INT8 array, measured by us with Yosys 0.70 and nextpnr-ecp5"
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
        "area/e4m3-mac-fp16/generic",
        "area/int8-mac/generic",
        "logic_per_mac",
        "As above. Our FP16 accumulator takes every product exactly, down to the least subnormal one, before its one "
        "rounding.",
    ),
    Claim(
        "e4m3-vs-int8-dot32",
        "a 32-lane FP8-E4M3 dot product is larger than INT8 by",
        _FORMATSCOPE,
        12.6,
        "area/e4m3-dot32-window24/generic",
        "area/int8-dot32/generic",
        "total_per_mac",
        "Both align in a window of 24 bits; ours has guard, round and sticky bits below it. They synthesize sky130 cells at a "
        "shared clock of 36.6 ns, we count gates without timing and include our pipeline registers, of which E4M3 has more. "
        "Their own RTL, without registers, takes 817 (INT8) and 851 (E4M3) gate equivalents per MAC in our flow on osu018 cells.",
    ),
    Claim(
        "e4m3-window32-vs-24",
        "a 32-lane FP8-E4M3 dot product with a window of 32 instead of 24 bits is larger by",
        _FORMATSCOPE,
        17.0,
        "area/e4m3-dot32-window32/generic",
        "area/e4m3-dot32-window24/generic",
        "total_per_mac",
        "Counted as above.",
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
    Claim(
        "int8-4x4-lut4",
        "LUT4 per MAC of an INT8 4x4 array without DSP blocks",
        _PEER_ARRAY,
        404.0,
        "area/int8-4x4/ecp5",
        None,
        "lut4_per_mac",
        "Same Yosys, same count, 32-bit accumulator in both. In this flow a plain 8x8 multiplication alone takes 306 LUT4, more "
        "than all of our PE, whose multiplier is rows on carry chains.",
    ),
    Claim(
        "int8-4x4-lut4-dsp",
        "LUT4 per MAC of an INT8 4x4 array with one DSP block per PE",
        _PEER_ARRAY,
        99.0,
        "area/int8-4x4/ecp5-dsp",
        None,
        "lut4_per_mac",
        "As above, but the multiplier is the same DSP block in both: the rest is accumulator, way out and handshake.",
    ),
    Claim(
        "int8-4x4-fmax",
        "clock of an INT8 4x4 array without DSP blocks",
        _PEER_ARRAY,
        113.0,
        "timing/int8-4x4/ecp5",
        None,
        "fmax",
        "Same nextpnr, part and speed grade; median over the placements of either.",
    ),
    Claim(
        "int8-4x4-fmax-dsp",
        "clock of an INT8 4x4 array with DSP blocks",
        _PEER_ARRAY,
        127.0,
        "timing/int8-4x4/ecp5-dsp",
        None,
        "fmax",
        "As above.",
    ),
    Claim(
        "int8-8x8-cycles",
        "cycles of a 64x64x64 product on an INT8 8x8 array, fill and drain included",
        _PEER_ARRAY,
        4120.0,
        "cycles/int8-8x8/64x64x64",
        None,
        "cycles",
        "Both keep all PEs busy but for one fill and one drain; the rest is the depth of the pipeline. Ours is counted from the "
        "first step's transfer to the last result's.",
    ),
)


def derived_records(records: Records) -> Iterator[Record]:
    """Sums over layers of verifications, clocks of arrays over MACs', worst layers of accumulators, and every claim that
    has its units measured.
    """
    yield from _verification_totals(records)
    yield from clock_ratio_records(records)
    yield from worst_records(records)
    for claim in CLAIMS:
        sources = [claim.ours] if claim.baseline is None else [claim.ours, claim.baseline]
        if all(source in records for source in sources):
            yield _claim_record(claim, [records[source] for source in sources])


def _claim_record(claim: Claim, sources: list[Record]) -> Record:
    first = sources[0]
    unit = first.metrics[claim.metric].unit
    ours, *baselines = (source.number(claim.metric) for source in sources)
    metrics = {"published": metric(claim.published, unit), "ours": metric(ours, unit)}
    for baseline in baselines:
        metrics = {
            "published": metric(claim.published, "%"),
            "ours": metric(100 * (ours / baseline - 1), "%"),
            "ours_cost": metric(ours, unit),
            "baseline_cost": metric(baseline, unit),
        }
    return Record(
        id=f"claim/{claim.key}",
        topic="claim",
        config={"claim": claim.claim, "source": claim.source},
        part=first.part,
        flow={"derived_from": [source.id for source in sources], "metric": claim.metric},
        tool_versions=dict(first.tool_versions),
        metrics=metrics,
    )


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
