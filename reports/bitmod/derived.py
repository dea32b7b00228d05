"""Records derived from records: costs in a tile, errors relative to BitMoD's, and published figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST, PERIODS_NS, labels
from ...studies.bitmod.units import BASELINE, SIDE, Candidate, Part, candidates
from ...studies.ids import measured_id
from ...studies.records import BITMOD, Metric, Record, Records, metric
from ..libraries import USUAL, libraries
from ..published import Claim, claim_of, claim_records, rows, value_of

RATE = "products per us and kGE"
WIDTHS = (4, 6, 8, 16)
"""Weights, in bits, for which throughput is stated where a candidate takes them."""


def cost_records(records: Records) -> Iterator[Record]:
    """One record per candidate, cell library and clock, as far as all of its parts were mapped."""
    for library, label in product(libraries(records), labels()):
        base = None
        for candidate in candidates():
            ids = [_cells(candidate, part, label, library) for part in candidate.parts]
            if any(name not in records for name in ids):
                continue
            fastest = f"{candidate.pe.key}/{library}-{BEST}"
            alone = records[fastest if label == BEST and fastest in records else ids[0]]
            found = _Cost(candidate, [records[name] for name in ids], alone, label, library)
            base = found if candidate.key == BASELINE else base
            if base is not None:
                yield _record(found, base)


def _cells(candidate: Candidate, part: Part, label: str, library: str = USUAL) -> str:
    return measured_id(part.key, f"{library}-{label}{f'-{candidate.key}' if label == BEST else ''}")


def on(library: str, label: str) -> str:
    """What ids of costs call a clock: ``8ns`` on osu018, ``sky130-8ns`` for what is 8 ns there on others."""
    return label if library == USUAL else f"{library}-{label}"


class _Cost:
    """Gate equivalents of one PE of a tile, logic and registers."""

    def __init__(self, candidate: Candidate, parts: list[Record], alone: Record, label: str, library: str) -> None:
        self.candidate, self.label, self.parts, self.library = candidate, label, parts, library
        pe, *edges, scaler, control = (part.number("total") for part in parts)
        self.pe = pe
        self.edges = (sum(edges) + candidate.operand_bits * parts[0].number("flip_flop")) / SIDE
        self.scaling = scaler + control / (SIDE if candidate.control_per_row else 1)
        # A tile whose parts miss the period runs as fast as its slowest part.
        asked = parts[0].number("period")
        self.plain_clock = max(asked, *(part.number("delay") for part in parts[:-2]))
        # Alone a PE may be faster than with its edges.
        self.alone = (
            alone.number("total"),
            alone.number("delay") if label == BEST else max(asked, alone.number("delay")),
        )
        self.scaled_clock = max(self.plain_clock, *(part.number("delay") for part in parts[-2:]))

    def rate(self, bits: int, area: float, clock: float) -> float:
        """Products per us and kGE."""
        return self.candidate.products_per_cycle(bits) * 1e3 / clock / (area / 1e3)


def _record(cost: _Cost, base: _Cost) -> Record:
    candidate = cost.candidate
    metrics: dict[str, Metric] = {
        # Of the PEs alone, as published areas are.
        **({} if cost.library == USUAL else {"pe_to_baseline": metric(cost.pe / base.pe, "times")}),
        "pe": metric(cost.pe, "GE"),
        "edges": metric(cost.edges, "GE"),
        "scaling": metric(cost.scaling, "GE"),
        "total": metric(cost.pe + cost.edges, "GE"),
        "total_scaled": metric(cost.pe + cost.edges + cost.scaling, "GE"),
        "clock": metric(cost.plain_clock, "ns"),
        "clock_scaled": metric(cost.scaled_clock, "ns"),
    }
    plain, scaled = (base.pe + base.edges, base.plain_clock), (base.pe + base.edges + base.scaling, base.scaled_clock)
    for bits in (width for width in WIDTHS if width in candidate.cycles):
        alone = cost.rate(bits, *cost.alone)
        bare = cost.rate(bits, cost.pe + cost.edges, cost.plain_clock)
        whole = cost.rate(bits, cost.pe + cost.edges + cost.scaling, cost.scaled_clock)
        metrics |= {
            f"throughput_{bits}": metric(bare, RATE),
            f"relative_pe_{bits}": metric(alone / base.rate(16, *base.alone), "times"),
            f"relative_{bits}": metric(bare / base.rate(16, *plain), "times"),
            f"relative_scaled_{bits}": metric(whole / base.rate(16, *scaled), "times"),
            f"relative_dequantized_{bits}": metric(whole / base.rate(16, *plain), "times"),
        }
    return Record(
        id=f"cost/{candidate.key}/{on(cost.library, cost.label)}",
        topic="cost",
        config={
            "candidate": candidate.title,
            "label": cost.label,
            "baseline": base.candidate.title,
            **({} if cost.library == USUAL else {"library": cost.library}),
        },
        part=candidate.key,
        flow={
            "derived_from": [part.id for part in [*cost.parts, *base.parts]],
            "edges": f"of a tile of {SIDE} x {SIDE}: parts of a row or column, and flip-flops of operands, over {SIDE} PEs",
            "scaling": f"a scaler per PE, its control per {'row' if candidate.control_per_row else 'PE'}",
        },
        tool_versions=dict(cost.parts[0].tool_versions),
        metrics=metrics,
    )


def generator_record(records: Records, label: str) -> Record:
    """The term generators' share of a tile of ``SIDE`` x ``SIDE`` with scalers."""
    serial = next(candidate for candidate in candidates() if candidate.key == "serial")
    parts = {part.key: records[_cells(serial, part, label)].number("total") for part in serial.parts}
    generators = SIDE * parts["generator"]
    whole = SIDE * SIDE * (parts["serial-pe"] + parts["scaler"])
    whole += SIDE * (parts["aligner"] + parts["control"] + parts["generator"])
    bare = whole - SIDE * SIDE * parts["scaler"] - SIDE * parts["control"]
    return Record(
        id=f"share/generator/{label}",
        topic="share",
        config={"candidate": serial.title, "label": label},
        part=serial.key,
        flow={"derived_from": [_cells(serial, part, label) for part in serial.parts]},
        metrics={
            "generators": metric(generators, "GE"),
            "tile": metric(whole, "GE"),
            "share": metric(100 * generators / whole, "%"),
            "share_bare": metric(100 * generators / bare, "%"),
        },
    )


MAIN = "8ns"
"""The clock of the summary, and of what published areas are compared with."""
REFERENCE_SCHEMES = {3: "bitmod-fp3", 4: "bitmod-fp4"}
"""What schemes of so many bits are compared with; wider ones with the last."""

PAPER_GAIN = value_of("3937.4 / 1507.7")
"""Throughput per area of BitMoD's PE over the FP16 PE's at 4 bits, two products a cycle over the paper's areas."""


def claims() -> list[Claim]:
    """Every figure to compare."""
    return [claim_of(row, published=round(value_of(row["published"]), 4), ours=row["ours"]) for row in rows("bitmod")]


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
