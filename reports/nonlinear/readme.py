"""The study's block of the README: its main picture, a row per profile and unit, and what the units cost."""

from __future__ import annotations

from pathlib import Path

from ...studies.nonlinear.rows import UNITS
from ...studies.records import NONLINEAR, Records
from .. import shown
from . import view
from .text import COMMAND

RESULTS = Path("reports/results") / NONLINEAR

_COLUMNS = (("over_ideal", 2), ("steps", 1))


def figures_block(records: Records) -> str:
    """Markdown of the committed report's figures, with the command that regenerates them."""
    lines = [
        f"![Errors of integer softmax against the ideal 8-bit quantizer]({RESULTS.as_posix()}/softmax.svg)",
        "",
        "| unit | profile | mean error over ideal, made up | steps, made up | mean error over ideal, real | steps, real |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for unit in UNITS:
        for contender, title in view.titles(records, unit).items():
            cells = []
            for captured in (False, True):
                for metric, digits in _COLUMNS:
                    found = view.worst(records, unit, contender, metric, captured=captured)
                    cells.append(shown.DASH if found is None else shown.shown(found.number(metric), digits))
            lines.append(f"| {view.unit_title(unit)} | {title} | " + " | ".join(cells) + " |")
    hardware = view.hardware(records, "osu018")
    if hardware:
        lines += ["", "| unit | lanes | GE of logic | LUT4 | Fmax / MHz |", "|---|---:|---:|---:|---:|"]
        for record in hardware:
            config, part = record.config, record.id.rpartition("/")[0]
            others = [
                shown.optional(records, f"{part}/{target}", metric)
                for target, metric in (("ecp5", "lut4"), ("clock", "fmax"))
            ]
            cells = [shown.number(records, record.id, "logic"), *others]
            texts = [cell.text if isinstance(cell, shown.Number) else cell for cell in cells]
            lines.append(f"| {config['title']} | {config['lanes']} | " + " | ".join(texts) + " |")
    lines += [
        "",
        "The worst of all scales and row lengths, of outputs rounded to 8 bits: mean error over that of the ideal 8-bit "
        "quantizer, and greatest error in output steps; on made-up rows, and on what a real encoder gives the units. "
        f"Regenerate with `{COMMAND}`; every number is in [records.json]({RESULTS.as_posix()}/records.json).",
    ]
    return "\n".join(lines)
