"""The study's block of the README: its main picture, a row per profile and unit, and what the units cost."""

from __future__ import annotations

from ...models.captured.rows import UNITS
from ...studies.records import NONLINEAR, Records
from ..report import RESULTS, short_table
from ..shown import DASH, Cell, number, optional
from . import view


def figures(records: Records) -> list[str]:
    """Main picture and key figures of the committed report, and what they are of."""
    errors: list[list[Cell]] = []
    for unit in UNITS:
        for contender, title in view.titles(records, unit).items():
            errors.append([view.unit_title(unit), title])
            for captured in (False, True):
                for metric, digits in (("over_ideal", 2), ("steps", 1)):
                    found = view.worst(records, unit, contender, metric, captured=captured)
                    errors[-1].append(DASH if found is None else number(records, found.id, metric, digits))
    lines = [
        f"![Errors of integer softmax against the ideal 8-bit quantizer]({(RESULTS / NONLINEAR).as_posix()}/softmax.svg)",
        "",
        *short_table(
            ("unit", "profile", "mean error over ideal, made up", "steps, made up", "mean error over ideal, real", "steps, real"),
            errors, texts=2,
        ),
    ]  # fmt: skip
    hardware: list[tuple[Cell, ...]] = []
    for record in view.hardware(records, "osu018"):
        part = record.id.rpartition("/")[0]
        others = (optional(records, f"{part}/{end}", metric) for end, metric in (("ecp5", "logic"), ("clock", "fmax")))
        title, lanes = record.config["title"], f"{record.config['lanes']}"
        hardware.append((title, lanes, number(records, record.id, "logic"), *others))
    if hardware:
        lines += ["", *short_table(("unit", "lanes", "GE of logic", "LUT4", "Fmax / MHz"), hardware)]
    return [
        *lines,
        "The worst of all scales and row lengths, of outputs rounded to 8 bits: mean error over that of the ideal 8-bit "
        "quantizer, and greatest error in output steps; on made-up rows, and on what a real encoder gives the units.",
    ]
