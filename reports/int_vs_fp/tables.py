"""The tables of the report, built from the records for every renderer alike."""

from __future__ import annotations

from ...studies.int_vs_fp.study import ARRAY_UNITS, POLICIES, Pair, Policy
from ...studies.records import Record, Records
from .. import shown
from ..published import claims_table
from ..shown import Cell, Table, of_config, of_records
from . import view


def figures(records: Records) -> list[Table]:
    """What the answer rests on."""
    return [candidates_table(records)]


def all_tables(records: Records) -> list[Table]:
    """Every table, the replication of published figures before the details."""
    return [
        accuracy_table(records),
        units_table(records),
        accumulators_table(records),
        arrays_table(records),
        replication_table(records),
        verification_table(records),
        layers_table(records),
    ]


def candidates_table(records: Records) -> Table:
    """One row per pair: accuracy, what one MAC of the main unit costs, and what ran through its RTL."""
    unit = view.main_unit(records)
    layers = [layer.config["layer"] for layer in view.layers(records)]
    rows = []
    for pair in view.pairs(records):
        name = view.key(pair, unit)
        timing = view.timing_of(records, pair, unit)
        best = {layer: view.best_policy(records, layer, pair, "token") for layer in layers}
        rows.append((
            pair.label,
            pair.bits,
            *(_sqnr(records, layer, pair, policy) for layer, policy in best.items()),
            shown.number(records, f"{name}/generic", "logic_per_mac"),
            shown.number(records, f"{name}/generic", "registers_per_mac", 1),
            shown.number(records, f"{name}/ecp5", "logic_per_mac", 1),
            shown.optional(records, f"{name}/ecp5-dsp", "logic_per_mac", 1),
            shown.optional(records, f"{name}/ecp5-dsp", "dsp_per_mac", 2),
            shown.number(records, timing, "fmax") if timing else shown.DASH,
            shown.number(records, f"verified/{name}", "products_matched"),
        ))  # fmt: skip
    header = (
        "format", "bits", *(f"SQNR {layer} / dB" for layer in layers), "NAND2 per MAC", "FF per MAC", "LUT4 per MAC",
        "LUT4 per MAC, with DSP", "DSP per MAC", "Fmax / MHz", "products through RTL, all equal",
    )  # fmt: skip
    return Table(
        f"The candidates: {view.UNIT_TITLES[unit]}, exact accumulator",
        "SQNR of the layer's output on held-out tokens, activations scaled per token, weights per channel, the better of both "
        "scale rules. NAND2-equivalents of logic; flip-flops beside them are 6 each. LUT4 = LUT4 + 2 CCU2C on ECP5. Fmax: "
        f"{_routed(records, unit)}. {shown.tools_named(records, 'area')}.",
        header,
        tuple(rows),
    )


def accuracy_table(records: Records) -> Table:
    """Output SQNR of every pair under every policy on every layer."""
    rows = [
        (
            layer.config["layer"],
            pair.label,
            *(_sqnr(records, layer.config["layer"], pair, policy) for policy in POLICIES),
        )
        for layer in view.layers(records)
        for pair in view.pairs(records)
    ]
    return Table(
        "Output SQNR by scale policy / dB",
        "10 log10(sum(y^2) / sum((y - y_q)^2)) over held-out tokens; y in float64 from the stored tensors. "
        "Weights have a scale per "
        "output channel; the columns say how activations are scaled and by which rule all scales are chosen.",
        ("layer", "format", *(policy.label for policy in POLICIES)),
        tuple(rows),
    )


