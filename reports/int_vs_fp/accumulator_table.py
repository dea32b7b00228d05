"""The table of accumulators: what each loses on every layer and what it costs."""

from __future__ import annotations

from ...studies.records import Record, Records
from .. import shown
from ..shown import Cell, Table
from . import view


def accumulators_table(records: Records) -> Table:
    """For each pair: the exact accumulator, then the others as they come in the study."""
    layers = [layer.config["layer"] for layer in view.layers(records)]
    rows = []
    for pair in view.accumulator_pairs(records):
        for record in view.accumulators(records, pair):
            rows.append((pair.label, view.accumulator_label(record), *_cells(records, record, layers)))
    return Table(
        "Which accumulator: error against gates of the 32-lane dot product",
        "Same codes for all accumulators of a format: one scale per token, least squares. First columns: 10 log10 of signal over "
        "the accumulator's own error, against the exact sum of the same codes. Then the output SQNR, every rounding included, "
        "against float64, as in the accuracy table but on fewer tokens: 32 of the held-out ones, picked by seed, every output "
        "channel. A result that overflows to infinity counts as the format's largest number; the share of those is the worst "
        "layer's. Saturating and wrapping: fixed point of that many bits. Window: products aligned in that many bits at the "
        "step's greatest exponent, one rounding per step of 32 products. FP32, BF16, FP16: one rounding per step; fused 128: one "
        "per 128 products; before it, their steps are summed exactly, as in the exact unit. exact: no error at all. "
        "NAND2-equivalents per MAC of the whole flat unit.",
        (
            "format", "accumulator", "bits", *(f"{layer}, accumulator alone / dB" for layer in layers),
            *(f"{layer}, output / dB" for layer in layers), "overflowed / %", "NAND2 per MAC", "FF per MAC",
            "NAND2 per MAC, registers included",
        ),
        tuple(rows),
    )  # fmt: skip


def _cells(records: Records, record: Record, layers: list[str]) -> tuple[Cell, ...]:
    name = record.id.split("/")[1]
    area = f"{name}/generic"
    return (
        shown.number(records, area, "accumulator_bits"),
        *(shown.number(records, f"accumulation/{layer}/{name}", "error_sqnr", 1) for layer in layers),
        *(shown.number(records, f"accumulation/{layer}/{name}", "total_sqnr", 1) for layer in layers),
        shown.number(records, record.id, "overflowed", 1),
        shown.number(records, area, "logic_per_mac"),
        shown.number(records, area, "registers_per_mac", 1),
        shown.number(records, area, "total_per_mac"),
    )
