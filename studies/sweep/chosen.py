"""The formulation that a task's unit is measured in, and what records say of how it was chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...config import FORMULATIONS, MacConfig
from ...fpga.formulation_choice import Probe, choose
from .task import Task

CHOSEN = "chosen"
"""In a flow, the formulation that was best."""
_ROWS = {field: [name for name, row in rows.items() if not row.arrays_only] for field, rows in FORMULATIONS.items()}
CHOSEN_OF: Mapping[str, Any] = {"formulations": _ROWS}
"""In a flow, the rows that it was chosen of."""


def chosen_for(task: Task, probe: Probe) -> tuple[MacConfig, dict[str, Any]]:
    """The task's unit with the formulation to measure, and what a record's flow says of how that was chosen."""
    if not task.best:
        return task.unit, {}
    found = choose(task.unit, probe)
    return found.config, {**CHOSEN_OF, CHOSEN: found.config.formulation, "tried": found.to_dict()["tried"]}
