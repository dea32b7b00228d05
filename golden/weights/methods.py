"""The methods of quantizing weights by the key that a row of blocks names: the one table that is looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from . import books, dialect, dual, plain, power, trits, two_level, vectors
from .job import Job
from .quantized import QuantizedWeights


@dataclass(frozen=True)
class Method:
    """How rows of a block are quantized, and back.

    Attributes
    ----------
    quantize
        Codes and scales of a matrix.
    values
        Numbers of the codes ``[out, groups, group]`` in steps of their scales.
    wanted
        The scale ``[out, groups]`` that each group of ``[out, groups, group]`` wants of its channel; None for blocks whose
        channels have no scales.
    whole
        Of a block, a shape ``[out, K]`` and all its rows in pieces, what is found of a whole tensor before it is quantized, for
        ``Job.tensor``; None: nothing.
    limit
        The greatest magnitude that a block without scales of channels can say; None: it has no such limit.
    """

    quantize: Callable[[Job], QuantizedWeights]
    values: Callable[[QuantizedWeights], NDArray[np.float64]]
    wanted: Callable[[Block, NDArray[np.float32]], NDArray[np.float64]] | None
    whole: Callable[[Block, tuple[int, int], Iterable[NDArray[np.float32]]], Any] | None = None
    limit: Callable[[Block], float] | None = None


METHODS: dict[str, Method] = {
    "least-squares": Method(plain.least_squares, plain.values_of_elements, plain.least_squares_wanted),
    "zero-point": Method(plain.zero_point, plain.values_from_zero_point, plain.zero_point_wanted),
    "channel": Method(plain.by_channel, plain.values_of_elements, plain.channel_wanted),
    "blocks": Method(plain.blocks, plain.values_of_elements, None, plain.tensor_scale),
    "pairs": Method(plain.pairs, plain.values_of_pairs, plain.pairs_wanted),
    "dialect": Method(dialect.quantize, plain.values_of_elements, None, limit=dialect.limit),
    "channel-books": Method(books.quantize, books.values, books.wanted),
    "power": Method(power.quantize, power.values, books.wanted),
    "vectors": Method(vectors.quantize, vectors.values, books.wanted, vectors.whole),
    "binary": Method(trits.binary, plain.values_of_elements, trits.wanted),
    "ternary": Method(trits.ternary, plain.values_of_elements, trits.wanted),
    "dual-binary": Method(dual.quantize, dual.values, books.wanted),
    "two-level": Method(two_level.quantize, two_level.values, two_level.wanted),
}


def method_of(scheme: Block) -> Method:
    """The row of a block's method."""
    return METHODS[scheme.method]
