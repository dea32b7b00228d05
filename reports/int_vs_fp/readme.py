"""The study's block of the README: its main picture and a row per candidate."""

from __future__ import annotations

from ...studies.records import INT_VS_FP, Records
from .. import shown
from ..report import RESULTS, short_table
from . import view


def figures(records: Records) -> list[str]:
    """Main picture and key figures of the committed report, and what they are of."""
    unit = view.main_unit(records)
    layers = [layer.config["layer"] for layer in view.layers(records)]
    rows = []
    for pair in view.pairs(records):
        best = (view.best_policy(records, layer, pair, "token") for layer in layers)
        name = view.key(pair, unit)
        rows.append((
            pair.label,
            *(
                shown.number(records, f"accuracy/{layer}/{pair.key}/{policy.key}", "sqnr", 1)
                for layer, policy in zip(layers, best, strict=True)
            ),
            shown.number(records, f"{name}/generic", "logic_per_mac"),
            shown.number(records, f"{name}/ecp5", "logic_per_mac", 1),
            shown.number(records, f"verified/{name}", "products_matched"),
        ))  # fmt: skip
    header = (
        "format", *(f"SQNR {layer} / dB" for layer in layers), "NAND2-eq. per MAC", "LUT4 per MAC",
        "products through RTL",
    )  # fmt: skip
    return [
        f"![Accuracy against gates of every format]({(RESULTS / INT_VS_FP).as_posix()}/pareto-gates.svg)",
        "",
        *short_table(header, rows),
        f"{view.UNIT_TITLES[unit]}, exact accumulator; activations scaled per token, weights per channel, the better of both "
        f"scale rules; logic without DSP blocks, registers apart. {shown.tools_named(records, 'area')}.",
    ]
