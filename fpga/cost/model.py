"""Cost of a unit on a target: counted circuits, each with a price, corrected by what similar units cost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from math import exp
from pathlib import Path
from typing import Any

import numpy as np

from ...config.document import UnitConfig
from ...system.errors import BitmillError
from .correction import Array, Correction
from .families import DESCRIBED
from .traits import reckoned_gates

MODELS = Path(__file__).parent / "models"
"""The fitted models that come with bitmill, a JSON file each, and the measured units that they share."""

UNITS_FILE = "units.json"

WIDEST = 0.1
"""Half width of the widest band, relative to the estimate. What would need a wider one is refused."""


@dataclass(frozen=True)
class Errors:
    """How far predictions are from synthesis, relative to synthesis.

    Attributes
    ----------
    units, refused
        How many were estimated, and how many were not.
    median, p90
        Of magnitudes.
    within
        Share of the estimated units that lie in their bands.
    rank
        Spearman's rank correlation.
    """

    units: int
    refused: int
    median: float
    p90: float
    within: float
    rank: float


@dataclass(frozen=True)
class Band:
    """How wide a band is: ``factor`` times the spread that the correction expects, from ``least`` to ``WIDEST``.

    A unit with a greater spread than ``widest_spread`` is refused.
    """

    factor: float
    least: float
    widest_spread: float


@dataclass(frozen=True)
class Estimate:
    """What a model says of a unit.

    Attributes
    ----------
    value
        In the model's unit.
    low, high
        The band that at least nine of ten units lie in.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CostModel:
    """``cost = exp(correction(traits)) * sum(prices[name] * features(config)[name])``.

    Attributes
    ----------
    target, metric, unit
        What is predicted, of which target's records, in which unit.
    prices
        By name of a feature; none is negative.
    traits
        Names of the coordinates of ``correction``.
    correction
        Learned from the units that the model was fitted on.
    band
        How wide its bands are.
    fitted, held_out
        Errors on the units it was fitted on, each left out in turn, and on those it never saw.
    provenance
        Tools, files of units and commands.
    base
        The model whose estimate is what a unit is priced by, times ``prices["base"]``; of a cell library, which has few measured
        units of its own.
    most_gates
        Of units that were measured, gates by reckoning; larger ones are refused.
    """

    target: str
    metric: str
    unit: str
    prices: Mapping[str, float]
    traits: Sequence[str]
    correction: Correction
    band: Band
    fitted: Errors
    held_out: Errors
    provenance: Mapping[str, Any]
    base: str = ""
    most_gates: float = float("inf")

    @property
    def name(self) -> str:
        """``generic-logic``, the name of its file."""
        return f"{self.target}-{self.metric}"

    def priced(self, config: UnitConfig) -> float:
        """The price of what a unit is made of, not corrected.

        Raises
        ------
        BitmillError
            If it has something that the model has no price of.
        """
        found, _ = described(config)
        if self.base:
            gates = reckoned_gates(found)
            if gates > self.most_gates:
                raise BitmillError(
                    f"unit must have at most {self.most_gates:,.0f} gates by reckoning for {self.target} {self.metric} to be "
                    f"estimated, not {gates:,.0f} of {config.title}"
                )
            return self.prices["base"] * _base(self.base).estimate(config).value
        if self.metric != "registers" and (unknown := sorted(set(found) - set(self.prices))):
            raise BitmillError(f"{config.title}: the cost models know no price of {', '.join(unknown)}")
        return total(self.prices, found)

    def spread(self, config: UnitConfig) -> float:
        """Standard deviation that the correction expects of the logarithm of synthesized over estimated."""
        return self.correction.of(self._placed(config))[1]

    def estimate(self, config: UnitConfig) -> Estimate:
        """Cost of a unit, and the band that it lies in.

        Raises
        ------
        BitmillError
            If the unit is an array or has a field or format that the models do not know, or is so unlike every measured unit
            that the band would be wider than ``WIDEST``.
        """
        priced = self.priced(config)
        placed = self._placed(config)
        mean, spread = self.correction.of(placed)
        if spread > self.band.widest_spread:
            field = self.correction.farthest(placed, self.traits).partition(":")[0]
            shown = config.shown(field)
            raise BitmillError(
                f"{field} must be nearer to that of a measured unit for {self.target} {self.metric} to be estimated within "
                f"{WIDEST:.0%}, not {shown} in {config.title}"
            )
        value = priced * exp(mean)
        half = min(WIDEST, max(self.band.least, self.band.factor * spread))
        return Estimate(value, value * (1 - half), value * (1 + half))

    def _placed(self, config: UnitConfig) -> Array:
        found = described(config)[1]
        return np.array([found[name] for name in self.traits])

    def to_json(self) -> str:
        """Text of the model's file; the measured units' traits are in a file that all models share."""
        fields = {name: getattr(self, name) for name in ("target", "metric", "unit")}
        fields |= {"prices": dict(self.prices), "correction": self.correction.to_plain(), "band": asdict(self.band)}
        fields |= {
            "fitted": asdict(self.fitted),
            "held_out": asdict(self.held_out),
            "provenance": dict(self.provenance),
        }
        fields |= {"base": self.base, "most_gates": self.most_gates} if self.base else {}
        return json.dumps(fields, indent=1, allow_nan=False) + "\n"

    @classmethod
    def load(cls, path: Path) -> CostModel:
        """Read what ``to_json`` wrote, with the units beside it.

        Raises
        ------
        BitmillError
            If the file cannot be read or is no model.
        """
        names, units = read_units(path.with_name(UNITS_FILE))
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
            fitted, held_out = (Errors(**fields.pop(name)) for name in ("fitted", "held_out"))
            correction = Correction.from_plain(units, fields.pop("correction"))
            band = Band(**fields.pop("band"))
            return cls(**fields, traits=names, correction=correction, band=band, fitted=fitted, held_out=held_out)
        except OSError as error:
            raise BitmillError(f"{path}: cannot read the cost model: {error.strerror}") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BitmillError(f"{path}: not a cost model of bitmill: {error}") from None


