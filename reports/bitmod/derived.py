"""Figures derived from records: errors relative to BitMoD's, and published figures beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST, PERIODS_NS
from ...studies.records import BITMOD, Record, Records, metric
from .costs import cost_records, generator_record

MAIN = "8ns"
"""The clock of the summary, and of what published areas are compared with."""
REFERENCE_SCHEMES = {3: "bitmod-fp3", 4: "bitmod-fp4"}
"""What schemes of so many bits are compared with; wider ones with the last."""

PAPER = "BitMoD, HPCA 2025, constants of its simulator (28 nm)"


PAPER_GAIN = 2 * 1968.7 / 1507.7
"""Throughput per area of BitMoD's PE over the FP16 PE's at 4 bits, from the paper's areas."""


@dataclass(frozen=True)
class Claim:
    """A published figure, the same of ours, and why they differ."""

    key: str
    claim: str
    published: float
    unit: str
    sources: tuple[tuple[str, str], ...]
    ours: Callable[..., float]
    why: str


def _ratio(first: float, second: float) -> float:
    return first / second


def _claims() -> Iterator[Claim]:
    fp16, serial, given = (f"cost/{key}/{MAIN}" for key in ("fp16xfp16", "serial", "serial-given"))
    area = "Standard cells of 180 nm before layout instead of 28 nm after synthesis; "
    yield Claim(
        "area", "area of a BitMoD PE over that of an FP16 PE", 1507.7 / 1968.7, "times",
        ((serial, "pe"), (fp16, "pe")), _ratio,
        area + "ours has no exponents in the PE (a row aligns once for all its PEs) but our FP16 PE is leaner too: it does not "
        "normalise, and takes operands that the tile's edge has recoded.",
    )  # fmt: skip
    yield Claim(
        "area-edges", "the same with each PE's share of the edges of an 8 x 8 tile", 1507.7 / 1968.7, "times",
        ((serial, "total"), (fp16, "total")), _ratio,
        "The paper's PE adds and compares exponents itself, so this is the fairer one.",
    )  # fmt: skip
    yield Claim(
        "area-given", "the same where a group's exponent is given with it", 1507.7 / 1968.7, "times",
        ((given, "total"), (fp16, "total")), _ratio,
        "No shifter in the PE: what alignment to a common exponent comes to if that exponent is known beforehand.",
    )  # fmt: skip
    for key, name in (("ant", "an ANT"), ("olive", "an OliVe")):
        yield Claim(
            f"area-{key}", f"area of {name} PE over that of an FP16 PE", 1318.6 / 1968.7, "times",
            ((f"cost/fp16x{key}/{MAIN}", "total"), (fp16, "total")), _ratio,
            "The decoder is shared by a column; a product of a small significand, and an accumulator with as many bits above a "
            "product as the FP16 PE's.",
        )  # fmt: skip
    power = (
        "PEs alone on a real layer's operands, 180 nm, before layout: no wires, clock tree or glitches. What the paper's figure "
        "counts is not said in its simulator."
    )
    energies = {"": ("serial-pe", 0.56), "-ant": ("fp16xant-pe", 0.56), "-olive": ("fp16xolive-pe", 0.613)}
    for suffix, (part, energy) in energies.items():
        name = {"": "a BitMoD", "-ant": "an ANT", "-olive": "an OliVe"}[suffix]
        yield Claim(
            f"energy{suffix}", f"energy of a cycle of {name} PE over that of an FP16 PE", energy / 0.77, "times",
            ((f"power/{part}", "energy"), ("power/fp16xfp16-pe", "energy")), _ratio, power,
        )  # fmt: skip
    yield Claim(
        "throughput", "products a cycle of a BitMoD PE with 4-bit weights, the FP16 PE's being 1", 2.0, "products",
        (("run/serial-running", "products_per_cycle_and_pe"),), lambda ours: ours,
        "Four lanes, two terms a weight; counted on the wires of the RTL over a whole layer, fill and drain included.",
    )  # fmt: skip
    for label, name in ((MAIN, "8 ns"), (BEST, "each one's own best clock")):
        for key, what in (("serial", ""), ("serial-given", ", exponents given")):
            yield Claim(
                f"gain-{key}-{label}", f"throughput per area over the FP16 PE's with 4-bit weights{what}, at {name}",
                PAPER_GAIN, "times", ((f"cost/{key}/{label}", "relative_4"),), lambda ours: ours,
                "Two products a cycle over the ratio of areas, edges included. The paper's PEs differ more in area than ours: "
                "our FP16 PE compares exponents early, leaves signs and multiples to the tile's edge and never normalises.",
            )  # fmt: skip


def derived_records(records: Records) -> Iterator[Record]:
    """Costs in a tile, comparisons of schemes, and every claim whose figures are there."""
    costs = list(cost_records(records))
    yield from costs
    known = Records([*records, *costs], study=BITMOD)
    for label in (*(f"{period:g}ns" for period in PERIODS_NS), BEST):
        if f"cost/serial/{label}" in known:
            yield generator_record(records, label)
    yield from _comparisons(records)
    for claim in _claims():
        if all(name in known for name, _ in claim.sources):
            yield _claim_record(claim, known)


def claim_texts() -> dict[str, Claim]:
    """The claims by the ids of their records."""
    return {f"claim/{claim.key}": claim for claim in _claims()}


def _claim_record(claim: Claim, known: Records) -> Record:
    first = known[claim.sources[0][0]]
    ours = claim.ours(*(known[name].number(name_of) for name, name_of in claim.sources))
    return Record(
        id=f"claim/{claim.key}",
        topic="claim",
        config={"claim": claim.claim, "source": PAPER},
        part=first.part,
        flow={"derived_from": [f"{name}: {name_of}" for name, name_of in claim.sources]},
        tool_versions=dict(first.tool_versions),
        metrics={"published": metric(round(claim.published, 4), claim.unit), "ours": metric(ours, claim.unit)},
    )


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
