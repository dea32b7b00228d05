"""The table of arrays: what each costs and does beside the bare MAC of its formats."""

from __future__ import annotations

from ...studies.int_vs_fp.study import ARRAY_UNITS, Pair
from ...studies.records import Records
from .. import shown
from ..shown import Cell, Table
from . import view


def arrays_table(records: Records) -> Table:
    """For each pair that arrays were built of: the bare MAC, then the arrays from small to large."""
    layers = [layer.config["layer"] for layer in view.layers(records)]
    rows: list[tuple[Cell, ...]] = []
    for pair in view.arrays(records):
        mac_layers: list[Cell] = [shown.DASH for _ in layers]
        rows.append((pair.label, view.UNIT_TITLES["mac"], *_costs(records, pair, "mac"), shown.DASH, *mac_layers))
        for unit in ARRAY_UNITS:
            name = view.key(pair, unit)
            used = (shown.number(records, f"cycles/{name}/{layer}", "utilisation", 2) for layer in layers)
            cells = (*_costs(records, pair, unit), _ratio(records, name))
            rows.append((pair.label, view.ARRAY_TITLES[unit], *cells, *used))
    return Table(
        "Arrays of PEs, and the bare MAC they are made of",
        "Output-stationary, one product per PE and cycle, exact accumulator (32 bits for INT8 arrays). LUT4 = LUT4 + 2 CCU2C on "
        "ECP5, per MAC of the whole unit with its handshake, skew registers and way out; flip-flops those without DSP "
        "blocks. PEs of an array are mapped once, which counts up to 3 % too many flip-flops. Utilisation: wanted products over "
        "what all PEs could do in the cycles that a layer takes on its held-out tokens, fill and drain included, by "
        "the array's cycle formula. Fmax: median, lowest and highest placement. Dashes: not measured.",
        (
            "format", "unit", "LUT4 per MAC", "LUT4 per MAC, with DSP", "DSP per MAC", "FF per MAC", "Fmax / MHz", "lowest",
            "highest", "Fmax with DSP / MHz", "Fmax over the MAC's / %", *(f"{layer}, utilisation / %" for layer in layers),
        ),
        tuple(rows),
    )  # fmt: skip


def _costs(records: Records, pair: Pair, unit: str) -> tuple[Cell, ...]:
    name = view.key(pair, unit)
    return (
        shown.number(records, f"{name}/ecp5", "logic_per_mac", 1),
        shown.number(records, f"{name}/ecp5-dsp", "logic_per_mac", 1),
        shown.number(records, f"{name}/ecp5-dsp", "dsp_per_mac", 2),
        shown.number(records, f"{name}/ecp5", "registers_per_mac", 1),
        *(shown.optional(records, f"{name}/clock", metric) for metric in ("fmax", "fmax_min", "fmax_max")),
        shown.optional(records, f"{name}/clock-dsp", "fmax"),
    )


def _ratio(records: Records, name: str) -> Cell:
    return shown.optional(records, f"clock-ratio/{name}/clock", "fmax_to_mac")
