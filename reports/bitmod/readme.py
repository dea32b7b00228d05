"""The study's block of the README: its main picture, a row per PE and a row per scheme."""

from __future__ import annotations

from ...studies.bitmod.hardware import BEST
from ...studies.records import BITMOD, Records
from ..report import RESULTS, short_table
from ..shown import number
from .derived import MAIN
from .tables import built, clock_name, schemes


def figures(records: Records) -> list[str]:
    """Main picture and key figures of the committed report, and what they are of."""
    pes = []
    for candidate in built(records):
        cost, bits = f"cost/{candidate.key}/{MAIN}", candidate.bits
        pes.append((
            candidate.title,
            f"{bits}",
            number(records, cost, "total"),
            f"{candidate.products_per_cycle(bits):g}",
            number(records, cost, f"relative_{bits}", 2),
            number(records, f"cost/{candidate.key}/{BEST}", f"relative_{bits}", 2),
            number(records, f"{candidate.pe.key}/power", "energy_per_product", 1),
        ))  # fmt: skip
    columns = (
        ("weights", "bits_per_weight", 2),
        ("compare", "mse", 2),
        ("layers", "sqnr", 1),
        ("embeddings", "agreement_drop", 2),
    )
    rows = [
        (name, *(number(records, f"{topic}/{name}", metric, digits) for topic, metric, digits in columns))
        for name in schemes(records)
    ]
    return [
        f"![Throughput per area of every PE over an FP16 PE's]({(RESULTS / BITMOD).as_posix()}/throughput.svg)",
        "",
        *short_table(
            ("PE", "weight bits", f"GE in a tile, {clock_name(MAIN)}", "products a cycle",
             f"throughput per area, {clock_name(MAIN)}", "own best clock", "pJ per product"),
            pes,
        ),
        "",
        *short_table(("scheme", "bits per weight", "squared error", "layers / dB", "agreement lost / %"), rows),
        "A PE with its share of the edges of an 8 x 8 tile, without the scaler of group sums (the report has both), on osu018 "
        "cells before layout; throughput per area over the FP16 PE's at the same clock, and each at its own best; energy in the "
        "PE alone. Squared error of the weights relative to BitMoD's of as many bits; rank correlation of the similarities of "
        "sentence embeddings with FP32's.",
    ]  # fmt: skip
