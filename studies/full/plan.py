"""What the full study measures: the study files beside this one, each unit on each target once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ...config import MacConfig
from ...system.errors import BitmillError
from ..sweep.grid import Skipped
from ..sweep.study_file import StudyFile
from ..sweep.targets import tasks_of
from ..sweep.task import Task

STUDIES = Path(__file__).parent / "studies"
GRID, FRONTS, ALIGNERS, LIBRARIES = "grid", "fronts", "aligners", "libraries"
"""The default study; that whose units are compared with each other; that of formulations of few functions; that of libraries."""
FIRST = ("targets", "formatscope", LIBRARIES)
"""Asked for most, and so measured first where a run is given less time than all takes."""


def studies(folder: Path = STUDIES) -> Mapping[str, StudyFile]:
    """Every study file by its name: those first that are measured first.

    Raises
    ------
    BitmillError
        If one is bad.
    """
    paths = sorted(folder.glob("*.toml"), key=lambda path: ([name != path.stem for name in FIRST], path.stem))
    return {path.stem: StudyFile.from_toml(path) for path in paths}


def units_of(name: str, chosen: Mapping[str, StudyFile] | None = None) -> list[MacConfig]:
    """The units of one of the studies."""
    return list((chosen or studies())[name].expand().units.values())


def planned(
    chosen: Mapping[str, StudyFile], libraries: Collection[str] | None = None
) -> tuple[list[Task], list[Skipped]]:
    """Tasks of all studies on these libraries, or on all, equal ones once, and combinations that are no unit.

    Raises
    ------
    BitmillError
        If two studies ask for different measurements of one name.
    """
    tasks: dict[str, Task] = {}
    skipped: list[Skipped] = []
    for study in chosen.values():
        expanded = study.expand()
        for task in tasks_of(expanded, study.targets):
            if libraries is not None and task.library not in libraries:
                continue
            if tasks.setdefault(task.key, task) != task:
                raise BitmillError(f"{study.title}: {task.key} must be measured as another study does, not as {task!r}")
        skipped += expanded.skipped
    return list(tasks.values()), skipped
