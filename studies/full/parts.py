"""Parts of the units that are compared with each other, and of those whose parts a paper counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...config import ExactAccumulator, FloatAccumulator, MacConfig
from ..committed import committed_records, still_valid
from ..int_vs_fp.emitted import verilog_of
from ..int_vs_fp.parts import HOW, parts_id, parts_record
from ..jobs import Job
from ..records import FULL, Record, Records


def _mac(pair: str, accumulator: FloatAccumulator | ExactAccumulator) -> MacConfig:
    return MacConfig(weight=pair, activation=pair, accumulator=accumulator, pipeline=0)


COUNTED: tuple[MacConfig, ...] = (
    _mac("INT8", ExactAccumulator()),
    _mac("E4M3", FloatAccumulator(format="FP32")),
    _mac("E4M3", FloatAccumulator(format="FP16")),
)
"""Units whose parts are counted besides those compared, because a paper counts parts."""


def parts_jobs(units: Iterable[MacConfig], *, fresh: bool = False) -> Iterator[tuple[str, Job]]:
    """Name and job of every unit's parts; what is committed and still of the same circuit is taken unless ``fresh``."""
    known = Records([], study=FULL) if fresh else committed_records(FULL)
    for config in units:
        yield parts_id(config), lambda config=config: [_taken(known, config) or parts_record(config)]


def _taken(known: Records, config: MacConfig) -> Record | None:
    name = parts_id(config)
    if name not in known or dict(known[name].config) != config.to_dict():
        return None
    return known[name] if still_valid(known[name], verilog_of(config), same=HOW) else None
