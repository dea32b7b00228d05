"""The tables of the report, built from the records alone."""

from __future__ import annotations

from ...formats.block import BLOCKS
from ...studies.bitmod.hardware import BEST
from ...studies.bitmod.units import Candidate, candidates
from ...studies.records import Record, Records
from .. import shown
from ..libraries import USUAL, library_of
from ..names import scheme_title
from ..published import claims_table
from ..shown import Cell, Table, of_config, of_records
from .derived import MAIN

SWEPT = (32, 64, 128, 384)
CLOCKS = {BEST: "own best"}


def figures(records: Records) -> list[Table]:
    """What the answer rests on: PEs at the main clock, and schemes."""
    return [pe_table(records), scheme_table(records)]


def all_tables(records: Records) -> list[Table]:
    """Every table."""
    return [
        library_table(records),
        part_table(records),
        group_table(records),
        error_table(records),
        run_table(records),
        replication_table(records),
    ]


def built(records: Records, label: str = MAIN) -> list[Candidate]:
    """The candidates with a cost at a clock."""
    return [candidate for candidate in candidates() if f"cost/{candidate.key}/{label}" in records]


def clock_name(label: str) -> str:
    """``8 ns`` or ``own best``."""
    return CLOCKS.get(label, label.replace("ns", " ns"))


def pe_table(records: Records) -> Table:
    """One row per PE: area, clock, cycles, throughput per area."""
    rows = []
    for candidate in built(records):
        cost, best, bits = f"cost/{candidate.key}/{MAIN}", f"cost/{candidate.key}/{BEST}", candidate.bits
        rows.append((
            candidate.title,
            f"{bits}",
            f"{candidate.cycles[bits]} for {candidate.lanes}",
            *(shown.number(records, cost, name) for name in ("pe", "edges", "scaling")),
            *(shown.number(records, cost, f"{name}_{bits}", 2) for name in _RELATIVE),
            shown.optional(records, best, "clock", 2),
            *(shown.optional(records, best, f"{name}_{bits}", 2) for name in _RELATIVE),
            shown.optional(records, f"{candidate.pe.key}/power", "energy_per_product", 1),
        ))  # fmt: skip
    return Table(
        f"The PEs at {clock_name(MAIN)} and at each one's own best clock",
        "Gate equivalents on osu018, logic and registers, before layout: the PE, its share of what the rows and columns of an "
        "8 x 8 tile have beside it, and what scales a group's sum and adds up groups. Then throughput per area over that "
        f"of the {candidates()[0].title} PE at the same clock: with edges; both with a scaler of the same kind; and "
        "with scaler against an FP16 PE without one, which adds up 128 products of weights that were dequantized beforehand. "
        "Exponents given: a group's common exponent comes with its operands; else the PE keeps the greatest so far. "
        "Energy of a product in the PE alone: its netlist, clocks not gated, simulated on operands of a real layer.",
        (
            "PE", "weight bits", "cycles for products", "PE / GE", "edges / GE", "scaling / GE",
            *(f"{name}, {clock_name(MAIN)}" for name in _RELATIVE.values()),
            "best clock / ns", *(f"{name}, own best" for name in _RELATIVE.values()), "pJ per product, PE alone",
        ),
        tuple(rows),
    )  # fmt: skip


_RELATIVE = {"relative": "with edges", "relative_scaled": "with scalers", "relative_dequantized": "scaler on one side"}
"""Metrics of throughput per area over the baseline's, less their width of weights, and their columns."""


def library_table(records: Records) -> Table:
    """Every PE over the FP16 PE on the other cell libraries."""
    found = [record for record in records.of_kind("cost") if library_of(record) != USUAL]
    energies = {record.id: record for record in records.of_kind("power")}

    def energy(record: Record) -> Cell:
        name = f"{record.part}-pe/power-{library_of(record)}"
        return shown.number(records, name, "energy_per_product", 3) if name in energies else shown.DASH

    bits = {candidate.key: candidate.bits for candidate in candidates()}
    return of_records(
        records, found, "The PEs on other cell libraries",
        f"At what {clock_name(MAIN)} on osu018 is there: area of the PE alone over the FP16 PE's, throughput per area over the "
        "FP16 PE's with edges, and energy of a product in the PE alone.",
        {
            "PE": of_config("candidate"), "library": library_of, "at": lambda record: clock_name(record.config["label"]),
            "PE over FP16's": ("pe_to_baseline", 3),
            "throughput per area": lambda record: shown.number(records, record.id, f"relative_{bits[record.part]}", 2),
            "clock / ns": ("clock", 2), "pJ per product": energy,
        },
    )  # fmt: skip


