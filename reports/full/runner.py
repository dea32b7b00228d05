"""Runs the full study and replaces its directory's files when all are there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from ...config import MacConfig
from ...models.layers import sample_layers
from ...studies.committed import RESULTS as RESULTS
from ...studies.full.layer_errors import error_jobs
from ...studies.full.models import model_records
from ...studies.full.parts import parts_jobs
from ...studies.full.plan import planned, studies
from ...studies.ids import unit_key
from ...studies.int_vs_fp.scales import ScaleBook
from ...studies.jobs import run_all
from ...studies.records import FULL, Record, Records, metric
from ...studies.sweep.engine import run_tasks
from ...studies.sweep.grid import Skipped
from ...studies.sweep.sizes import say_sizes
from ...studies.sweep.study_file import StudyFile
from ...studies.sweep.taken import Committed
from ...system.files import output_directory
from ..page import Page
from . import cheapest, fronts, text
from .claims import claim_records
from .pictures import render_pictures
from .tables import all_tables
from .walks import PARTS, walk_records

STUDY_RECORD = "study/full"


def run(
    out: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = True,
    fresh: bool = False,
) -> Path:
    """Measure every unit of the study files on every target, and write the report.

    Parameters
    ----------
    out
        Directory of ``index.html``, ``report.md``, ``records.json``, ``records.csv`` and the pictures; made if missing.
        Nothing in it changes before everything was measured and rendered.
    workers, dask, progress
        As for ``sweep.engine.run_tasks``.
    fresh
        Whether to measure again what is committed and still of the same circuits, tools and ways.

    Returns
    -------
    The path of ``index.html``.

    Raises
    ------
    BitmillError
        If a tool is missing or fails, the scheduler cannot be reached, or ``out`` cannot be written.
    """
    with output_directory(out) as staged:
        records = measure(studies(), workers=workers, dask=dask, progress=progress, fresh=fresh)
        for name, content in page(records).files().items():
            (staged / name).write_text(content, encoding="utf-8", newline="\n")
    return Path(out) / "index.html"


def measure(
    chosen: Mapping[str, StudyFile],
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = False,
    fresh: bool = False,
) -> Records:
    """All records, measured and derived.

    Raises
    ------
    BitmillError
        As ``run``.
    """
    tasks, skipped = planned(chosen)
    say_sizes(tasks, len(skipped), progress=progress)
    taken = None if fresh else Committed()
    measured = run_tasks(tasks, workers=workers, dask=dask, progress=progress, taken=taken)
    swept = [replace(record, study=FULL) for record in measured]
    compared = _units(chosen, fronts.STUDY_FILE)
    split = {unit_key(config): config for config in [*compared, *PARTS]}.values()
    jobs: dict[str, Callable[[], list[Record]]] = dict(parts_jobs(split, fresh=fresh))
    aligned = _units(chosen, cheapest.STUDY_FILE)
    jobs |= error_jobs([*compared, *aligned], sample_layers(), ScaleBook())
    computed = [record for batch in run_all(jobs, workers=workers, progress=progress) for record in batch]
    about = _study_record(chosen, skipped, swept, [unit_key(config) for config in compared])
    return derived(Records([about, *swept, *computed], study=FULL), chosen)


def derived(measured: Records, chosen: Mapping[str, StudyFile]) -> Records:
    """The measured records, and those that follow from them.

    Raises
    ------
    BitmillError
        If one is missing.
    """
    points = list(fronts.point_records(measured, _units(chosen, fronts.STUDY_FILE)))
    first = [*points, *fronts.front_records(points), *walk_records(measured)]
    first += cheapest.cheapest_records(measured, _units(chosen, cheapest.STUDY_FILE))
    first += model_records()
    known = Records([*measured, *first], study=FULL)
    return Records([*known, *claim_records(known)], study=FULL)


def _units(chosen: Mapping[str, StudyFile], name: str) -> list[MacConfig]:
    return list(chosen[name].expand().units.values())


def page(records: Records) -> Page:
    """What the report shows."""
    return Page(
        title=text.TITLE,
        subject=text.subject(records),
        answer=text.answer(records),
        tables=all_tables(records),
        regenerate=text.REGENERATE,
        records=records,
        pictures=render_pictures(records),
        captions=text.CAPTIONS,
    )


def _study_record(
    chosen: Mapping[str, StudyFile], skipped: Iterable[Skipped], swept: Iterable[Record], compared: list[str]
) -> Record:
    swept, skipped = list(swept), list(skipped)
    return Record(
        id=STUDY_RECORD,
        kind="study",
        config={
            "studies": {name: study.title for name, study in chosen.items()},
            "compared": compared,
            "skipped": [{"fields": dict(row.fields), "reason": row.reason} for row in skipped],
        },
        unit="",
        flow={},
        tool_versions={},
        seeds=(),
        metrics={
            "units": metric(len({record.unit for record in swept}), "units"),
            "measurements": metric(len(swept), "measurements"),
            "skipped": metric(len(skipped), "combinations"),
        },
        study=FULL,
    )
