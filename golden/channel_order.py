"""Channels in another order before they are cut into blocks, so that outliers share theirs.

"Accurate Block Quantization in LLMs with Outliers" (arXiv 2403.20137) reorders channels at compile time, which a product does not
see if both operands have the same order: ``sum_k x[k] w[k]`` over any order of ``k``. There keys are sorted by their
weights' norms; here channels are sorted by the root mean square of calibration inputs, the greatest first, equals as they stand.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..system.errors import BitmillError


def channel_order(calibration: ArrayLike, *, name: str = "calibration") -> NDArray[np.intp]:
    """The order ``[K]`` of the channels of inputs ``[N, K]``: position ``i`` gets channel ``order[i]``.

    Raises
    ------
    BitmillError
        If the inputs are no finite matrix of at least one row.
    """
    inputs = np.asarray(calibration, np.float64)
    if inputs.ndim != 2 or not len(inputs):
        raise BitmillError(f"{name} must be a matrix [N, K] of at least one row, not of shape {list(inputs.shape)}")
    if not np.isfinite(inputs).all():
        raise BitmillError(
            f"{name} must be finite, not {np.count_nonzero(~np.isfinite(inputs))} NaN or Inf among {inputs.size}"
        )
    return np.argsort(-np.square(inputs).sum(axis=0), kind="stable")


def restored(order: NDArray[np.intp], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers ``[..., K]`` of reordered channels where the channels stood before."""
    found = np.empty_like(x)
    found[..., order] = x
    return found