def units_table(records: Records) -> Table:
    """Every unit on every target."""
    rows = []
    for unit in view.units(records):
        for pair in view.pairs(records):
            name = view.key(pair, unit)
            timing = view.timing_of(records, pair, unit)
            rows.append((
                view.UNIT_TITLES[unit],
                pair.label,
                shown.number(records, f"{name}/generic", "accumulator_bits"),
                shown.number(records, f"{name}/generic", "logic"),
                shown.number(records, f"{name}/generic", "registers"),
                shown.optional(records, f"{name}/ecp5", "logic"),
                shown.optional(records, f"{name}/ecp5", "carry"),
                shown.optional(records, f"{name}/ecp5", "registers"),
                shown.optional(records, f"{name}/ecp5-dsp", "logic"),
                shown.optional(records, f"{name}/ecp5-dsp", "dsp"),
                *(shown.number(records, timing, m) if timing else shown.DASH for m in ("fmax", "fmax_min", "fmax_max")),
            ))  # fmt: skip
    return Table(
        "Every unit, whole",
        "Generic: NAND2-equivalents of logic and plain D flip-flops, clock enables being logic. "
        "ECP5: LUT4 + 2 CCU2C, the smaller of the default and -nowidelut, the lane of a dot product mapped once. "
        "Fmax: median, lowest and highest "
        "placement; of the "
        f"dot product: {_routed(records, 'dot32')}.",
        (
            "unit", "format", "accumulator bits", "NAND2-eq.", "FF", "LUT4", "CCU2C", "FF (ECP5)", "LUT4 with DSP",
            "DSP", "Fmax / MHz", "lowest", "highest",
        ),
        tuple(rows),
    )  # fmt: skip


def accumulators_table(records: Records) -> Table:
    """For each pair: the exact accumulator, then the others as they come in the study."""
    layers = [layer.config["layer"] for layer in view.layers(records)]
    rows = []
    for pair in view.accumulator_pairs(records):
        for record in view.accumulators(records, pair):
            rows.append((pair.label, view.accumulator_label(record), *_accumulator_cells(records, record, layers)))
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


def _accumulator_cells(records: Records, record: Record, layers: list[str]) -> tuple[Cell, ...]:
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


def replication_table(records: Records) -> Table:
    """Published extra costs beside ours."""
    return claims_table(
        records, "Published figures and ours",
        "With a sign: extra cost in percent, and our two costs that it is the ratio of, in NAND2-equivalents per MAC: logic "
        "and registers for FormatScope's claims, logic alone for the others. Without a sign: the figure itself.",
        lambda record, name: {"%": 1, "LUT4": 1}.get(record.metrics[name].unit, 0), costs=True,
    )  # fmt: skip


def verification_table(records: Records) -> Table:
    """What of the real layer ran through the RTL of every unit."""
    return of_records(
        records, records.of_kind("verification"), "The layer's own numbers through the generated Verilog",
        "Quantized weights and held-out activations (static per-tensor scale, maximum rule) in Icarus Verilog through cocotb, "
        "every result compared with the golden model bit for bit, in back-to-back traffic, under stalls on both sides and "
        f"after resets. {shown.tools_named(records, 'verification')}.",
        {
            "unit": view.unit_title, "format": lambda record: view.pair_of(record).label,
            "layer": lambda record: ", ".join(record.config["layers"]), "dot products run": "dot_products",
            "products run": "products", "products in the layers": "products_in_layers", "mismatches": "mismatches",
            "input stalls": "input_stalls", "output stalls": "output_stalls", "resets": "resets",
        },
    )  # fmt: skip


def layers_table(records: Records) -> Table:
    """The layers: shapes and how far the largest activation stands out."""
    return of_records(
        records, view.layers(records), "The layers",
        "Peak: largest magnitude of the held-out activations over their root mean square.",
        {
            "layer": of_config("layer"), "source": of_config("source"), "outputs": "outputs", "inputs": "inputs",
            "calibration tokens": "calibration_tokens", "held-out tokens": "held_out_tokens", "products": "products",
            "peak / RMS": ("peak_to_rms", 1),
        },
    )  # fmt: skip


def _sqnr(records: Records, layer: str, pair: Pair, policy: Policy) -> Cell:
    return shown.number(records, f"accuracy/{layer}/{pair.key}/{policy.key}", "sqnr", 1)


def _routed(records: Records, unit: str) -> str:
    """How much of a unit was placed and routed, and how often."""
    for pair in view.pairs(records):
        timing = view.timing_of(records, pair, unit)
        if timing is not None:
            record = records[timing]
            seeds = ", ".join(map(str, record.seeds))
            return f"nextpnr, {record.flow['routed']}, seeds {seeds}"
    return "not measured"
