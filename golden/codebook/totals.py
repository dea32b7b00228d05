"""What dot products of weights from books give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...config.codebook import CodebookConfig


def codebook_totals(config: CodebookConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, list[int]]:
    """``totals[n] = sum over steps and lanes of weight * activation[n]``, a weight the sum of an entry's place in each book.

    Parameters
    ----------
    steps
        ``codes [K, books * codes]``, ``activations [K, cols * lanes]`` and ``memory [books * 2**code_bits, vector]``.
    """
    count = len(steps["codes"])
    codes = steps["codes"].reshape(count, config.books, config.codes)
    books = steps["memory"].reshape(config.books, 1 << config.code_bits, config.vector)
    weights = sum(books[book][codes[:, book]] for book in range(config.books))
    lanes = np.reshape(weights, (count, config.lanes))
    activations = steps["activations"].reshape(count, config.cols, config.lanes)
    return {"totals": np.einsum("kl,kcl->c", lanes, activations).tolist()}
