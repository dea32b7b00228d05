"""Words of the full study's page."""

from __future__ import annotations

from collections.abc import Iterator

from ...studies.records import Records
from ..choice import listed
from ..names import unit_names
from ..shown import shown
from ..sweep.cells import curves_answer, energy_answer
from .fronts import EXACT, FUSED, points_of, question
from .gaps import gaps_answer
from .pictures import MODEL_TITLES
from .walks import WALKS, steps_of


def subject(records: Records) -> str:
    """How much was measured."""
    study = records["study/full"]
    left = f" ({study.number('left'):.0f} more are planned and not measured yet)" if "left" in study.metrics else ""
    return f"{study.number('units'):.0f} units in {study.number('measurements'):.0f} measurements on real layers of MiniLM{left}"


def answer(records: Records) -> list[str]:
    """Which format to take for which accuracy and target, and which is beaten everywhere."""
    asked = question(records)
    return [asked.take(), asked.avoid()]


def findings(records: Records) -> Iterator[str]:
    """What else was found, a sentence each."""
    for walk in WALKS:
        ours = [step.number("ours") for step in steps_of(records, walk)]
        yield (
            f"{walk.source.split(',')[0]}: {walk.claim} {walk.published_text}; in that setting we find {_percent(ours[0])}, and "
            f"between {_percent(min(ours))} and {_percent(max(ours))} as assumptions are moved. {walk.finding}"
        )
    for rounding, words in ((EXACT, "with exact sums, which have no error"), (FUSED, "with one rounding a step")):
        best = records[f"cheapest/e4m3-{rounding}/generic"]
        yield (
            f"32 products a step {words}: the smallest of {best.number('formulations'):.0f} E4M3 units, "
            f"{best.config['formulation']}, takes {_percent(best.number('over_int8'))} over the smallest INT8 unit in gates, "
            f"{_percent(records[f'cheapest/e4m3-{rounding}/ecp5'].number('over_int8'))} in LUT4."
        )
    yield from gaps_answer(records)
    yield from _fronts(records)
    yield from curves_answer(records)
    yield from energy_answer(records)
    models = [
        f"{MODEL_TITLES[r.config['metric']]} on {MODEL_TITLES.get(r.config['target'], r.config['target'])} "
        f"{shown(r.number('held_out_median'), 1)} % ({shown(r.number('held_out_p90'), 1)} %)"
        for r in records.of_kind("model")
    ]
    if models:
        yield f"Cost models err on units that they never saw by, in the median (nine in ten within): {listed(models)}."


def _fronts(records: Records) -> Iterator[str]:
    """The members of each front, axes with the same ones together."""
    points, axes = points_of(records)
    names, common = unit_names(points)
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, axis in axes.items():
        alike.setdefault(tuple(records[f"front/{name}"].config["members"]), []).append(axis.word)
    integers = {tuple(found.config["members"]): found for found in records.of_kind("front")}
    for parts, words in alike.items():
        found = integers[parts]
        yield (
            f"Of the {len(points)} units of {common}, nothing beats {listed([names[part] for part in parts])} in SQNR for "
            f"{listed(words)}; {found.number('integer_members'):.0f} of these {found.number('members'):.0f} are integers."
        )


def _percent(value: float) -> str:
    return f"{shown(value, 1, signed=True)} %"
