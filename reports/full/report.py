"""The report of the full cost study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from ...studies.full.models import model_records
from ...studies.full.plan import ALIGNERS, FRONTS, LIBRARIES, studies, units_of
from ...studies.full.run import measure
from ...studies.records import FULL, Record, Records
from ..libraries import USUAL, words_of
from ..part_bars import parts_picture
from ..report import Drawing, Report
from ..sweep.cells import curve_drawings, energy_drawings
from .claims import derived_claims
from .formatscope import formatscope_records
from .fronts import cheapest_records, front_records, point_records, points_of
from .gap_picture import gaps_picture
from .gaps import BEST, GAPS, gap_records, gaps_of
from .pictures import aligners_picture, fronts_picture, lengths_picture, models_picture, walks_picture
from .tables import all_tables, figures
from .text import answer, findings, subject
from .walks import WALKS, walk_records


def derived_records(records: Records) -> Iterator[Record]:
    """Points and fronts, walks, cheapest aligners, cost models, and every claim.

    Raises
    ------
    BitmillError
        If a measurement is missing.
    """
    points = list(point_records(records, units_of(FRONTS)))
    found = [*points, *front_records(records.plus(points)), *walk_records(records)]
    found += cheapest_records(records, units_of(ALIGNERS))
    found += model_records()
    chosen = studies()
    found += [*gap_records(records, chosen[LIBRARIES], chosen[FRONTS]), *formatscope_records(records)]
    yield from found
    yield from derived_claims(records.plus(found))


def drawings(records: Records) -> Mapping[str, Drawing]:
    """All pictures; those of cells once for each library."""
    walks = {name: [walk for walk in WALKS if walk.key.startswith(name)] for name in ("van-baalen", "formatscope")}
    others = {axis.library for axis in points_of(records)[1].values()} - {"", USUAL}
    return {
        "fronts": Drawing(fronts_picture, "Error on real layers against gates, LUTs, time and energy."),
        **{
            f"fronts-{name}": Drawing(partial(fronts_picture, library=name), f"The same on {words_of(name)}.")
            for name in sorted(others)
        },
        "walks-van-baalen": Drawing(
            partial(walks_picture, walks=walks["van-baalen"], title="Why FP8 looked 183 % dearer than INT8"),
            "FP8-E4M3 against INT8: from van Baalen's setting to ours, one assumption at a time.",
        ),
        "walks-formatscope": Drawing(
            partial(walks_picture, walks=walks["formatscope"], title="FormatScope's figures, one assumption at a time"),
            "FormatScope's claims: from its setting to ours, one assumption at a time.",
        ),
        **({"libraries": Drawing(gaps_picture, _LIBRARIES)} if len(gaps_of(records, GAPS[0].title, BEST)) > 1 else {}),
        "aligners": Drawing(aligners_picture, "FP8 against INT8 at 32 products a step, every formulation."),
        **curve_drawings(records),
        **energy_drawings(records),
        "lengths": Drawing(lengths_picture, "Cost of a product over the fused length."),
        "parts": Drawing(parts_picture, "Where the gates of every compared unit go."),
        "models": Drawing(models_picture, "Errors of the cost models on units that they never saw."),
    }


_LIBRARIES = "INT against FP on cell libraries of 180, 130 and 7 nm."

REPORT = Report(
    study=FULL,
    title="INT versus FP: what each assumption costs",
    subject=subject,
    measure=measure,
    derives=("point", "front", "walk", "cheapest", "model", "prediction", "gap", "formatscope", "claim"),
    derive=derived_records,
    answer=answer,
    findings=findings,
    tables=all_tables,
    drawings=drawings,
    regenerate=(
        (
            f"bitmill report int-vs-fp --full -o reports/results/{FULL}",
            "this report; what is known is not measured again",
        ),
        (
            "python -m bitmill.studies.cost --fit",
            "the cost models of bitmill estimate, fitted on what is in reports/results/cost",
        ),
    ),
    figures=figures,
)
