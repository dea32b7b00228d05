"""Sentence embeddings of an encoder, and how well two encoders' embeddings agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sample.forward import LinearProduct, encode, pad
from .model import EncoderModel

Array = NDArray[np.float64]

_BATCH_TOKENS = 1024
"""Tokens of a batch, padding included: few, large products."""


def embed(model: EncoderModel, sequences: Sequence[Sequence[int]], *, linear: LinearProduct | None = None) -> Array:
    """Embeddings ``[sentences, hidden]`` of length 1: the last hidden states' mean over a sentence's tokens, normalised.

    As sentence-transformers pools all-MiniLM-L6-v2. The forward pass is in float32, pooling in float64. (Reimers and
    Gurevych, EMNLP 2019, https://arxiv.org/abs/1908.10084)

    Parameters
    ----------
    model
        The encoder.
    sequences
        Token ids of every sentence.
    linear
        Computes the linear layers without their biases; see ``encode``.
    """
    found: list[Array] = [np.empty(0)] * len(sequences)
    for batch in _batches(sequences):
        ids, mask = pad([sequences[index] for index in batch])
        hidden = encode(model.weights, model.config, ids, mask, linear_product=linear)
        for row, index in enumerate(batch):
            mean = hidden[row, mask[row]].mean(axis=0, dtype=np.float64)
            found[index] = mean / np.linalg.norm(mean)
    return np.stack(found)


def _batches(sequences: Sequence[Sequence[int]]) -> list[list[int]]:
    """Indices of sentences by rising length, so that there is little padding."""
    batches: list[list[int]] = [[]]
    for index in sorted(range(len(sequences)), key=lambda index: len(sequences[index])):
        if batches[-1] and (len(batches[-1]) + 1) * len(sequences[index]) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(index)
    return batches


@dataclass(frozen=True)
class Agreement:
    """How well pairs' similarities and sentences' embeddings agree with a reference's.

    Attributes
    ----------
    pearson, spearman
        Correlation of the similarities, and of their ranks.
    mean_cosine
        Mean over sentences of the cosine between both embeddings of a sentence.
    worst_change
        Greatest change of a similarity, absolute.
    """

    pearson: float
    spearman: float
    mean_cosine: float
    worst_change: float

    @property
    def drop(self) -> float:
        """``100 (1 - spearman)``, in %."""
        return 100 * (1 - self.spearman)


def agreement(reference: Array, found: Array) -> Agreement:
    """Compare embeddings ``[sentences, hidden]`` of length 1, of which rows ``2i`` and ``2i + 1`` are a pair."""
    wanted, given = similarities(reference), similarities(found)
    return Agreement(
        pearson(wanted, given),
        pearson(ranks(wanted), ranks(given)),
        float((reference * found).sum(axis=1).mean()),
        float(np.abs(given - wanted).max()),
    )


def similarities(embeddings: Array) -> Array:
    """Cosine similarity of every pair of rows ``2i`` and ``2i + 1``."""
    return (embeddings[0::2] * embeddings[1::2]).sum(axis=1)


def pearson(first: Array, second: Array) -> float:
    """Pearson's correlation of two equally long series; NaN if one is constant."""
    first, second = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((first @ first) * (second @ second)))
    return float(first @ second) / norm if norm else float("nan")


def ranks(values: Array) -> Array:
    """Rank of every value from 1, equal values sharing the mean of theirs: with Pearson's, Spearman's correlation."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


__all__ = ["Agreement", "agreement", "embed", "pearson", "ranks", "similarities"]
