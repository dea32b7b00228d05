"""Vectors from books: a code stands for ``vector`` weights, and with a second book, for what the first leaves too.

``w = s * (book[c] + residual_book[d])`` with an FP16 scale ``s`` of the channel and FP16 books of the whole tensor, found by
k-means with a fixed seed on at most 2**14 vectors, each as far from the next; the second book on what the first leaves of these.
VPTQ (arXiv 2409.17066) and AQLM (arXiv 2401.06118) have such books, and find them with the layer's inputs; here every weight
counts the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from .books import unit_rows
from .job import Job, pieces
from .plain import divide, maxima
from .quantized import QuantizedWeights
from .scales import channel_scales

SEED = 0
ROUNDS = 12
SAMPLE = 1 << 14
_AT_A_TIME = 1 << 13
"""Vectors whose distances to a book are in memory."""


def whole(scheme: Block, shape: tuple[int, int], rows: Iterable[NDArray[np.float32]]) -> list[NDArray[np.float16]]:
    """The books ``[entries, vector]`` of a tensor, one or two, from all its rows in pieces."""
    count = shape[0] * shape[1] // scheme.vector
    every = -(-count // SAMPLE) if count else 1
    taken, at = [np.zeros((0, scheme.vector))], 0
    for block in rows:
        greatest = maxima(block[:, None, :])
        scales = channel_scales(greatest, name="weights", saturate=True, of_groups=False)
        vectors = divide(block, scales.astype(np.float32)[:, None]).reshape(-1, scheme.vector)
        taken.append(vectors[-at % every :: every].astype(np.float64))
        at += len(vectors)
    left = np.concatenate(taken)
    books = []
    for _ in range(len(scheme.extras) // 2 + 1):
        book = _k_means(left, scheme.books)
        books.append(book)
        left = left - book.astype(np.float64)[nearest_vectors(left, book)]
    return books


def _k_means(vectors: NDArray[np.float64], entries: int) -> NDArray[np.float16]:
    """Centres from ``entries`` of the vectors on; one that no vector is nearest to stays."""
    if len(vectors) < entries:  # Pieces without rows have nothing to find.
        return np.zeros((entries, vectors.shape[1]), np.float16)
    centres = vectors[np.random.default_rng(SEED).choice(len(vectors), entries, replace=False)]
    for _ in range(ROUNDS):
        codes = nearest_vectors(vectors, centres)
        counts = np.bincount(codes, minlength=entries)
        sums = np.stack([np.bincount(codes, column, entries) for column in vectors.T], axis=1)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return centres.astype(np.float16)


def nearest_vectors(vectors: NDArray[Any], book: NDArray[Any]) -> NDArray[np.uint8]:
    """The entry of least squared distance, the first of equals, of each of ``[count, vector]``."""
    entries = book.astype(np.float64)
    codes = np.zeros(len(vectors), np.uint8)
    for start in range(0, len(vectors), _AT_A_TIME):
        block = slice(start, start + _AT_A_TIME)
        distances = np.square(entries).sum(axis=1) - 2 * vectors[block].astype(np.float64) @ entries.T
        codes[block] = distances.argmin(axis=1)
    return codes


def quantize(job: Job) -> QuantizedWeights:
    """Codes of a matrix, and the books that it or ``job.tensor`` gives."""
    scheme = job.scheme
    books: list[NDArray[np.float16]] = (
        whole(scheme, job.matrix.shape, [job.matrix]) if job.tensor is None else job.tensor
    )
    codes: list[list[NDArray[np.uint8]]] = [[] for _ in books]
    channels = []
    for rows, given in pieces(job):
        unit, channel = unit_rows(job, rows[:, None, :], given)
        channels.append(channel)
        left = unit.reshape(-1, scheme.vector).astype(np.float64)
        for found, book in zip(codes, books, strict=True):
            places = nearest_vectors(left, book)
            left = left - book.astype(np.float64)[places]
            found.append(places.reshape(len(unit), unit.shape[1] // scheme.vector))
    first, *second = [np.concatenate(found) for found in codes]
    extras: dict[str, NDArray[Any]] = {"book": books[0].ravel()}
    for places, book in zip(second, books[1:], strict=True):
        extras |= {"residual_codes": places, "residual_book": book.ravel()}
    return QuantizedWeights(
        scheme=scheme, group=job.group, codes=first, channel_scales=np.concatenate(channels), extras=extras
    )  # fmt: skip


def values(quantized: QuantizedWeights) -> NDArray[np.float64]:
    """Sums of entries ``[out, 1, K]``."""
    scheme, extras = quantized.scheme, quantized.extras
    found = extras["book"].astype(np.float64).reshape(scheme.books, scheme.vector)[quantized.codes]
    if "residual_codes" in extras:
        second = extras["residual_book"].astype(np.float64).reshape(scheme.books, scheme.vector)
        found = found + second[extras["residual_codes"]]
    out, length = quantized.shape
    return found.reshape(out, length // quantized.group, quantized.group)
