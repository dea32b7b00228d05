"""Single weights that are kept in FP16 beside quantized ones, in compressed sparse rows (CSR)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...system.errors import BitmillError

COLUMN_BITS = VALUE_BITS = 16
START_BITS = 32
MAX_COLUMNS = 1 << COLUMN_BITS


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix ``[out, K]`` of few non-zeros: those of row ``r`` are entries ``starts[r]`` to ``starts[r + 1]``.

    Attributes
    ----------
    starts
        uint32 ``[out + 1]``.
    columns
        uint16 ``[n]``, ascending within a row.
    values
        float16 ``[n]``.
    length
        ``K``.
    """

    starts: NDArray[np.uint32]
    columns: NDArray[np.uint16]
    values: NDArray[np.float16]
    length: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(out, K)``."""
        return len(self.starts) - 1, self.length

    @property
    def stored_bits(self) -> int:
        """32 bits a row's start, 16 a column, 16 a value (as SpQR stores outliers, arXiv 2306.03078)."""
        return START_BITS * len(self.starts) + (COLUMN_BITS + VALUE_BITS) * len(self.values)

    def dense(self) -> NDArray[np.float32]:
        """``[out, K]``, zeros between."""
        found = np.zeros(self.shape, np.float32)
        found[np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts.astype(np.int64))), self.columns] = (
            self.values
        )
        return found

    def product(self, activations: ArrayLike) -> NDArray[np.float64]:
        """``activations [tokens, K] @ self.T`` ``[tokens, out]``, products and sums in float64."""
        return np.asarray(activations, np.float64) @ self.dense().astype(np.float64).T

    def cycles(self, *, per_cycle: int) -> int:
        """Cycles of one product with a vector where so many non-zeros of one row are taken a cycle."""
        return int((-(-np.diff(self.starts.astype(np.int64)) // per_cycle)).sum())


def compress(weights: ArrayLike, mask: ArrayLike) -> SparseRows:
    """The weights ``[out, K]`` where ``mask`` is true, in FP16.

    Raises
    ------
    BitmillError
        If there are more than 65,536 columns, or a weight is none that FP16 holds as a finite number.
    """
    w, chosen = np.asarray(weights, np.float32), np.asarray(mask, np.bool_)
    if w.shape[1] > MAX_COLUMNS:
        raise BitmillError(
            f"weights must have at most {MAX_COLUMNS} columns to be numbered in 16 bits, not {w.shape[1]!r}"
        )
    with np.errstate(over="ignore"):
        values = w[chosen].astype(np.float16)
    if not np.isfinite(values).all():
        worst = float(np.abs(w[chosen]).max())
        raise BitmillError(f"sparse weights must be finite in FP16, at most 65504, not {worst!r}")
    starts = np.concatenate([[0], np.cumsum(chosen.sum(axis=1))]).astype(np.uint32)
    return SparseRows(starts, np.nonzero(chosen)[1].astype(np.uint16), values, w.shape[1])


def greatest(measure: ArrayLike, fraction: float) -> NDArray[np.bool_]:
    """True at the greatest ``fraction`` of a measure ``[out, K]``, rounded down, the first of equals.

    Of magnitudes: the dense-and-sparse split of SqueezeLLM (arXiv 2306.07629) without its sensitive weights.

    Raises
    ------
    BitmillError
        If the fraction is not from 0 to below 1: all weights would be sparse.
    """
    m = np.asarray(measure)
    if not 0 <= fraction < 1:
        raise BitmillError(f"fraction must be at least 0 and below 1, not {fraction!r}")
    found = np.zeros(m.size, np.bool_)
    found[np.argsort(-m.ravel(), kind="stable")[: int(fraction * m.size)]] = True
    return found.reshape(m.shape)


def split(weights: ArrayLike, *, fraction: float, group: int | None = None) -> tuple[SparseRows, NDArray[np.float32]]:
    """Sparse weights and what is left to quantize, 0 where a sparse one stood, which scales no longer have to reach.

    Parameters
    ----------
    weights
        ``[out, K]``.
    fraction
        Of all weights, how many become sparse.
    group
        Weights along ``K`` that share a scale: those become sparse without which their group's scale falls most (see ``gains``),
        again and again. Left out: the greatest magnitudes of the matrix.

    Raises
    ------
    BitmillError
        As ``greatest`` and ``compress``, or if the group does not divide ``K``.
    """
    w = np.asarray(weights, np.float32)
    if group is None:
        mask = greatest(np.abs(w), fraction)
    elif group < 1 or w.shape[1] % group:
        raise BitmillError(f"group must be a divisor of the {w.shape[1]} weights of a row, not {group!r}")
    else:
        mask = greatest(np.zeros(w.shape), fraction)
        left = int(mask.sum())
        mask[:] = False
        while left:
            gain = gains(np.where(mask, 0, w), group)
            found = min(left, int(np.count_nonzero(gain)))
            # Groups of equal magnitudes gain nothing; then the greatest that are left do.
            chosen = np.argsort(-(gain if found else np.where(mask, -1, np.abs(w))).ravel(), kind="stable")[
                : found or left
            ]
            mask.ravel()[chosen] = True
            left -= len(chosen)
    return compress(w, mask), np.where(mask, np.float32(0), w)


def gains(weights: NDArray[np.float32], group: int) -> NDArray[np.float64]:
    """How much the squared scale of a group falls without each weight ``[out, K]``, for scales by the greatest magnitude.

    ``max**2 - second**2`` at each group's greatest, 0 elsewhere: an outlier as SpQR means it, a weight without which its group
    is quantized with less error (arXiv 2306.03078, section 4), but with the scale's square for that error.
    """
    magnitudes = np.abs(weights.astype(np.float64)).reshape(len(weights), -1, group)
    found = np.zeros_like(magnitudes)
    if group > 1:
        ordered = np.sort(magnitudes, axis=2)
        best = magnitudes.argmax(axis=2)[:, :, None]
        np.put_along_axis(found, best, np.square(ordered[:, :, -1:]) - np.square(ordered[:, :, -2:-1]), axis=2)
    else:
        found = np.square(magnitudes)
    return found.reshape(weights.shape)
