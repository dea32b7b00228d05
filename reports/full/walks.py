"""From a paper's setting to ours, one assumption at a time: how much costlier FP is at every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...studies.records import Record, Records, metric

VAN_BAALEN = "van Baalen et al., arXiv 2303.17951"
FORMATSCOPE = "FormatScope"


@dataclass(frozen=True)
class Step:
    """One comparison of a floating-point unit with an integer unit.

    Attributes
    ----------
    change
        What is different from the step before.
    floating, integer
        Ids of the two units' records.
    metric
        Of both.
    """

    change: str
    floating: str
    integer: str
    metric: str


@dataclass(frozen=True)
class Walk:
    """A claim, and steps from its setting to ours.

    Attributes
    ----------
    key
        Last part of the ids of its records.
    claim, source
        What was published, and by whom.
    published
        By how many percent floating point is costlier.
    steps
        The first is as near to the paper's setting as this flow comes.
    finding
        What the steps say; ``{0:+.0f}`` and so on are the steps' percentages.
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


def _of(target: str, floating: str, integer: str, change: str, metric: str = "total_per_mac") -> Step:
    return Step(change, f"{floating}/{target}", f"{integer}/{target}", metric)


def _parts(floating: str, integer: str, change: str, metric: str = "arithmetic") -> Step:
    return Step(change, f"parts/{floating}", f"parts/{integer}", metric)


_TO_MANY_LANES = (
    _of("generic", "e4m3-k1-exact-p0", "int8-k1-exact-p0", "exact (Kulisch) accumulator for both"),
    _of("generic", "e4m3-k8-exact-p0", "int8-k8-exact-p0", "8 products share an accumulator"),
    _of("generic", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "32 products share an accumulator"),
    _of("osu018-36.6ns", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "standard cells at a slow shared clock, 36.6 ns"),
    _of("osu018-25.5ns", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "at a shared clock of 25.5 ns"),
    _of("osu018-25.5ns", "e4m3-k32-exact", "int8-k32-exact", "pipelined"),
    _of("osu018-10ns", "e4m3-k32-exact", "int8-k32-exact", "at a shared clock of 10 ns"),
)

WALKS: tuple[Walk, ...] = (
    Walk(
        key="van-baalen-fp32",
        claim="FP8-E4M3 with an FP32 accumulator costs more than INT8 by",
        source=VAN_BAALEN,
        published=183.0,
        steps=(
            _parts("e4m3-k1-fp32-p0", "int8-k1-exact-p0", "their setting: gates of multiplier and accumulator alone"),
            _parts("e4m3-k1-fp32-p0", "int8-k1-exact-p0", "the whole unit: handshake and step counter", "logic_per_mac"),
            _of("generic", "e4m3-k1-fp32-p0", "int8-k1-exact-p0", "optimized across its parts", "logic_per_mac"),
            _of("generic", "e4m3-k1-fp32-p0", "int8-k1-exact-p0", "registers counted, 6 NAND2-equivalents each"),
            _of("generic", "e4m3-k1-fp16-p0", "int8-k1-exact-p0", "FP16 accumulator"),
            *_TO_MANY_LANES,
        ),
        finding="Nearly all of it is the accumulator, which aligns, normalises and rounds for every product, not FP8.",
    ),
    Walk(
        key="van-baalen-fp16",
        claim="FP8-E4M3 with an FP16 accumulator costs more than INT8 by",
        source=VAN_BAALEN,
        published=53.0,
        steps=(
            _parts("e4m3-k1-fp16-p0", "int8-k1-exact-p0", "their setting: gates of multiplier and accumulator alone"),
            _parts("e4m3-k1-fp16-p0", "int8-k1-exact-p0", "the whole unit: handshake and step counter", "logic_per_mac"),
            _of("generic", "e4m3-k1-fp16-p0", "int8-k1-exact-p0", "optimized across its parts", "logic_per_mac"),
            _of("generic", "e4m3-k1-fp16-p0", "int8-k1-exact-p0", "registers counted, 6 NAND2-equivalents each"),
            *_TO_MANY_LANES,
        ),
        finding="As above, with the smaller accumulator: it still shifts, normalises and rounds for every product.",
    ),
    Walk(
        key="formatscope-fp8",
        claim="a 32-lane FP8-E4M3 dot product is larger than INT8 by",
        source=FORMATSCOPE,
        published=12.6,
        steps=(
            _of("generic", "e4m3-k32-window24-p0", "int8-k32-exact-p0", "their setting: 24-bit window, no registers inside"),
            _of("generic", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "exact sum instead of the window"),
            _of("osu018-36.6ns", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "standard cells at their shared clock, 36.6 ns"),
            _of("osu018-36.6ns", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "logic alone", "logic_per_mac"),
            _of("osu018-25.5ns", "e4m3-k32-exact-p0", "int8-k32-exact-p0", "at a shared clock of 25.5 ns", "logic_per_mac"),
            _of("osu018-25.5ns", "e4m3-k32-exact", "int8-k32-exact", "pipelined", "logic_per_mac"),
            _of("osu018-25.5ns", "e4m3-k32-exact", "int8-k32-exact-columns", "the smallest INT8 unit", "logic_per_mac"),
            _of("osu018-25.5ns", "e4m3-k32-exact", "int8-k32-exact-columns", "registers counted"),
        ),
        finding="A window costs more than an exact sum; registers and a smaller INT8 multiplier widen the gap again.",
    ),
    Walk(
        key="formatscope-mxfp4",
        claim="a 32-lane MXFP4 dot product is larger than INT4 by",
        source=FORMATSCOPE,
        published=27.1,
        steps=(
            _of("osu018-36.6ns", "mx-e2m1-k32-fp32-p0", "int4-k32-exact-p0", "their setting: block scales, 36.6 ns"),
            _of("osu018-36.6ns", "e2m1-k32-fp32-p0", "int4-k32-exact-p0", "E2M1 without block scales"),
            _of("osu018-36.6ns", "e2m1-k32-exact-p0", "int4-k32-exact-p0", "exact accumulator"),
            _of("osu018-36.6ns", "e2m1-k32-exact-p0", "int4-k32-exact-p0", "logic alone", "logic_per_mac"),
            _of("ecp5", "e2m1-k32-exact-p0", "int4-k32-exact-p0", "LUT4 of an ECP5 instead of cells", "logic_per_mac"),
        ),
        finding="The elements are no dearer than INT4: what costs is the float accumulator that a scale per block asks for.",
    ),
    Walk(
        key="formatscope-mxint8",
        claim="a 32-lane MXINT8 dot product is larger than INT8 by",
        source=FORMATSCOPE,
        published=11.0,
        steps=(
            _of("osu018-36.6ns", "mx-int8-k32-fp32-p0", "int8-k32-exact-p0", "their setting: block scales, 36.6 ns"),
            _of("generic", "mx-int8-k32-fp32-p0", "int8-k32-exact-p0", "gates instead of cells"),
            _of("generic", "mx-int8-k32-fp32", "int8-k32-exact", "pipelined"),
            _of("generic", "int8-k32-fp32", "int8-k32-exact", "without block scales"),
        ),
        finding="Scale and float accumulator again, on a larger unit.",
    ),
)  # fmt: skip


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
                    "ours": metric(100 * (costs[0] / costs[1] - 1), "%"),
                    "ours_cost": metric(costs[0], unit),
                    "baseline_cost": metric(costs[1], unit),
                },
            )


def steps_of(records: Records, walk: Walk) -> list[Record]:
    """A walk's records in order."""
    return [records[f"walk/{walk.key}/{index}"] for index in range(len(walk.steps))]
