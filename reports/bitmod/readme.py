"""The study's block of the README: its main picture, a row per PE and a row per scheme."""

from __future__ import annotations

from pathlib import Path

from ...studies.bitmod.hardware import BEST
from ...studies.records import BITMOD, Records
from .. import shown
from .derived import MAIN
from .tables import built, clock_name, schemes
from .text import COMMAND

RESULTS = Path("reports/results") / BITMOD


def figures_block(records: Records) -> str:
    """Markdown of the committed report's figures, with the command that regenerates them."""
    lines = [
        f"![Throughput per area of every PE over an FP16 PE's]({RESULTS.as_posix()}/throughput.svg)",
        "",
        f"| PE | weight bits | GE in a tile, {clock_name(MAIN)} | products a cycle | throughput per area, {clock_name(MAIN)} "
        "| own best clock | pJ per product |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for candidate in built(records):
        cost, bits = f"cost/{candidate.key}/{MAIN}", candidate.bits
        cells = [
            shown.number(records, cost, "total").text,
            f"{candidate.products_per_cycle(bits):g}",
            shown.number(records, cost, f"relative_{bits}", 2).text,
            shown.number(records, f"cost/{candidate.key}/{BEST}", f"relative_{bits}", 2).text,
            shown.number(records, f"power/{candidate.pe.key}", "energy_per_product", 1).text,
        ]
        lines.append(f"| {candidate.title} | {bits} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "| scheme | bits per weight | squared error | layers / dB | agreement lost / % |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in schemes(records):
        cells = [
            shown.number(records, f"weights/{name}", "bits_per_weight", 2),
            shown.number(records, f"compare/{name}", "mse", 2),
            shown.number(records, f"layers/{name}", "sqnr", 1),
            shown.number(records, f"embeddings/{name}", "agreement_drop", 2),
        ]
        lines.append(f"| {name} | " + " | ".join(cell.text for cell in cells) + " |")
    lines += [
        "",
        "A PE with its share of the edges of an 8 x 8 tile, without the scaler of group sums (the report has both), on osu018 "
        "cells before layout; throughput per area over the FP16 PE's at the same clock, and each at its own best; energy in the "
        "PE alone. Squared error of the weights relative to BitMoD's of as many bits; rank correlation of the similarities of "
        "sentence embeddings with FP32's. "
        f"Regenerate with `{COMMAND}`; every number is in [records.json]({RESULTS.as_posix()}/records.json).",
    ]
    return "\n".join(lines)
