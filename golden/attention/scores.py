"""Scores ``Q K^T / sqrt(d)`` of integer queries and keys, smoothed, with a scale per group of tokens."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError

Floats = NDArray[np.float32]


def group_integers(x: Floats, *, bits: int, group: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Symmetric integers of ``x [heads, tokens, d]`` with one scale for every ``group`` tokens of a head.

    ``s = max|x| / (2**(bits-1) - 1)`` over the group and all of ``d``; ``round(x / s)``, ties to even.

    Returns
    -------
    int64 ``[heads, tokens, d]``, and float64 ``[heads, tokens, 1]``, each token with its group's scale; 0 where all are.

    Raises
    ------
    BitmillError
        If ``bits`` is not 2 to 8 or ``group`` below 1.
    """
    if not 2 <= bits <= 8:
        raise BitmillError(f"bits must be 2 to 8, not {bits!r}")
    if group < 1:
        raise BitmillError(f"group must be at least 1, not {group!r}")
    largest = np.abs(x.astype(np.float64)).max(axis=2)
    starts = np.arange(0, x.shape[1], group)
    scales = np.maximum.reduceat(largest, starts, axis=1) / ((1 << bits - 1) - 1)
    scale = scales.repeat(group, axis=1)[:, : x.shape[1], None]
    codes = np.divide(x, scale, out=np.zeros(x.shape), where=scale > 0)
    return np.rint(codes).astype(np.int64), scale


def integer_scores(
    query: Floats, key: Floats, *, bits: int = 4, query_group: int = 32, key_group: int = 64, smooth: bool = True
) -> NDArray[np.float64]:
    """Scores ``[heads, tokens, keys]`` from integer products, as SageAttention2 has them.

    With ``k' = k - mean of all keys``, which moves all scores of a query alike and so no probability, and
    ``q' = q - mean of its group of queries``::

        S = (integers of q' . integers of k' * both scales + mean of the group . k') / sqrt(d)

    The mean's part is a product of one vector a group, in higher precision. Products of integers are exact.

    Parameters
    ----------
    query, key
        float32 ``[heads, tokens, d]``, one head of keys for each of queries.
    bits
        Of both integers, 2 to 8.
    query_group, key_group
        Tokens that share a scale, and of queries a mean. The paper's threads of a GPU share less regular ones of these sizes.
    smooth
        Whether means are taken off.

    Raises
    ------
    BitmillError
        As ``group_integers``, or if a group is below 1.

    Source: Zhang et al., "SageAttention2", arXiv 2411.10958, sections 3.1 and 3.2.
    """
    if query_group < 1:
        raise BitmillError(f"query_group must be at least 1, not {query_group!r}")
    mean = np.zeros_like(query)
    if smooth:
        key = key - key.mean(axis=1, keepdims=True)
        for start in range(0, query.shape[1], query_group):
            part = slice(start, start + query_group)
            mean[:, part] = query[:, part].mean(axis=1, keepdims=True)
    q, of_q = group_integers(query - mean, bits=bits, group=query_group)
    k, of_k = group_integers(key, bits=bits, group=key_group)
    products = (q.astype(np.float64) @ k.transpose(0, 2, 1).astype(np.float64)) * of_q * of_k.transpose(0, 2, 1)
    products += mean.astype(np.float64) @ key.transpose(0, 2, 1).astype(np.float64)
    return products / math.sqrt(query.shape[2])


def probabilities(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Causal ``exp(s - max)`` of ``[heads, tokens, keys]``, not yet over their sum: 0 to 1, the greatest of each row 1."""
    allowed = np.tri(*scores.shape[1:], dtype=np.bool_)
    masked = np.where(allowed, scores, -np.inf)
    return np.exp(masked - masked.max(axis=2, keepdims=True))
