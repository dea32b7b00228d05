"""The replication table: every published claim, our number for the same quantity, and what explains the gap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ...formats import Product, get
from ...studies.committed import committed_records
from ...studies.records import BITMOD, Record, Records, metric
from ..names import unit_names
from ..published import Claim, claim_of, rows
from .formatscope import formatscope_claims
from .walks import WALKS, steps_of

MINIFLOAT_PAPER = "arXiv 2311.12359"
LENGTH = 32
"""Products whose accumulator widths are compared."""


def derived_claims(records: Records) -> Iterator[Record]:
    """Every claim beside ours, and those of BitMoD from its own committed report.

    Raises
    ------
    BitmillError
        If a walk's step was not measured.
    """
    for walk in WALKS:
        steps = steps_of(records, walk)
        claim = Claim(
            key=walk.key, claim=walk.claim, source=walk.source, published=walk.published, unit="%", why=_gap(steps, walk.finding),
            ours=[(step.id, "ours") for step in steps], figure=lambda first, *_others: first,
        )  # fmt: skip
        yield claim.record(records)
    yield from formatscope_claims(records)
    yield from _minifloat_claims(records)
    bitmod = committed_records(BITMOD)
    for record in bitmod.of_kind("claim"):
        claim = Claim(
            key=f"bitmod-{record.id.partition('/')[2]}", claim=record.config["claim"], source=record.config["source"],
            published=record.number("published"), unit=record.metrics["published"].unit, ours=[(record.id, "ours")],
            why="Measured and explained in the BitMoD report, reports/results/bitmod.",
        )  # fmt: skip
        flow = {"derived_from": [f"reports/results/{BITMOD}/records.json: {record.id}"]}
        yield replace(claim.record(bitmod), part="", flow=flow, tool_versions={})
    yield from (claim_of(row).record(records) for row in rows("not-measured"))


def _gap(steps: list[Record], finding: str) -> str:
    """Ours step by step, the published setting first."""
    moved = "; ".join(f"{step.config['change']}: {step.number('ours'):+.1f} %" for step in steps)
    return f"{finding} {moved[0].upper()}{moved[1:]}."


def _minifloat_claims(records: Records) -> Iterator[Record]:
    """The FPGA paper: who is on the front, and its formulas for accumulator widths beside the widths that are exact."""
    front = records["front/lut4"]
    names, common = unit_names(records.of_kind("point"))
    members = ", ".join(names[part] for part in front.config["members"])
    yield Claim(
        key="fpga-minifloat-front",
        claim="integers are often Pareto-optimal on FPGAs: share of the front of error against LUT4 that is integer",
        source=MINIFLOAT_PAPER, published=None, unit="%",
        ours=[(front.id, "integer_members"), (front.id, "members")],
        figure=lambda integers, all_members: 100 * integers / all_members,
        why=f"The paper gives no share. Ours: {members}, on MiniLM's layers; {common}.",
    ).record(records)  # fmt: skip
    for name, title in (("INT8", "INT8"), ("E4M3_FINITE", "E4M3 without NaN"), ("E2M1", "E2M1")):
        fmt = get(name)
        length_bits = (LENGTH - 1).bit_length()
        if fmt.exponent_span:
            exponent, mantissa = fmt.bits - fmt.significand_bits, fmt.significand_bits - 1
            published = 2 * (2**exponent + mantissa) + length_bits - 1
        else:
            published = 2 * fmt.bits + length_bits + 1
        stated = Claim(
            key=f"fpga-minifloat-width-{name.lower()}", claim=f"bits of an exact accumulator of {LENGTH} products of {title}",
            source=MINIFLOAT_PAPER, published=published, unit="bits",
            why="Their closed form of powers of two; ours is the least width that holds every sum, from the formats' extremes.",
        ).record(records)  # fmt: skip
        ours = metric(Product(fmt, fmt).sum_bits(LENGTH), "bits")
        yield replace(stated, metrics={**stated.metrics, "ours": ours})
