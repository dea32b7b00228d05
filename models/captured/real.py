"""What the units stand for: softmax, GELU and LayerNorm of the real values of rows, in float64."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..sample.forward import gelu, layer_norm, softmax
from .rows import Rows

Array = NDArray[np.float64]


def real_values(rows: Rows) -> Array:
    """The unit's real output for the values that the codes stand for, 0 where a mask hides an element."""
    return real_output(rows, rows.codes.astype(np.float64) * rows.scale)


def real_output(rows: Rows, x: Array) -> Array:
    """The unit's real output for real inputs, with the mask and the parameters of ``rows``.

    Variances are not raised by an epsilon: the integer units have none. A row of equal elements has ``beta`` for output.
    """
    if rows.function == "softmax":
        return softmax(np.where(rows.mask, x, -np.inf))
    if rows.function == "gelu":
        return gelu(x)
    centred = x - x.mean(axis=-1, keepdims=True)
    flat = ~centred.any(axis=-1, keepdims=True)
    return np.where(flat, rows.beta, layer_norm(np.where(flat, np.arange(rows.length), x), rows.gamma, rows.beta, 0.0))
