"""All that is measured of the candidates, in parallel and cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...models.layers import Layer, sample_layers, user_layer
from ...system.errors import BitmillError
from ..jobs import Job, run_records
from ..records import Record
from .accumulators import accumulator_jobs
from .accuracy import accuracy_records, layer_record, search_scales
from .arrays import array_jobs, cycle_records
from .hardware import hardware_jobs
from .scales import ScaleBook
from .study import Pair, Study
from .verification import verification_jobs

QUICK_PAIRS = (Pair("INT4", "INT4"), Pair("E2M1", "E2M1"))
"""Pairs of a quick run, which shows that everything works on small units."""


def measure(
    *,
    weights: str | Path | None = None,
    activations: str | Path | None = None,
    calibration: str | Path | None = None,
    seeds: Sequence[int] = (1, 2, 3),
    workers: int | None = None,
    progress: bool = True,
    quick: bool = False,
) -> list[Record]:
    """Measure every candidate on the committed layers, or on the user's.

    Parameters
    ----------
    weights, activations, calibration
        ``FILE[:TENSOR]`` of the user's own layer, ``[out, in]`` and ``[tokens, in]``; the first two go together.
    seeds
        Place-and-route seeds.
    workers
        Tools that run at the same time; the number of cores by default.
    progress
        Whether to show progress on standard error.
    quick
        Only ``QUICK_PAIRS``, single MACs and one seed.

    Raises
    ------
    BitmillError
        If an input is bad, a tool is missing or fails, or a unit differs from golden.
    """
    if (weights is None) != (activations is None):
        given, missing = ("weights", "activations") if activations is None else ("activations", "weights")
        raise BitmillError(f"{missing} must be given as well when {given} are")
    if calibration is not None and weights is None:
        raise BitmillError("calibration must come with weights and activations")
    if not seeds:
        raise BitmillError(f"seeds must hold at least one seed, not {list(seeds)!r}")
    if weights is not None and activations is not None:
        layers = (user_layer(weights, activations, calibration),)
    else:
        layers = sample_layers()
    study = Study(layers, seeds=tuple(seeds))
    if quick:
        study = Study(
            layers[:1], pairs=QUICK_PAIRS, units=("mac",), array_units=(), accumulator_pairs=(), seeds=tuple(seeds)[:1]
        )
    return measure_study(study, workers=workers, progress=progress)


def measure_study(study: Study, *, workers: int | None = None, progress: bool = False) -> list[Record]:
    """Run everything a study asks for.

    Raises
    ------
    BitmillError
        The first failure; jobs that had finished are in the cache.
    """
    book = ScaleBook()
    jobs: dict[str, Job] = dict(hardware_jobs(study))
    jobs |= array_jobs(study)
    jobs |= accumulator_jobs(study, book)
    jobs |= verification_jobs(study, book)
    for layer in study.layers:
        for name in study.formats:
            jobs[f"scales {name} on {layer.name}"] = lambda layer=layer, name=name: _searched(study, layer, name, book)
    measured = run_records(jobs, workers=workers, progress=progress)
    records = [layer_record(layer) for layer in study.layers]
    for layer in study.layers:
        records.extend(accuracy_records(study, layer, book))
    return [*records, *cycle_records(study), *sorted(measured, key=lambda record: record.id)]


def _searched(study: Study, layer: Layer, name: str, book: ScaleBook) -> list[Record]:
    search_scales(study, layer, name, book)
    return []
