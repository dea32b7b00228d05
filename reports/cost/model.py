"""Closed-form cost of a unit on a target: a sum of counted circuits, each with a price that was fitted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...config import AcceleratorConfig
from ...errors import BitmillError
from .features import features

MODELS = Path(__file__).parent / "models"
"""The fitted models that come with bitmill, a JSON file each."""


@dataclass(frozen=True)
class Errors:
    """How far predictions are from synthesis, relative to synthesis.

    Attributes
    ----------
    units
        How many.
    median, p90
        Of magnitudes.
    rank
        Spearman's rank correlation.
    """

    units: int
    median: float
    p90: float
    rank: float


@dataclass(frozen=True)
class Estimate:
    """What a model says of a unit.

    Attributes
    ----------
    value
        In the model's unit.
    low, high
        The band that nine of ten held-out units lie in.
    beyond
        Names of features that no unit of the fit had as many of: there the band is not proved.
    """

    value: float
    low: float
    high: float
    beyond: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """``cost = sum(prices[name] * features(config)[name])``.

    Attributes
    ----------
    target, metric, unit
        What is predicted, of which target's records, in which unit.
    prices
        By name of a feature; none is negative.
    greatest
        By name of a feature, the most of it that a unit of the fit had.
    fitted, held_out
        Errors on the units it was fitted on and on those it never saw.
    provenance
        Tools, study and command, and the names of the units on either side.
    """

    target: str
    metric: str
    unit: str
    prices: Mapping[str, float]
    greatest: Mapping[str, float]
    fitted: Errors
    held_out: Errors
    provenance: Mapping[str, Any]

    @property
    def name(self) -> str:
        """``generic-logic``, the name of its file."""
        return f"{self.target}-{self.metric}"

    def estimate(self, config: AcceleratorConfig) -> Estimate:
        """Cost of a unit, with the error that the model had on units it never saw.

        Raises
        ------
        BitmillError
            If the unit is an array, or has a part that no unit of the fit had.
        """
        found = features(config)
        unknown = sorted(set(found) - set(self.prices))
        if unknown:
            raise BitmillError(f"{config.title}: the cost models know no price of {', '.join(unknown)}")
        value = total(self.prices, found)
        beyond = tuple(name for name, count in found.items() if count > self.greatest[name])
        return Estimate(value, value * (1 - self.held_out.p90), value * (1 + self.held_out.p90), beyond)

    def to_json(self) -> str:
        """Text of the model's file."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> CostModel:
        """Read what ``to_json`` wrote.

        Raises
        ------
        BitmillError
            If the file cannot be read or is no model.
        """
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            fitted, held_out = (Errors(**fields.pop(name)) for name in ("fitted", "held_out"))
            return cls(**fields, fitted=fitted, held_out=held_out)
        except OSError as error:
            raise BitmillError(f"{path}: cannot read the cost model: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BitmillError(f"{path}: not a cost model of bitmill: {error}") from None


@cache
def shipped_models(folder: Path = MODELS) -> tuple[CostModel, ...]:
    """The models that come with bitmill, by name.

    Raises
    ------
    BitmillError
        If there is none, or one cannot be read.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise BitmillError(f"{folder}: must hold cost models, which `python -m bitmill.reports.cost` fits, not none")
    return tuple(CostModel.load(path) for path in paths)


def total(prices: Mapping[str, float], found: Mapping[str, float]) -> float:
    """The price of everything found; of what has no price, 0."""
    return sum(prices.get(name, 0.0) * count for name, count in found.items())
