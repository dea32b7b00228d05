"""Asymmetric activations: unsigned integers with a zero point of each token, and products with its correction.

``x = s * (a - z)``, so ``sum_k w[k] (a[k] - z) = sum_k w[k] a[k] - z sum_k w[k]``: the second sum is of the weights alone,
and an array of unsigned by signed integers needs one product more for each result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..system.errors import BitmillError


@dataclass(frozen=True, eq=False)
class Asymmetric:
    """Activations ``[N, K]`` as integers.

    Attributes
    ----------
    codes
        int64 ``[N, K]``, 0 to ``2**bits - 1``.
    scales
        float64 ``[N]``, float32 numbers.
    zero_points
        int64 ``[N]``, of the codes' range.
    """

    codes: NDArray[np.int64]
    scales: NDArray[np.float64]
    zero_points: NDArray[np.int64]

    def values(self) -> NDArray[np.float64]:
        """The numbers that the codes stand for."""
        return (self.codes - self.zero_points[:, None]) * self.scales[:, None]


def quantize_asymmetric(x: ArrayLike, *, bits: int = 8, name: str = "x") -> Asymmetric:
    """Each row of ``[N, K]`` by its own range, zero in it.

    ``s = float32((max(x, 0) - min(x, 0)) / (2**bits - 1))``, ``z = round(-min(x, 0) / s)``, codes ``round(x / s) + z``, clipped.

    Raises
    ------
    BitmillError
        If ``x`` is not a finite matrix or ``bits`` is not 1 to 16.
    """
    numbers = np.asarray(x, np.float64)
    if not 1 <= bits <= 16:
        raise BitmillError(f"bits must be 1 to 16, not {bits!r}")
    if numbers.ndim != 2:
        raise BitmillError(f"{name} must be a matrix [N, K], not of shape {list(numbers.shape)}")
    if not np.isfinite(numbers).all():
        raise BitmillError(
            f"{name} must be finite, not {np.count_nonzero(~np.isfinite(numbers))} NaN or Inf among {numbers.size}"
        )
    top = (1 << bits) - 1
    low = numbers.min(axis=1, initial=0)
    scales = ((numbers.max(axis=1, initial=0) - low) / top).astype(np.float32).astype(np.float64)
    by = np.where(scales > 0, scales, 1.0)
    zeros = np.clip(np.rint(-low / by), 0, top).astype(np.int64)
    codes = np.clip(np.rint(numbers / by[:, None]).astype(np.int64) + zeros[:, None], 0, top)
    return Asymmetric(codes, scales, zeros)


def corrected_product(weights: ArrayLike, activations: Asymmetric) -> NDArray[np.int64]:
    """``sum_k w[m, k] (a[n, k] - z[n])`` as ``[N, M]``, from unsigned products and the correction; exact.

    Parameters
    ----------
    weights
        Integers ``[M, K]``.

    Raises
    ------
    BitmillError
        If the lengths of rows differ.
    """
    numbers = np.asarray(weights, np.int64)
    if numbers.ndim != 2 or numbers.shape[1] != activations.codes.shape[1]:
        raise BitmillError(f"weights must be [M, {activations.codes.shape[1]}], not of shape {list(numbers.shape)}")
    correction = activations.zero_points[:, None] * numbers.sum(axis=1)[None]
    return activations.codes @ numbers.T - correction
