"""Columns of activations with outliers, multiplied in FP16 beside the low-bit product of all others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...system.errors import BitmillError

Floats = NDArray[np.float32]
Product = Callable[[Floats, Floats], NDArray[np.floating]]
"""``(x [tokens, k], w [out, k])`` to outputs ``[tokens, out]``: the low-bit product."""

THRESHOLD = 6.0
"""Magnitude from which a feature is an outlier (Dettmers et al., LLM.int8(), arXiv 2208.07339, section 3.2)."""


def outlier_columns(activations: ArrayLike, *, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """Columns int64 ``[c]`` of activations ``[tokens, K]`` in which some magnitude is at least ``threshold``, in order.

    Raises
    ------
    BitmillError
        If the threshold is no positive number or takes all columns, which leaves no low-bit product.
    """
    x = np.asarray(activations)
    if not 0 < threshold < np.inf:
        raise BitmillError(f"threshold must be a positive number, not {threshold!r}")
    found = np.flatnonzero((np.abs(x) >= threshold).any(axis=0))
    if len(found) and len(found) == x.shape[1]:
        raise BitmillError(
            f"threshold must leave columns to the low-bit product, not take all {len(found)}, not {threshold!r}"
        )
    return found


def with_outlier_columns(
    activations: ArrayLike, weights: ArrayLike, columns: ArrayLike, product: Product
) -> NDArray[np.float64]:
    """``product`` of all other columns plus the product of ``columns`` in FP16: the decomposition of LLM.int8(), section 3.2.

    Parameters
    ----------
    activations, weights
        ``[tokens, K]`` and ``[out, K]``, real numbers.
    columns
        int64 ``[c]``, which of ``K`` are outliers', each once.
    product
        The low-bit product of the others; not called where there are none.

    Returns
    -------
    float64 ``[tokens, out]``. Products of FP16 numbers are summed in float64: see ``config.MacConfig`` for units that do less.

    Raises
    ------
    BitmillError
        If a column is out of range or comes twice.
    """
    x, w = np.asarray(activations, np.float32), np.asarray(weights, np.float32)
    chosen = np.asarray(columns, np.int64)
    length = x.shape[1]
    if len(np.unique(chosen)) < len(chosen) or (len(chosen) and not 0 <= chosen.min() <= chosen.max() < length):
        raise BitmillError(f"columns must be different ones of 0 to {length - 1}, not {chosen.tolist()!r}")
    rest = np.setdiff1d(np.arange(length), chosen)
    kept = x[:, chosen].astype(np.float16).astype(np.float64) @ w[:, chosen].astype(np.float16).astype(np.float64).T
    return kept + product(x[:, rest], w[:, rest]) if len(rest) else kept


def stored_bits(out: int, columns: int) -> int:
    """Bits of the FP16 weights of that many columns and their 16-bit numbers, for ``out`` outputs."""
    return columns * (16 * out + 16)
