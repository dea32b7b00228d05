"""Words of the full study's page."""

from __future__ import annotations

from collections.abc import Iterator

from ...studies.full.plan import COMMAND
from ...studies.records import Records
from ..shown import shown
from ..sweep.curves import curves_answer
from ..sweep.energy_bars import energy_answer
from .cheapest import EXACT, FUSED
from .fronts import AXES
from .walks import WALKS, steps_of

TITLE = "INT versus FP: what each assumption costs"

REGENERATE = (
    (COMMAND, "this report; what is known is not measured again"),
    ("python -m bitmill.studies.cost --fit", "the cost models of `bitmill estimate`, fitted on `reports/results/cost`"),
)

CAPTIONS = {
    "walks-van-baalen": "FP8-E4M3 against INT8: from van Baalen's setting to ours, one assumption at a time.",
    "walks-formatscope": "FormatScope's claims: from its setting to ours, one assumption at a time.",
    "aligners": "FP8 against INT8 at 32 products a step, every formulation.",
    "fronts": "Error on real layers against gates, LUTs, time and energy.",
    "curves": "Area and throughput per area against the clock.",
    "energy": "Energy per MAC of every compared unit by part, on a real layer's operands and on random ones.",
    "lengths": "Cost of a product over the fused length.",
    "parts": "Where the gates of every compared unit go.",
    "models": "Errors of the cost models on units that they never saw.",
}


def subject(records: Records) -> str:
    """How much was measured."""
    study = records["study/full"]
    return f"{study.number('units'):.0f} units in {study.number('measurements'):.0f} measurements, on real layers of MiniLM"


def answer(records: Records) -> list[str]:
    """The findings, a sentence each."""
    return list(_answer(records))


def _answer(records: Records) -> Iterator[str]:
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
    for name, axis in AXES.items():
        front = records[f"front/{name}"]
        yield (
            f"Best SQNR for {axis.title}: {', '.join(front.config['members'])}; {front.number('integer_members'):.0f} of "
            f"{front.number('members'):.0f} are integers."
        )
    yield from curves_answer(records)
    yield from energy_answer(records)
    for record in records.of_kind("model"):
        yield (
            f"The cost model of {record.config['target']} {record.config['metric']} errs by "
            f"{shown(record.number('held_out_median'), 1)} % in the median on {record.number('held_out_units'):.0f} units "
            f"it never saw, nine in ten by no more than {shown(record.number('held_out_p90'), 1)} %."
        )


def _percent(value: float) -> str:
    return f"{shown(value, 1, signed=True)} %"
