"""Units of the full study that were synthesized for the models' targets: common formats, up to many lanes."""

from __future__ import annotations

from typing import Any

from ...fpga.cost.features import MAX_LANES
from ...fpga.cost.measured_units import TARGETS, Cells, Measured
from ..committed import committed_records
from ..records import FULL

SEED = 0
"""Stands where other units have the seed of their draw."""

_OF_MEASUREMENTS = frozenset({"target", "dsp", "period_ns", "operands"})


def study_units() -> list[Measured]:
    """Those of the committed records that are no arrays, in the records' order."""
    configs: dict[str, dict[str, Any]] = {}
    cells: dict[str, dict[str, Cells]] = {}
    for record in committed_records(FULL).of_kind("area"):
        target = record.config["target"]
        if target not in TARGETS or record.config.get("dsp"):
            continue
        config = {name: value for name, value in record.config.items() if name not in _OF_MEASUREMENTS}
        if config["unit"] == "array" or config["lanes"] > MAX_LANES:
            continue
        configs[record.part] = config
        found = (record.number("logic"), int(record.number("registers")), record.flow["recipe"])
        cells.setdefault(record.part, {})[target] = found
    whole = [name for name, found in cells.items() if set(found) == set(TARGETS)]
    return [Measured(SEED, index, configs[name], cells[name]) for index, name in enumerate(whole)]
