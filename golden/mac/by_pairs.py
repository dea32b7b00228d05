"""Products that are no matrix products of the operands: formed pair by pair, then summed like operands beside ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config import MacConfig
from ..exact import AllPairs, Pairing, RowByRow
from ..parts import Parts
from ..product_rules import ones, products, separates
from .accumulated import Accumulated
from .step_scales import StepScales

_PRODUCTS_AT_ONCE = 1 << 20
"""Products per pass, so that matrix products of many rows fit into memory."""

Operands = tuple[Parts, Parts]
Scales = tuple[StepScales, StepScales] | None
Accumulate = Callable[[Pairing, Operands, tuple[int, ...], Scales], Accumulated]
"""From pairing of rows, operands ``[rows, K]``, result shape and scales to sums."""


def accumulated(
    config: MacConfig, pairing: Pairing, operands: Operands, shape: tuple[int, ...], scales: Scales, run: Accumulate
) -> Accumulated:
    """``run`` of the operands, or of their products and ones where the unit's rule does not separate.

    Parameters
    ----------
    config
        The unit.
    pairing, operands, shape, scales
        Which rows meet; weights and activations ``[rows, K]``; the results' shape; scales of both, where there are any.
    run
        The accumulator.
    """
    if separates(config):
        return run(pairing, operands, shape, scales)
    if not isinstance(pairing, AllPairs):
        return _of_products(config, operands, scales, run)
    weight, activation = operands
    (rows, length), others = weight.nan.shape, activation.nan.shape[0]
    at_once = max(1, _PRODUCTS_AT_ONCE // max(1, others * length))
    found = [
        _of_products(config, *_met(operands, scales, slice(start, start + at_once)), run)
        for start in range(0, max(rows, 1), at_once)
    ]
    flags = [one.saturated for one in found if one.saturated is not None]
    return Accumulated(
        np.concatenate([one.value for one in found]).reshape(shape),
        np.concatenate(flags).reshape(shape) if flags else None,
    )


def _met(operands: Operands, scales: Scales, rows: slice) -> tuple[Operands, Scales]:
    """Operands of dot products, of every one of these weight rows with every activation row."""
    weights = np.arange(operands[0].nan.shape[0])[rows]
    activations = np.arange(operands[1].nan.shape[0])
    pairs = np.repeat(weights, len(activations)), np.tile(activations, len(weights))
    met = operands[0][pairs[0]], operands[1][pairs[1]]
    return met, None if scales is None else (_rows_of(scales[0], pairs[0]), _rows_of(scales[1], pairs[1]))


def _rows_of(scales: StepScales, rows: NDArray[Any]) -> StepScales:
    return StepScales(scales.parts[rows], scales.magnitudes[rows], scales.exponents[rows])


def _of_products(config: MacConfig, operands: Operands, scales: Scales, run: Accumulate) -> Accumulated:
    found = products(config, *operands)
    beside = found, ones(found)
    if scales is not None:
        scales = (
            StepScales(beside[0], scales[0].magnitudes, scales[0].exponents),
            StepScales(beside[1], scales[1].magnitudes, scales[1].exponents),
        )
    return run(RowByRow(), beside, (found.nan.shape[0],), scales)
