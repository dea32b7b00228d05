"""All that is measured for the full study: its units on their targets, their parts, and what their arithmetic loses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...models.layers import sample_layers
from ..committed import committed_records
from ..ids import unit_key
from ..int_vs_fp.scales import ScaleBook
from ..jobs import Job, run_records
from ..libraries import libraries_found
from ..records import FULL, Record, metric
from ..sweep.engine import run_tasks
from ..sweep.grid import Skipped
from ..sweep.measurement import CPU_SECONDS
from ..sweep.sizes import hours, say_sizes
from ..sweep.study_file import StudyFile
from ..sweep.taken import Committed
from .layer_errors import error_jobs
from .parts import COUNTED, parts_jobs
from .plan import ALIGNERS, FRONTS, planned, studies, units_of

STUDY_RECORD = "study/full"


def plan(cells: Sequence[str] = ()) -> list[str]:
    """What ``measure`` would do, and the CPU hours of what is on cells, a line each.

    Raises
    ------
    BitmillError
        As ``libraries_found``.
    """
    tasks, _ = planned(studies(), libraries_found(cells))
    there = {task.key for task in tasks} & {record.id for record in committed_records(FULL)}
    todo = [task for task in tasks if task.key not in there]
    return [f"{len(tasks)} measurements, {len(there)} of them committed", *hours(todo, committed_records(FULL))]


def measure(
    *,
    cells: Sequence[str] = (),
    workers: int | None = None,
    dask: str | None = None,
    progress: bool = True,
    fresh: bool = False,
    hours: float = float("inf"),
) -> list[Record]:
    """Measure every unit of the study files on every target.

    Parameters
    ----------
    cells
        Cell libraries, as for ``libraries_found``; of the others' targets nothing is measured.
    workers, dask, progress
        As for ``sweep.engine.run_tasks``.
    fresh
        Whether to measure again what is committed and still of the same circuits, tools and ways.
    hours
        After which no further measurement is begun; what is left is counted in the study's own record.

    Raises
    ------
    BitmillError
        If a tool is missing or fails, or the scheduler cannot be reached.
    """
    chosen = studies()
    tasks, skipped = planned(chosen, libraries_found(cells))
    say_sizes(tasks, len(skipped), progress=progress, records=committed_records(FULL))
    swept = run_tasks(
        tasks, workers=workers, dask=dask, progress=progress, taken=None if fresh else Committed(), seconds=3600 * hours
    )
    compared = units_of(FRONTS, chosen)
    split = {unit_key(config): config for config in [*compared, *COUNTED]}.values()
    jobs: dict[str, Job] = dict(parts_jobs(split, fresh=fresh))
    jobs |= error_jobs([*compared, *units_of(ALIGNERS, chosen)], sample_layers(), ScaleBook())
    computed = run_records(jobs, workers=workers, progress=progress)
    about = _study_record(chosen, skipped, swept, [unit_key(config) for config in compared], len(tasks) - len(swept))
    return [about, *swept, *computed]


def _study_record(
    chosen: Mapping[str, StudyFile], skipped: Iterable[Skipped], swept: Iterable[Record], compared: list[str], left: int
) -> Record:
    swept, skipped = list(swept), list(skipped)
    return Record(
        id=STUDY_RECORD,
        topic="study",
        config={
            "studies": {name: study.title for name, study in chosen.items()},
            "compared": compared,
            "skipped": [{"fields": dict(row.fields), "reason": row.reason} for row in skipped],
        },
        metrics={
            "units": metric(len({record.part for record in swept}), "units"),
            "measurements": metric(len(swept), "measurements"),
            "skipped": metric(len(skipped), "combinations"),
            **({"left": metric(left, "measurements")} if left else {}),
            "cpu_hours": metric(sum(record.flow.get(CPU_SECONDS, 0.0) for record in swept) / 3600, "CPU h on cells"),
        },
    )
