"""The cost models' errors as a Markdown table."""

from __future__ import annotations

from collections.abc import Iterable

from ...fpga.cost.model import Errors, shipped_models

REGENERATE = "python -m bitmill.studies.cost --fit"


def table_lines(rows: Iterable[tuple[str, str, Errors]]) -> list[str]:
    """A line per model: target, metric, and its errors on units it never saw."""
    lines = [
        "| cost model | units it never saw | median error | nine in ten within | in the printed band | refused |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for target, metric, errors in rows:
        inside = round(errors.within * errors.units)
        lines.append(
            f"| {target} {metric} | {errors.units} | {errors.median:.1%} | {errors.p90:.1%} | {inside} ({errors.within:.1%}) "
            f"| {errors.refused} |"
        )
    return lines


def figures_block() -> str:
    """The README's block, with the command that regenerates it."""
    lines = table_lines([(model.target, model.metric, model.held_out) for model in shipped_models()])
    return "\n".join([*lines, "", f"Regenerate with `{REGENERATE}` and `python -m bitmill.reports.readme`."])
