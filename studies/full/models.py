"""The cost models as records: their errors, and every prediction of a unit that they never saw."""

from __future__ import annotations

from collections.abc import Iterator

from ...config import MacConfig
from ...fpga.cost.measured_units import HELD_OUT, Measured, Units
from ...fpga.cost.model import CostModel, Errors, shipped_models
from ...system.errors import BitmillError
from ..committed import RESULTS
from ..ids import unit_key
from ..records import Metric, Record, metric

_DIGITS = 6
"""Of predictions, of which nine in ten are off in the second."""


def model_records() -> Iterator[Record]:
    """A record per model that comes with bitmill, and one per model and held-out unit that it does not refuse."""
    held_out = Units.load(RESULTS / "cost" / HELD_OUT)
    for model in shipped_models():
        yield Record(
            id=f"model/{model.name}",
            topic="model",
            config={"target": model.target, "metric": model.metric},
            flow={"method": model.provenance["method"], "prices": dict(model.prices)},
            tool_versions=dict(model.provenance["tools"]),
            metrics={**_errors("fitted", model.fitted), **_errors("held_out", model.held_out)},
        )
        for found in held_out.synthesized:
            yield from _prediction(model, found)


def _errors(side: str, errors: Errors) -> dict[str, Metric]:
    return {
        f"{side}_units": metric(errors.units, "units"),
        f"{side}_refused": metric(errors.refused, "units"),
        f"{side}_median": metric(100 * errors.median, "%"),
        f"{side}_p90": metric(100 * errors.p90, "%"),
        f"{side}_within": metric(100 * errors.within, "%"),
        f"{side}_rank": metric(errors.rank, "1"),
    }


def _prediction(model: CostModel, found: Measured) -> Iterator[Record]:
    config = MacConfig.from_dict(found.config)
    try:
        # The last digits of sums of products are another machine's own.
        predicted = float(f"{model.estimate(config).value:.{_DIGITS}g}")
    except BitmillError:
        return
    logic, registers, _ = found.cells[model.target]
    synthesized = registers if model.metric == "registers" else logic
    yield Record(
        id=f"prediction/{model.name}/{found.seed}-{found.index}",
        topic="prediction",
        config={"target": model.target, "metric": model.metric, "accumulator": config.accumulator.kind},
        part=unit_key(config),
        flow={"derived_from": [f"model/{model.name}", f"reports/results/cost/{HELD_OUT}: {found.seed}, {found.index}"]},
        seeds=(found.seed,),
        metrics={
            "predicted": metric(predicted, model.unit),
            "synthesized": metric(synthesized, model.unit),
            "error": metric(round(100 * (predicted / synthesized - 1), 3), "%"),
        },
    )
