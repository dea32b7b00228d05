"""Measurements of tasks that the committed full study holds and that are still of the same circuit, tools and ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...config import MacConfig
from ...fpga.power import LEFT_OUT, WEIGHED
from ...fpga.power_parts import SPLIT
from ..circuits import Measured
from ..committed import committed_records, still_valid
from ..int_vs_fp.emitted import verilog_of, with_multiplier
from ..libraries import library_named
from ..records import FULL, Record, Records
from .chosen import CHOSEN, CHOSEN_OF
from .clocks import PERTURBED
from .measurement import record_of
from .operands import stimulus_digest, unit_stimulus
from .task import CLOCK, FASTEST, ON_CELLS, POWER, SPREAD, Task


class Committed:
    """The records of the full study that come with a checkout; an installed package has none.

    Parameters
    ----------
    measured_by
        The command that made them, which a record taken from there says in its flow; None within that command itself.
    """

    def __init__(self, *, measured_by: str | None = None) -> None:
        self._measured_by = measured_by
        self._records: Records = committed_records(FULL)

    def record(self, task: Task) -> Record | None:
        """The task's record, if its unit has the same Verilog and was measured in the same way with the tools at hand.

        Raises
        ------
        BitmillError
            If the unit cannot be elaborated.
        """
        if task.key not in self._records:
            return None
        found = self._records[task.key]
        asked = record_of(task, Measured({}, {}, {}))
        if dict(found.config) != dict(asked.config) or found.topic != asked.topic:
            return None
        unit = MacConfig.from_dict({**task.config, **found.flow.get(CHOSEN, {})}) if task.best else task.unit
        text = verilog_of(with_multiplier(unit, dsp=task.dsp))
        if not still_valid(found, text, same=_same(task), seeds=task.seeds if task.target == CLOCK else None):
            return None
        if task.target == POWER and found.metrics["cycles"].value != task.cycles:
            return None
        origin: dict[str, Any] = {}
        if self._measured_by is not None:
            where = f"reports/results/{FULL}/records.json: {task.key}"
            origin = {"measured_by": self._measured_by, "record": where}
        return replace(found, flow={**found.flow, **origin})


def _same(task: Task) -> Mapping[str, Any]:
    """What a record's flow says of how it was measured and that can be told without measuring."""
    same: dict[str, Any] = {**(CHOSEN_OF if task.best else {})}
    if task.target not in ON_CELLS:
        return same
    same["library_sha256"] = library_named(task.library).sha256
    if task.target == FASTEST:
        return {**same, "periods": list(task.periods)}
    if task.target == SPREAD:
        return {**same, "period_ns": task.period_ns, "factors": list(PERTURBED)}
    if task.target == POWER:
        stimulus = stimulus_digest(unit_stimulus(task.unit, task.operands or "layer", task.cycles))
        ways = {"estimated": WEIGHED, "split": SPLIT, "left_out": LEFT_OUT}
        return {**same, **ways, "period_ns": task.period_ns, "stimulus_sha256": stimulus}
    return {**same, "period_ns": task.period_ns}
