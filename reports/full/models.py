"""The cost models as records: their errors, and every prediction of a unit that they never saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..cost.features import features
from ..cost.fit import fit_all
from ..cost.held_out import reason_held_out
from ..cost.model import CostModel, Errors, total
from ..records import FULL, Metric, Record, metric
from ..sweep.targets import tasks_of
from ..sweep.task import unit_of
from .plan import COMMAND, GRID, studies


def of_default_study(records: Iterable[Record]) -> list[Record]:
    """The records of the default study's tasks."""
    study = studies()[GRID]
    keys = {task.key for task in tasks_of(study.expand(), study.targets)}
    return [record for record in records if record.id in keys]


def fitted_models(records: Iterable[Record]) -> list[CostModel]:
    """Models fitted on those of the records that are of the default study.

    Raises
    ------
    BitmillError
        If there are too few.
    """
    return fit_all(of_default_study(records), source=f"reports/results/{FULL}/records.json", command=COMMAND)


def model_records(models: Iterable[CostModel], records: Iterable[Record]) -> Iterator[Record]:
    """A record per model, and one per held-out unit and model."""
    areas = [record for record in of_default_study(records) if record.kind == "area" and not record.config.get("dsp")]
    for model in models:
        yield Record(
            id=f"model/{model.name}",
            kind="model",
            config={"target": model.target, "metric": model.metric},
            unit="",
            flow={"method": model.provenance["method"], "prices": dict(model.prices)},
            tool_versions=dict(model.provenance["tools"]),
            seeds=(),
            metrics={**_errors("fitted", model.fitted), **_errors("held_out", model.held_out)},
            study=FULL,
        )
        for record in areas:
            if record.config["target"] == model.target and (reason := reason_held_out(unit_of(record))):
                yield _prediction(model, record, reason)


def _errors(side: str, errors: Errors) -> dict[str, Metric]:
    return {
        f"{side}_units": metric(errors.units, "units"),
        f"{side}_median": metric(100 * errors.median, "%"),
        f"{side}_p90": metric(100 * errors.p90, "%"),
        f"{side}_rank": metric(errors.rank, "1"),
    }


def _prediction(model: CostModel, record: Record, reason: str) -> Record:
    predicted, synthesized = total(model.prices, features(unit_of(record))), record.number(model.metric)
    return Record(
        id=f"prediction/{model.name}/{record.unit}",
        kind="prediction",
        config={"target": model.target, "metric": model.metric, "held_out": reason},
        unit=record.unit,
        flow={"derived_from": [f"model/{model.name}", record.id]},
        tool_versions={},
        seeds=(),
        metrics={
            "predicted": metric(predicted, model.unit),
            "synthesized": metric(synthesized, model.unit),
            "error": metric(100 * (predicted / synthesized - 1), "%"),
        },
        study=FULL,
    )
