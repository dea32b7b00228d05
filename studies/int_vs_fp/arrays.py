"""Arrays of PEs: cells, clock, and the cycles that whole layers and a reference matrix product take."""

from __future__ import annotations

import math
from collections.abc import Iterator

from ...config import MacConfig
from ...hdl import Array, build
from ...models.layers import Layer
from ...system.errors import BitmillError
from ..ids import measured_id
from ..jobs import Job
from ..records import Record, Records, metric
from .clocks import committed_timing, timing_record
from .hardware import area_record
from .study import ARRAY_UNITS, Case, Pair, Study

REFERENCE = (64, 64, 64)
"""M, N, K of a matrix product whose cycles are published for an array of the same size."""

ROUTED_HERE = ("4x4",)
"""Arrays that are placed and routed in the study, with one seed, where the benchmarks hold no clock of them."""


def array_jobs(study: Study) -> Iterator[tuple[str, Job]]:
    """Name and job of every measurement of the arrays, the longest first."""
    for case in study.arrays:
        yield f"clock of {case.name}", lambda case=case: _clock(study, case)
    for case in study.arrays:
        for dsp in (False, True):
            name = f"ECP5 with DSP {case.name}" if dsp else f"ECP5 {case.name}"
            yield name, lambda case=case, dsp=dsp: [area_record(case, "ecp5", dsp=dsp)]
    for case in (*study.arrays, *dict.fromkeys(Case(case.pair, "mac") for case in study.arrays)):
        yield f"clock of {case.name} with DSP", lambda case=case: _committed(case, dsp=True)


def _clock(study: Study, case: Case) -> list[Record]:
    """The committed clock of an array; if there is none, a small array is placed and routed and a large one is not."""
    known = _committed(case, dsp=False)
    return known or ([timing_record(study, case)] if case.part in ROUTED_HERE else [])


def _committed(case: Case, *, dsp: bool) -> list[Record]:
    found = committed_timing(case, dsp=dsp)
    return [found] if found else []


def cycle_records(study: Study) -> Iterator[Record]:
    """Cycles of every layer and of the reference product on every array, by the array's own formula."""
    for case in study.arrays:
        for layer in study.layers:
            yield cycle_record(case, layer.name, _shape(layer))
        yield cycle_record(case, "x".join(map(str, REFERENCE)), REFERENCE)


def _array(config: MacConfig) -> Array:
    """The array, to be asked and never elaborated: of components that ``build`` made Amaranth does not warn then."""
    unit = build(config)
    if not isinstance(unit, Array):
        raise BitmillError(f"unit must be 'array' to have cycles of tiles, not {config.unit!r}")
    return unit


def cycle_record(case: Case, name: str, shape: tuple[int, int, int]) -> Record:
    """Cycles of a matrix product of ``shape`` M, N, K, cut into tiles of ``rows`` x ``cols``, and the PEs' utilisation.

    A K longer than ``k_max`` is cut too, into dot products that somebody else adds up. Utilisation is wanted products over
    products that the array could do in these cycles, so ragged tiles, fill and drain all count against it.
    """
    config = case.config
    m, n, k = shape
    tiles = math.ceil(m / config.rows) * math.ceil(n / config.cols)
    cycles = _array(config).cycles(_steps(k, config.k_max, config.lanes) * tiles)
    ideal = m * n * k / config.macs
    return Record(
        id=f"cycles/{case.key}/{name}",
        topic="cycles",
        config={**config.to_dict(), "layer": name, "M": m, "N": n, "K": k},
        part=case.part,
        flow={"formula": "hdl.Array.cycles: no stalls, first step's transfer to last result's, both included"},
        metrics={
            "cycles": metric(cycles, "cycles"),
            "ideal_cycles": metric(ideal, "cycles"),
            "tiles": metric(tiles, "tiles"),
            "utilisation": metric(100 * ideal / cycles, "%"),
        },
    )


def clock_ratio_records(records: Records) -> Iterator[Record]:
    """Clock of each array over that of the bare MAC of its formats, where both were placed and routed alike."""
    for record in records.of_kind("timing"):
        _, target = record.id.split("/")
        mac = measured_id(Case(Pair(record.config["weight"], record.config["activation"]), "mac").key, target)
        if record.part in ARRAY_UNITS and mac in records:
            yield Record(
                id=f"clock-ratio/{record.id}",
                topic="clock-ratio",
                config=dict(record.config),
                part=record.part,
                flow={"derived_from": [record.id, mac], "metric": "fmax"},
                tool_versions=dict(record.tool_versions),
                metrics={"fmax_to_mac": metric(100 * record.number("fmax") / records[mac].number("fmax"), "%")},
            )


def _shape(layer: Layer) -> tuple[int, int, int]:
    return layer.weight.shape[0], len(layer.held_out), layer.weight.shape[1]


def _steps(k: int, k_max: int, lanes: int) -> list[int]:
    """Steps of the dot products that a K is cut into."""
    return [math.ceil(min(k_max, k - start) / lanes) for start in range(0, k, k_max)]
