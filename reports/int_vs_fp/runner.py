"""Runs the study, in parallel and cached by content, and replaces its directory's files when all are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...models.layers import Layer, sample_layers, user_layer
from ...studies.int_vs_fp.accumulators import accumulator_jobs
from ...studies.int_vs_fp.accuracy import accuracy_records, layer_record, search_scales
from ...studies.int_vs_fp.arrays import array_jobs, cycle_records
from ...studies.int_vs_fp.hardware import hardware_jobs
from ...studies.int_vs_fp.scales import ScaleBook
from ...studies.int_vs_fp.study import Pair, Study
from ...studies.int_vs_fp.verification import verification_jobs
from ...studies.jobs import Job, run_all
from ...studies.records import Record, Records
from ...system.errors import BitmillError
from ...system.files import output_directory
from ..page import Page
from . import text
from .answer import answer
from .claims import derived_records
from .pictures import render_pictures
from .tables import all_tables

QUICK_PAIRS = (Pair("INT4", "INT4"), Pair("E2M1", "E2M1"))
"""Pairs of a quick run, which shows that everything works on small units."""


def run(
    out: str | Path,
    *,
    weights: str | Path | None = None,
    activations: str | Path | None = None,
    calibration: str | Path | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    workers: int | None = None,
    progress: bool = True,
    quick: bool = False,
) -> Path:
    """Measure every candidate on the committed layers, or on the user's, and write the report.

    Parameters
    ----------
    out
        Directory of ``index.html``, ``report.md``, ``records.json``, ``records.csv`` and the pictures; made if missing.
        Nothing in it changes before everything was computed and rendered.
    weights, activations, calibration
        ``FILE[:TENSOR]`` of the user's own layer, ``[out, in]`` and ``[tokens, in]``; the first two go together.
    seeds
        Place-and-route seeds.
    workers
        Tools that run at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.
    quick
        Only ``QUICK_PAIRS``, single MACs and one seed.

    Returns
    -------
    The path of ``index.html``.

    Raises
    ------
    BitmillError
        If an input is bad, a tool is missing or fails, a unit differs from golden, or ``out`` cannot be written.
    """
    if (weights is None) != (activations is None):
        given, missing = ("weights", "activations") if activations is None else ("activations", "weights")
        raise BitmillError(f"{missing} must be given as well when {given} are")
    if calibration is not None and weights is None:
        raise BitmillError("calibration must come with weights and activations")
    if not seeds:
        raise BitmillError(f"seeds must hold at least one seed, not {list(seeds)!r}")
    with output_directory(out) as staged:
        if weights is not None and activations is not None:
            layers = (user_layer(weights, activations, calibration),)
        else:
            layers = sample_layers()
        if quick:
            study = Study(
                layers[:1],
                pairs=QUICK_PAIRS,
                units=("mac",),
                array_units=(),
                accumulator_pairs=(),
                seeds=tuple(seeds)[:1],
            )
        else:
            study = Study(layers, seeds=tuple(seeds))
        records = measure(study, workers=workers, progress=progress)
        for name, text in render(records).items():
            (staged / name).write_text(text, encoding="utf-8", newline="\n")
    return Path(out) / "index.html"


def measure(study: Study, *, workers: int | None = None, progress: bool = False) -> Records:
    """Run everything a study asks for and return its records, in an order that does not depend on timing.

    Raises
    ------
    BitmillError
        The first failure; jobs that had finished are in the cache.
    """
    book = ScaleBook()
    jobs: dict[str, Job] = dict(hardware_jobs(study))
    jobs.update(array_jobs(study))
    jobs.update(accumulator_jobs(study, book))
    jobs.update(verification_jobs(study, book))
    for layer in study.layers:
        for name in study.formats:
            jobs[f"scales {name} on {layer.name}"] = lambda layer=layer, name=name: _searched(study, layer, name, book)
    measured = run_all(jobs, workers=workers, progress=progress)
    records = [layer_record(layer) for layer in study.layers]
    for layer in study.layers:
        records.extend(accuracy_records(study, layer, book))
    records.extend(cycle_records(study))
    records.extend(sorted((record for batch in measured for record in batch), key=lambda record: record.id))
    return Records([*records, *derived_records(Records(records))])


def render(records: Records) -> dict[str, str]:
    """File name to text of everything in the report's directory, from the records alone."""
    return page(records).files()


def page(records: Records) -> Page:
    """What the report shows."""
    return Page(
        title=text.TITLE,
        subject=text.subject(records),
        answer=answer(records),
        tables=all_tables(records),
        regenerate=text.REGENERATE,
        records=records,
        pictures=render_pictures(records),
        captions=text.CAPTIONS,
    )


def _searched(study: Study, layer: Layer, name: str, book: ScaleBook) -> list[Record]:
    search_scales(study, layer, name, book)
    return []
