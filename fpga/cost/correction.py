"""What prices leave over, learned from similar units: a Gaussian process in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_JITTER = 1e-8
_VARIANCES = ("signal", "slope", "noise")


@dataclass(frozen=True, eq=False)
class Correction:
    """Mean and spread of a logarithm, ``log(synthesized / priced)``, given those of measured units.

    Two units are alike as ``signal * exp(-sum(weights * (x - y)**2) / 2) + slope * x @ y / len(x)``, coordinates being
    centred and scaled; a measured value is exact but for ``noise``.

    Attributes
    ----------
    units
        Coordinates of the measured units, one a row.
    residuals
        Their logarithms.
    weights
        By coordinate, how fast units become different.
    signal, slope, noise
        Variances.

    Source: C. E. Rasmussen and C. K. I. Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5.
    """

    units: Array
    residuals: Array
    weights: Array
    signal: float
    slope: float
    noise: float

    @cached_property
    def _centre(self) -> Array:
        return self.units.mean(axis=0)

    @cached_property
    def _scale(self) -> Array:
        scale: Array = np.maximum(self.units.std(axis=0), 1e-9).astype(np.float64)
        return scale

    @cached_property
    def _placed(self) -> Array:
        return (self.units - self._centre) / self._scale

    @cached_property
    def inverse(self) -> Array:
        """Of the measured units' covariance."""
        alike = self._alike(self._placed)
        return np.linalg.inv(alike + (self.noise + _JITTER) * np.eye(len(alike))).astype(np.float64)

    @cached_property
    def _answers(self) -> Array:
        return self.inverse @ self.residuals

    def _alike(self, placed: Array) -> Array:
        """Covariance of units with the measured ones."""
        ours, theirs = placed * np.sqrt(self.weights), self._placed * np.sqrt(self.weights)
        apart = (ours**2).sum(axis=1)[:, None] + (theirs**2).sum(axis=1)[None] - 2 * ours @ theirs.T
        linear = self.slope / placed.shape[1] * placed @ self._placed.T
        alike: Array = (self.signal * np.exp(-0.5 * np.maximum(apart, 0)) + linear).astype(np.float64)
        return alike

    def of(self, unit: Array) -> tuple[float, float]:
        """Mean and standard deviation for a unit with these coordinates."""
        placed = ((unit - self._centre) / self._scale)[None]
        alike = self._alike(placed)[0]
        own = self.signal + self.slope / len(self.weights) * float(placed[0] @ placed[0]) + self.noise
        return float(alike @ self._answers), float(np.sqrt(max(own - alike @ self.inverse @ alike, _JITTER)))

    def left_out(self) -> tuple[Array, Array]:
        """Mean and standard deviation that every measured unit would have been given by all the others."""
        precision = np.diag(self.inverse)
        return self.residuals - self._answers / precision, np.sqrt(1 / precision)

    def farthest(self, unit: Array, names: Sequence[str]) -> str:
        """The coordinate in which a unit is farthest from the measured unit most like it."""
        placed = (unit - self._centre) / self._scale
        nearest = self._placed[int(np.argmax(self._alike(placed[None])[0]))]
        return names[int(np.argmax(self.weights * (placed - nearest) ** 2))]

    def to_plain(self) -> dict[str, Any]:
        """Its numbers as JSON data, without the measured units, which several models share."""
        return {
            "residuals": [round(float(value), 5) for value in self.residuals],
            "weights": [float(f"{value:.4g}") for value in self.weights],
            **{name: float(f"{getattr(self, name):.5g}") for name in _VARIANCES},
        }

    @classmethod
    def from_plain(cls, units: Array, plain: Mapping[str, Any]) -> Correction:
        """What ``to_plain`` gave, for these measured units.

        Raises
        ------
        ValueError
            If they do not fit together.
        """
        residuals, weights = (np.array(plain[name], dtype=float) for name in ("residuals", "weights"))
        if (len(residuals), len(weights)) != units.shape:
            raise ValueError(f"a correction must be of {units.shape[0]} units with {units.shape[1]} traits")
        return cls(units, residuals, weights, **{name: float(plain[name]) for name in _VARIANCES})
