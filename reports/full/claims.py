"""The replication table: every published claim, our number for the same quantity, and what explains the gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...formats import Product, get
from ...studies.committed import committed_records
from ...studies.records import BITMOD, Record, Records, metric
from .walks import WALKS, steps_of

MINIFLOAT_PAPER = "arXiv 2311.12359"
LENGTH = 32
"""Products whose accumulator widths are compared."""


def claim_records(records: Records) -> Iterator[Record]:
    """Every claim beside ours, and those of BitMoD from its own committed report.

    Raises
    ------
    BitmillError
        If a walk's step was not measured.
    """
    for walk in WALKS:
        steps = steps_of(records, walk)
        yield _claim(
            walk.key, walk.claim, walk.source, "%", walk.published, steps[0].number("ours"), why=_gap(steps, walk.finding),
            derived_from=[step.id for step in steps],
        )  # fmt: skip
    yield from _minifloat_claims(records)
    for record in committed_records(BITMOD).of_kind("claim"):
        yield _claim(
            f"bitmod-{record.id.partition('/')[2]}", record.config["claim"], record.config["source"],
            record.metrics["published"].unit, record.number("published"), record.number("ours"),
            why="Measured and explained in the BitMoD report, reports/results/bitmod.",
            derived_from=[f"reports/results/{BITMOD}/records.json: {record.id}"],
        )  # fmt: skip
    for row in _NOT_MEASURED:
        yield _claim(row.key, row.claim, row.source, row.unit, row.published, None, why=row.why, derived_from=[])


@dataclass(frozen=True)
class _NotMeasured:
    key: str
    claim: str
    source: str
    unit: str
    published: float
    why: str


_NOT_MEASURED = (
    _NotMeasured("l-mul-elementwise", "energy that L-Mul saves in elementwise products, up to", "arXiv 2410.00907", "%", 95.0,
                 "An estimate from energies of single 45 nm operations, of an approximate product. bitmill builds exact ones."),
    _NotMeasured("l-mul-area", "area of an FP8 L-Mul over an exact FP8 multiplier", "public course project, FreePDK45", "1",
                 112.8 / 347.4, "The multiplier alone, without alignment and accumulator, which both need; ours is not built."),
)  # fmt: skip


def _gap(steps: list[Record], finding: str) -> str:
    """Ours step by step, the published setting first."""
    moved = "; ".join(f"{step.config['change']}: {step.number('ours'):+.1f} %" for step in steps)
    return f"{finding} {moved[0].upper()}{moved[1:]}."


def _minifloat_claims(records: Records) -> Iterator[Record]:
    """The FPGA paper: who is on the front, and its formulas for accumulator widths beside the widths that are exact."""
    front = records["front/lut4"]
    yield _claim(
        "fpga-minifloat-front", "integers are often Pareto-optimal on FPGAs: share of the front of error against LUT4 that is "
        "integer", MINIFLOAT_PAPER, "%", None,
        100 * front.number("integer_members") / front.number("members"),
        why="The paper gives no share. Ours: " + ", ".join(front.config["members"]) + ", on MiniLM's layers, exact sums.",
        derived_from=[front.id],
    )  # fmt: skip
    for name in ("INT8", "E4M3_FINITE", "E2M1"):
        fmt = get(name)
        length_bits = (LENGTH - 1).bit_length()
        if fmt.exponent_span:
            exponent, mantissa = fmt.bits - fmt.significand_bits, fmt.significand_bits - 1
            published = 2 * (2**exponent + mantissa) + length_bits - 1
        else:
            published = 2 * fmt.bits + length_bits + 1
        yield _claim(
            f"fpga-minifloat-width-{name.lower()}", f"bits of an exact accumulator of {LENGTH} products of {name}",
            MINIFLOAT_PAPER, "bits", published, Product(fmt, fmt).sum_bits(LENGTH),
            why="Their closed form of powers of two; ours is the least width that holds every sum, from the formats' extremes.",
            derived_from=[],
        )  # fmt: skip


def _claim(
    key: str,
    claim: str,
    source: str,
    unit: str,
    published: float | None,
    ours: float | None,
    *,
    why: str,
    derived_from: list[str],
) -> Record:
    values = {"published": published, "ours": ours}
    return Record(
        id=f"claim/{key}",
        topic="claim",
        config={"claim": claim, "source": source, "why": why},
        flow={"derived_from": derived_from},
        metrics={name: metric(value, unit) for name, value in values.items() if value is not None},
    )
