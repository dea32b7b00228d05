"""Fits cost models on synthesized units and judges them on those held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.stats import spearmanr

from ...config import AcceleratorConfig
from ...errors import BitmillError
from ..ids import unit_key
from ..records import Record
from ..sweep.task import unit_of
from .features import features
from .held_out import reason_held_out
from .model import CostModel, Errors, total

MODELLED = (("generic", "logic"), ("generic", "registers"), ("ecp5", "logic"), ("ecp5", "registers"))
"""Targets and metrics of the models."""


@dataclass(frozen=True)
class Sample:
    """A unit and what synthesis gave."""

    config: AcceleratorConfig
    value: float


def fit_all(records: Iterable[Record], *, source: str, command: str) -> list[CostModel]:
    """A model for every one of ``MODELLED``, on the records of units that are not held out.

    Parameters
    ----------
    records
        Of a sweep; others are passed over.
    source, command
        Where the records lie and what made them, for the provenance.

    Raises
    ------
    BitmillError
        If there are too few units.
    """
    areas = [record for record in records if record.kind == "area" and not record.config.get("dsp")]
    return [
        fit(
            [record for record in areas if record.config["target"] == target],
            target=target, metric=metric, source=source, command=command,
        )
        for target, metric in MODELLED
    ]  # fmt: skip


def fit(records: Sequence[Record], *, target: str, metric: str, source: str, command: str) -> CostModel:
    """Prices with the least squared relative errors, none negative.

    Parameters
    ----------
    records
        Areas of one target.
    target, metric
        What is modelled.
    source, command
        For the provenance.

    Raises
    ------
    BitmillError
        If there are fewer units than features, or none held out.
    """
    fitted, held_out = split(records, metric)
    rows = [features(sample.config) for sample in fitted]
    names = sorted({name for row in rows for name in row})
    if len(fitted) < len(names) or not held_out or not names:
        raise BitmillError(
            f"units of {target} must be at least {max(len(names), 1)} to fit and some held out, "
            f"not {len(fitted)} and {len(held_out)}"
        )
    values = np.array([sample.value for sample in fitted])
    table = np.array([[row.get(name, 0.0) for name in names] for row in rows])
    relative = table / values[:, None]
    # Columns of one size, so that the solver's tolerance means the same for all.
    scale = np.linalg.norm(relative, axis=0)
    solved, _ = nnls(relative / scale, np.ones(len(values)))
    prices = {name: float(f"{price:.6g}") for name, price in zip(names, solved / scale, strict=True)}
    return CostModel(
        target=target,
        metric=metric,
        unit=records[0].metrics[metric].unit,
        prices=prices,
        greatest=dict(zip(names, table.max(axis=0).tolist(), strict=True)),
        fitted=errors(prices, fitted),
        held_out=errors(prices, held_out),
        provenance=_provenance(records, fitted, held_out, source=source, command=command),
    )


def split(records: Iterable[Record], metric: str) -> tuple[list[Sample], list[Sample]]:
    """Units to fit on, and units held out."""
    fitted: list[Sample] = []
    held_out: list[Sample] = []
    for record in records:
        config = unit_of(record)
        side = fitted if reason_held_out(config) is None else held_out
        side.append(Sample(config, record.number(metric)))
    return fitted, held_out


def errors(prices: Mapping[str, float], samples: Iterable[Sample]) -> Errors:
    """Errors of predictions by these prices on samples."""
    pairs = [(total(prices, features(sample.config)), sample.value) for sample in samples]
    predicted, values = np.array(pairs).T
    relative = np.abs(predicted / values - 1)
    rank = float(spearmanr(predicted, values)[0])  # pyright: ignore[reportArgumentType]
    return Errors(
        units=len(values),
        median=round(float(np.median(relative)), 5),
        p90=round(float(np.percentile(relative, 90)), 5),
        rank=round(rank, 5),
    )


def _provenance(
    records: Sequence[Record], fitted: Sequence[Sample], held_out: Sequence[Sample], *, source: str, command: str
) -> dict[str, Any]:
    tools: dict[str, str] = {}
    for record in records:
        tools.update(record.tool_versions)
    return {
        "records": source,
        "made_by": command,
        "method": "non-negative least squares of relative errors",
        "tools": dict(sorted(tools.items())),
        "fitted_on": [unit_key(sample.config) for sample in fitted],
        "held_out": {unit_key(sample.config): reason_held_out(sample.config) for sample in held_out},
    }
