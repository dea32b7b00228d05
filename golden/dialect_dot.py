"""What dot products of DialectFP4 give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..config.dialect import DialectConfig
from ..formats.dialect import DIALECTS

_SIGNED = np.array([[*numbers, *(-number for number in numbers)] for numbers in DIALECTS], np.int64)
"""Half-units by dialect and code."""


def dialect_total(_config: DialectConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, int]:
    """``total = sum over steps of (sum over lanes of w * a) << (weight_exponent + activation_exponent)``, w and a in half-units.

    Parameters
    ----------
    steps
        ``weights`` and ``activations`` ``[K, lanes]``; dialects and exponents ``[K]``.
    """
    weights = _SIGNED[steps["weight_dialect"][:, None], steps["weights"]]
    activations = _SIGNED[steps["activation_dialect"][:, None], steps["activations"]]
    sums = (weights * activations).sum(axis=1).tolist()
    shifts = (steps["weight_exponent"] + steps["activation_exponent"]).tolist()
    return {"total": sum(number << shift for number, shift in zip(sums, shifts, strict=True))}