def part_table(records: Records) -> Table:
    """Every part on every target."""
    rows = []
    for part in {part.key: part for candidate in candidates() for part in candidate.parts}.values():
        if f"{part.key}/generic" not in records:
            continue
        timing, best = f"{part.key}/clock", f"{part.key}/osu018-{BEST}"
        rows.append((
            part.title.replace("OLIVE", "OliVe"),
            *(shown.number(records, f"{part.key}/generic", name) for name in ("logic", "registers")),
            *(shown.optional(records, f"{part.key}/osu018-{MAIN}", name) for name in ("logic", "registers")),
            shown.optional(records, best, "delay", 2),
            *(shown.number(records, f"{part.key}/ecp5", name) for name in ("logic", "logic_dsp", "dsp")),
            *(shown.optional(records, timing, name) for name in ("fmax", "fmax_min", "fmax_max")),
        ))  # fmt: skip
    return Table(
        "Every part, whole",
        "Generic: NAND2-equivalents of logic and plain D flip-flops. osu018: gate equivalents of the smallest recipe that meets "
        f"{clock_name(MAIN)}, and the shortest period of the fastest recipe. ECP5: LUT4 + 2 CCU2C without and with DSP blocks; "
        "Fmax is the median, the lowest and the highest of three placements.",
        (
            "part", "NAND2-eq.", "FF", f"GE of logic at {clock_name(MAIN)}", "GE of registers", "fastest / ns", "LUT4",
            "LUT4 with DSP", "DSP", "Fmax / MHz", "lowest", "highest",
        ),
        tuple(rows),
    )  # fmt: skip


def schemes(records: Records) -> list[str]:
    """The schemes that were evaluated, in the order of the catalog."""
    found = {record.config["scheme"] for record in records.of_kind("embeddings")}
    return [name for name in BLOCKS if name in found]


def scheme_table(records: Records) -> Table:
    """One row per scheme: bits, error of weights and of layers, agreement of embeddings."""
    rows = []
    for name in schemes(records):
        rows.append((
            scheme_title(name),
            f"{records[f'weights/{name}'].config['group']}",
            shown.number(records, f"weights/{name}", "bits_per_weight", 3),
            shown.optional(records, f"compare/{name}", "mse", 3),
            shown.number(records, f"weights/{name}", "sqnr", 2),
            *(shown.number(records, f"layers/{name}", metric, 1) for metric in ("sqnr", "sqnr_min", "sqnr_max")),
            shown.number(records, f"embeddings/{name}", "agreement_drop", 2),
            shown.number(records, f"embeddings/{name}", "mean_cosine", 4),
            shown.number(records, f"embeddings/{name}", "worst_change", 3),
        ))  # fmt: skip
    pairs = [shown.shown(record.number("pairs")) for record in records.of_kind("embeddings")[:1]]
    return Table(
        "The schemes on a real model",
        "Weights of all linear layers. Squared error relative to BitMoD's of as many bits, FP3 for 3, FP4 for others. Output "
        "SQNR of the layers on the inputs that the FP32 model gives them: over all, the worst and the best layer. Embeddings: "
        f"100 (1 - Spearman's correlation) of the cosine similarities of {', '.join(pairs)} sentence pairs with those in FP32; "
        "cosine of a sentence's two embeddings; greatest change of a similarity.",
        (
            "scheme", "group", "bits per weight", "squared error", "weights / dB", "layers / dB", "worst", "best",
            "agreement lost / %", "cosine", "worst change",
        ),
        tuple(rows),
    )  # fmt: skip


def group_table(records: Records) -> Table:
    """Squared error by group, for the 3- and 4-bit schemes."""
    rows: list[tuple[Cell, ...]] = []
    for name in schemes(records):
        cells = [shown.optional(records, f"compare/{name}/g{group}", "mse", 3) for group in SWEPT]
        bits = [shown.optional(records, f"weights/{name}/g{group}", "bits_per_weight", 3) for group in SWEPT]
        if any(cell != shown.DASH for cell in cells):
            rows.append((scheme_title(name), *cells, *bits))
    return Table(
        "Squared error of the weights by group",
        "Relative to BitMoD's of as many bits at group 128, and the bits per weight that go with it.",
        ("scheme", *(f"group {group}" for group in SWEPT), *(f"bits, {group}" for group in SWEPT)),
        tuple(rows),
    )


def error_table(records: Records) -> Table:
    """What the PEs' own rounding costs."""
    return of_records(
        records, records.of_kind("error"), "What the arithmetic of the PEs loses",
        "Results against the exact sums of the same codes on the sample's output layer: SQNR, the largest error over the largest "
        "result, and the largest error over the bound that the golden model states for that very result.",
        {"PE": _pe_of, "SQNR / dB": ("sqnr", 1), "largest error": ("largest", 7), "of the bound": ("largest_of_bound", 2),
         "results": "results"},
    )  # fmt: skip


def _pe_of(record: Record) -> str:
    if "window" not in record.config:
        return candidates()[0].title
    return f"bit-serial, exponents {record.config['group_exponent']}, {record.config['window']}-bit window"


def run_table(records: Records) -> Table:
    """Whole layers through the RTL."""
    return of_records(
        records, records.of_kind("run"), "A whole layer through the RTL of the 8 x 8 tile",
        "BitMoD FP4 weights, FP16 activations, compiled simulation; every result equal to golden, bit for bit. SQNR against the "
        "product of the FP32 weights and activations.",
        {
            "tile": lambda record: f"exponents {record.config['group_exponent']}", "layer": of_config("layer"),
            "channels": "M", "inputs": "K", "tokens": "N", "results equal": "results", "cycles": "cycles",
            "cycles of the products": "ideal_cycles", "utilisation / %": ("utilisation", 2), "output / dB": ("sqnr", 2),
        },
    )  # fmt: skip


def replication_table(records: Records) -> Table:
    """Published figures beside ours."""
    note = f"At {clock_name(MAIN)} where nothing else is said."
    return claims_table(records, "Published figures and ours", note, lambda _record, _name: 2, unit=False)
