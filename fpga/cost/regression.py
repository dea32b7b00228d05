"""Fits what the models consist of: prices, none negative, and the correction of what they leave over."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize, nnls

from .correction import Array, Correction

_SPREAD = 0.05
"""Relative error that a unit may have before it pulls at the prices."""

_LOOSENESS = 0.5
"""How far, relative to itself, a price may be from where it began before that counts like one unit's error."""

_ROBUST_ROUNDS = 2

_USUAL_WEIGHT, _WEIGHT_SPREAD = -3.0, 1.5
"""Of the logarithms of the correction's weights: coordinates matter little unless the units say so."""


def fitted_prices(table: Array, values: Array, start: Array) -> Array:
    """Prices that are not negative, near ``start`` where units do not say otherwise, of least squared relative errors.

    Parameters
    ----------
    table
        Counts, a row per unit, a column per feature.
    values
        What the units cost.
    start
        Reckoned prices.
    """
    relative = table * start / values[:, None] / _SPREAD
    pulls = np.ones(len(values))
    found = np.ones(len(start))
    for _ in range(1 + _ROBUST_ROUNDS):
        rows = np.vstack([relative * pulls[:, None], np.eye(len(start)) / _LOOSENESS])
        goals = np.concatenate([pulls / _SPREAD, np.full(len(start), 1 / _LOOSENESS)])
        found, _ = nnls(rows, goals, maxiter=100 * len(start))
        errors = np.abs(relative @ found * _SPREAD - 1)
        pulls = 1 / np.sqrt(np.maximum(1, errors / (2 * _SPREAD)))
    return found * start


def fitted_correction(units: Array, residuals: Array, *, rounds: int) -> Correction:
    """The Gaussian process of the greatest marginal likelihood, weights being held near their usual size.

    Parameters
    ----------
    units
        Coordinates, a row per unit.
    residuals
        Logarithms that are learned.
    rounds
        Of the optimizer.
    """
    count, width = units.shape
    placed = (units - units.mean(axis=0)) / np.maximum(units.std(axis=0), 1e-9)
    apart = np.stack([(column[:, None] - column[None]) ** 2 for column in placed.T]).astype(np.float32)
    linear = placed @ placed.T / width
    spread = float(residuals.var()) + 1e-7

    def likelihood(logs: Array) -> tuple[float, Array]:
        weights, (signal, noise, slope) = np.exp(logs[:width]), np.exp(logs[width:])
        alike = signal * np.exp(-0.5 * np.tensordot(weights.astype(np.float32), apart, 1).astype(float))
        try:
            factor = cho_factor(alike + (noise + 1e-8) * np.eye(count) + slope * linear, lower=True)
        except np.linalg.LinAlgError:
            return 1e12, np.zeros_like(logs)
        inverse = cho_solve(factor, np.eye(count))
        answers = inverse @ residuals
        off = (logs[:width] - _USUAL_WEIGHT) / _WEIGHT_SPREAD
        value = 0.5 * residuals @ answers + np.log(np.diag(factor[0])).sum() + 0.5 * (off**2).sum()
        pull = 0.5 * (inverse - np.outer(answers, answers))
        slopes = np.empty_like(logs)
        moved = (pull * alike).astype(np.float32)
        slopes[:width] = -0.5 * weights * np.tensordot(apart, moved, 2) + off / _WEIGHT_SPREAD
        slopes[width:] = (pull * alike).sum(), np.trace(pull) * noise, (pull * linear).sum() * slope
        return float(value), slopes

    start = np.concatenate([np.full(width, _USUAL_WEIGHT), np.log([spread, spread / 5, spread / 10])])
    bounds = [(-12.0, 3.0)] * width + [(-14.0, 3.0)] * 3
    solved: Any = minimize(likelihood, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": rounds})
    weights, (signal, noise, slope) = np.exp(solved.x[:width]), np.exp(solved.x[width:])
    return Correction(units, residuals, weights, float(signal), float(slope), float(noise))
