"""All that is measured for a study file."""

from __future__ import annotations

from collections.abc import Sequence

from ..committed import committed_records
from ..records import FULL, Metric, Record, metric
from .engine import run_tasks
from .grid import Skipped
from .sizes import expand_told, say_sizes
from .study_file import StudyFile
from .taken import Committed
from .targets import tasks_of

STUDY_RECORD = "study"
MEASURED_BY = "bitmill report int-vs-fp --full"
"""The command that made what is committed."""


def measure(
    study: StudyFile, *, workers: int | None = None, dask: str | None = None, progress: bool = True, fresh: bool = False
) -> list[Record]:
    """Measure every unit of a study on every target.

    Parameters
    ----------
    study
        Units and targets.
    workers, dask, progress
        As for ``run_tasks``.
    fresh
        Whether to measure what the committed full study holds as well.

    Raises
    ------
    BitmillError
        If a tool is missing or fails, or the scheduler cannot be reached.
    """
    expanded = expand_told(study, progress=progress)
    tasks = list(tasks_of(expanded, study.targets))
    say_sizes(tasks, len(expanded.skipped), progress=progress, records=committed_records(FULL))
    taken = None if fresh else Committed(measured_by=MEASURED_BY)
    measured = run_tasks(tasks, workers=workers, dask=dask, progress=progress, taken=taken)
    return [study_record(study.title, expanded.skipped, len(expanded.units)), *measured]


def study_record(title: str, skipped: Sequence[Skipped], units: int) -> Record:
    """What the study is, and every combination that is no unit."""
    counts: dict[str, Metric] = {"units": metric(units, "units"), "skipped": metric(len(skipped), "combinations")}
    left_out = [{"fields": dict(row.fields), "reason": row.reason} for row in skipped]
    return Record(id=STUDY_RECORD, topic="study", config={"title": title, "skipped": left_out}, metrics=counts)