@lru_cache(maxsize=1024)
def described(config: UnitConfig) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Features and traits of a unit.

    Raises
    ------
    BitmillError
        As ``features``.
    """
    return DESCRIBED.of(config)(config)


def units_json(names: Sequence[str], units: Array) -> str:
    """Text of the file of the measured units' traits, a line per unit."""
    lines = (",".join(f"{value:.5g}" for value in row) for row in units)
    return f'{{"traits": {json.dumps(list(names))},\n"units": [\n[' + "],\n[".join(lines) + "]\n]}\n"


@cache
def read_units(path: Path) -> tuple[tuple[str, ...], Array]:
    """Names of traits, and the measured units' traits.

    Raises
    ------
    BitmillError
        If the file cannot be read or is none.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        names, units = tuple(document["traits"]), np.array(document["units"], dtype=float)
        if units.ndim != 2 or units.shape[1] != len(names):
            raise ValueError(f"units must have {len(names)} traits each")
        return names, units
    except OSError as error:
        raise BitmillError(f"{path}: cannot read the units of the cost models: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BitmillError(f"{path}: not the units of bitmill's cost models: {error}") from None


def library_models(library: str) -> tuple[CostModel, ...]:
    """The models of a cell library that come with bitmill.

    Raises
    ------
    BitmillError
        If there are none for this library.
    """
    folder = MODELS / library
    known = sorted(path.name for path in MODELS.iterdir() if path.is_dir())
    if library not in known:
        raise BitmillError(
            f"cells must be a library that a cost model was fitted on, {', '.join(known) or 'of which there is none yet'}, not "
            f"{library!r}; bitmill synth --target cells measures a unit"
        )
    return shipped_models(folder)


def _base(name: str) -> CostModel:
    return next(model for model in shipped_models() if model.name == name)


@cache
def shipped_models(folder: Path = MODELS) -> tuple[CostModel, ...]:
    """The models that come with bitmill, by name.

    Raises
    ------
    BitmillError
        If there is none, or one cannot be read.
    """
    paths = [path for path in sorted(folder.glob("*.json")) if path.name != UNITS_FILE]
    if not paths:
        raise BitmillError(
            f"{folder}: must hold cost models, which `python -m bitmill.studies.cost --fit` fits, not none"
        )
    return tuple(CostModel.load(path) for path in paths)


def total(prices: Mapping[str, float], found: Mapping[str, float]) -> float:
    """The price of everything found; of what has no price, 0."""
    return sum(prices.get(name, 0.0) * count for name, count in found.items())
