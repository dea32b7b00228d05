"""Low-rank branches in FP16 beside a quantized matrix: ``y = x Q^T + (x R^T) L^T``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...system.errors import BitmillError

Quantized = Callable[[NDArray[np.float32]], NDArray[np.floating]]
"""Gives weights ``[out, K]`` back as they are after quantization."""


@dataclass(frozen=True, eq=False)
class LowRank:
    """``left @ right``, ``[out, rank]`` and ``[rank, K]``, float16."""

    left: NDArray[np.float16]
    right: NDArray[np.float16]

    @property
    def rank(self) -> int:
        """Columns of ``left``."""
        return self.left.shape[1]

    @property
    def stored_bits(self) -> int:
        """16 for every number of both."""
        return 16 * (self.left.size + self.right.size)

    def dense(self) -> NDArray[np.float32]:
        """``[out, K]``."""
        return self.left.astype(np.float32) @ self.right.astype(np.float32)

    def product(self, activations: ArrayLike) -> NDArray[np.float64]:
        """``(x @ right.T) @ left.T`` ``[tokens, out]``; what is between is rounded to FP16, as hardware would store it."""
        inner = np.asarray(activations, np.float64) @ self.right.astype(np.float64).T
        return inner.astype(np.float16).astype(np.float64) @ self.left.astype(np.float64).T

    def cycles(self, *, per_cycle: int) -> int:
        """Cycles of one product with a vector where so many products are summed a cycle, along K, then the rank."""
        (out, rank), length = self.left.shape, self.right.shape[1]
        return rank * -(-length // per_cycle) + out * -(-rank // per_cycle)


def nearest_of_rank(matrix: ArrayLike, rank: int) -> LowRank:
    """The matrix of that rank with the least squared error: the first singular vectors, each with the root of its value.

    Raises
    ------
    BitmillError
        If the rank is not from 1 to that of the matrix's shorter side, or the factors are too large for FP16.
    """
    w = np.asarray(matrix, np.float64)
    if not 1 <= rank <= min(w.shape):
        raise BitmillError(f"rank must be 1 to {min(w.shape)} for a matrix {list(w.shape)}, not {rank!r}")
    left, values, right = np.linalg.svd(w, full_matrices=False)
    root = np.sqrt(values[:rank])
    with np.errstate(over="ignore"):
        found = LowRank((left[:, :rank] * root).astype(np.float16), (root[:, None] * right[:rank]).astype(np.float16))
    if not (np.isfinite(found.left).all() and np.isfinite(found.right).all()):
        raise BitmillError(
            f"matrix must have factors that are finite in FP16, not of a singular value {float(values[0])!r}"
        )
    return found


def before_quantization(weights: ArrayLike, rank: int) -> tuple[LowRank, NDArray[np.float32]]:
    """The branch that takes most of the weights, and what is left to quantize (SVDQuant, arXiv 2411.05007)."""
    w = np.asarray(weights, np.float32)
    branch = nearest_of_rank(w, rank)
    return branch, w - branch.dense()


def after_quantization(weights: ArrayLike, quantized: Quantized, rank: int) -> LowRank:
    """The branch that takes most of quantization's error (LoRC, arXiv 2303.08302)."""
    w = np.asarray(weights, np.float32)
    return nearest_of_rank(w - quantized(w), rank)


def in_turns(
    weights: ArrayLike, quantized: Quantized, rank: int, *, rounds: int = 10
) -> tuple[LowRank, NDArray[np.float32]]:
    """Branch and what to quantize, each found anew for what the other leaves (LQ-LoRA, arXiv 2311.12023, algorithm 1).

    The best of all rounds is kept; it stops where the error no longer falls, at the latest after ``rounds``.
    """
    w = np.asarray(weights, np.float32)
    best: tuple[float, LowRank, NDArray[np.float32]] | None = None
    rest = w
    for _ in range(max(rounds, 1)):
        branch = nearest_of_rank(w - quantized(rest), rank)
        rest = w - branch.dense()
        error = float(np.square(quantized(rest) - rest, dtype=np.float64).sum())
        if best is not None and error >= best[0]:
            break
        best = (error, branch, rest)
    assert best is not None
    return best[1], best[2]
