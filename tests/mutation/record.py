"""What a run of the mutation check found, as records and as a table."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bitmill.studies.records import Metric, Record, Records, metric
from bitmill.system.files import output_directory
from bitmill.system.tools import tool_versions

from .campaign import Trial
from .survivors import Survivor, explained

STUDY = "mutation"
ROOT = Path(__file__).parents[2]
VERDICTS = ("killed", "survived", "rejected")


@dataclass(frozen=True)
class Summary:
    """The share of killed mutants among those that elaborate and are not explained as equivalent, and the table."""

    rate: float
    text: str


def records(trials: Sequence[Trial], *, seed: int, chosen: Mapping[str, str | int] = {}) -> Records:
    """One record of the whole, one per file, one per survivor; ``chosen`` are options of the run by their names."""
    rows = [_counts("total", trials, seed, chosen)]
    for path in sorted({trial.mutant.path for trial in trials}):
        rows.append(_counts(f"file/{path}", [t for t in trials if t.mutant.path == path], seed, {"file": path}))
    known = explained()
    for trial in trials:
        if trial.verdict.verdict == "survived":
            rows.append(_survivor(trial, known.get(trial.mutant.id), seed))
    return Records(rows, study=STUDY)


def write(trials: Sequence[Trial], *, seed: int, out: Path | None, chosen: Mapping[str, str | int] = {}) -> Summary:
    """The summary; with ``out`` also ``records.json`` and ``mutation.md`` there.

    Raises
    ------
    BitmillError
        If ``out`` cannot be written.
    """
    found = records(trials, seed=seed, chosen=chosen)
    text = render(found)
    if out is not None:
        with output_directory(out) as folder:
            (folder / "records.json").write_text(found.to_json(), encoding="utf-8")
            (folder / "mutation.md").write_text(text, encoding="utf-8")
    return Summary(found["total"].number("kill_rate"), text)


def render(found: Records) -> str:
    """The records as Markdown."""
    total = found["total"]
    counted = total.number("killed") + total.number("survived")
    options = " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in total.config.items())
    command = f"python -m bitmill.tests.mutation {options}" if options else "make mutation"
    lines = [
        "# Mutation check", "",
        f"Seed {total.seeds[0]}: {counted:.0f} mutants that elaborate, {total.number('killed'):.0f} killed "
        f"({100 * total.number('kill_rate_of_all'):.1f} %); {total.number('equivalent'):.0f} of the survivors compute the same, "
        f"which leaves {100 * total.number('kill_rate'):.1f} % of those that do not. "
        f"{_processor_time(total)}Regenerate with `{command}`.", "",
        "| file | killed | survived | of these equivalent | did not elaborate |", "|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for record in found.of_kind("mutants"):
        counts = " | ".join(f"{record.number(name):.0f}" for name in ("killed", "survived", "equivalent", "rejected"))
        lines.append(f"| {record.config.get('file', 'all')} | {counts} |")
    survivors = found.of_kind("survivor")
    if survivors:
        lines += ["", "## Survivors", ""]
    for record in survivors:
        about = record.config
        lines.append(f"- `{about['mutant']}` (line {about['line']}): `{about['change']}`. {about['reason']}")
    return "\n".join(lines) + "\n"


def _processor_time(total: Record) -> str:
    seconds = total.metrics["cpu_seconds"].value
    return "" if seconds is None else f"Trials took {seconds / 60:.0f} minutes of processor time. "


def _counts(identifier: str, trials: Sequence[Trial], seed: int, config: Mapping[str, str | int]) -> Record:
    counts = {verdict: sum(trial.verdict.verdict == verdict for trial in trials) for verdict in VERDICTS}
    known = explained()
    same = sum(
        trial.verdict.verdict == "survived" and trial.mutant.id in known and known[trial.mutant.id].kind == "equivalent"
        for trial in trials
    )
    metrics = {verdict: metric(count, "mutants") for verdict, count in counts.items()}
    metrics["equivalent"] = metric(same, "mutants")
    counted = counts["killed"] + counts["survived"]
    metrics["kill_rate_of_all"] = metric(counts["killed"] / counted if counted else 1.0, "of those that elaborate")
    metrics["kill_rate"] = metric(
        counts["killed"] / (counted - same) if counted > same else 1.0,
        "of those that elaborate and compute something else",
    )
    seconds = [trial.verdict.cpu_seconds for trial in trials]
    # A mutant that hung and was ended has not told what it used.
    metrics["cpu_seconds"] = metric(round(sum(seconds)), "s") if all(seconds) else Metric(None, "s")
    return Record(identifier, "mutants", dict(config), "", _flow(), _tools(), (seed,), metrics)


def _survivor(trial: Trial, known: Survivor | None, seed: int) -> Record:
    mutant = trial.mutant
    config = {
        "mutant": mutant.id, "line": mutant.line, "change": f"{mutant.before} -> {mutant.after}",
        "kind": known.kind if known else "unexplained", "reason": known.reason if known else "Not explained yet.",
    }  # fmt: skip
    return Record(f"survivor/{mutant.id}", "survivor", config, "", _flow(), _tools(), (seed,), {})


def _flow() -> dict[str, str]:
    return {
        "command": "python -m bitmill.tests.mutation",
        "counts": "mutants whose module imports and whose units elaborate",
    }


def _tools() -> dict[str, str]:
    names = ("amaranth", "numpy", "pytest")
    return {**tool_versions(), "python": sys.version.split()[0], **{name: version(name) for name in names}}
