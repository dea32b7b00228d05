"""Runs a study file and replaces its directory's files when all are there."""

from __future__ import annotations

import shlex
from pathlib import Path

from ...studies.records import STUDY, Records
from ...studies.sweep.engine import run_tasks
from ...studies.sweep.sizes import expand_told, say_sizes
from ...studies.sweep.study_file import StudyFile
from ...studies.sweep.taken import Committed
from ...studies.sweep.targets import tasks_of
from ...system.files import output_directory
from .page import page, study_record

MEASURED_BY = "bitmill report int-vs-fp --full"
"""The command that made what is committed."""


def run(
    study_file: str | Path,
    out: str | Path,
    *,
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = True,
    fresh: bool = False,
) -> Path:
    """Measure every unit of a study on every target, and write the report.

    Parameters
    ----------
    study_file
        TOML, see ``StudyFile``.
    out
        Directory of ``index.html``, ``report.md``, ``records.json``, ``records.csv`` and the pictures; made if missing.
        Nothing in it changes before everything was measured and rendered.
    workers, dask, progress
        As for ``run_tasks``.
    fresh
        Whether to measure what the committed full study holds as well.

    Returns
    -------
    The path of ``index.html``.

    Raises
    ------
    BitmillError
        If the file is bad, a tool is missing or fails, the scheduler cannot be reached, or ``out`` cannot be written.
    """
    study = StudyFile.from_toml(study_file)
    with output_directory(out) as staged:
        expanded = expand_told(study, progress=progress)
        tasks = list(tasks_of(expanded, study.targets))
        say_sizes(tasks, len(expanded.skipped), progress=progress)
        measured = run_tasks(
            tasks,
            workers=workers,
            dask=dask,
            progress=progress,
            taken=None if fresh else Committed(measured_by=MEASURED_BY),
        )
        about = study_record(study.title, expanded.skipped, len(expanded.units))
        records = Records([about, *measured], study=STUDY)
        command = f"bitmill report {shlex.quote(Path(study_file).name)} -o DIR"
        for name, content in page(records, command=command).files().items():
            (staged / name).write_text(content, encoding="utf-8", newline="\n")
    return Path(out) / "index.html"
