"""Rows longer than a block: the channel's scale is found in one pass, then they are quantized in pieces.

Pieces are of whole groups and, but for a row's last, of whole bytes of packed bits, so that what is stored of them one after
the other is what is stored of the row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..golden.weights import QuantizedWeights, checked_weights, dequantize, quantize_weights
from ..golden.weights.losses import Losses, losses
from ..golden.weights.methods import method_of
from ..golden.weights.quantize import greatest_scales
from ..golden.weights.scales import channel_scales
from .description import Described
from .matrix import Matrix


@dataclass(frozen=True, eq=False)
class Piece:
    """Part of a matrix: whole rows, or a piece of one.

    Attributes
    ----------
    weights
        As float32.
    packed, values
        Quantized, and what that stands for.
    begins, first
        Whether it has the first weight of its rows; and of the matrix.
    losses
        Of all rows that end in the piece.
    """

    weights: NDArray[np.float32]
    packed: QuantizedWeights
    values: NDArray[np.float64]
    begins: bool
    first: bool
    losses: Losses


def block_of(facts: Described, block: int) -> int:
    """Weights at a time: ``block``, or of longer rows the whole bytes of whole groups that come next to it, or the whole row."""
    if facts.scheme.learns:
        return max(block, facts.length)
    unit = 8 * facts.group
    return block if facts.length <= block else max(block // unit, 1) * unit


def quantized_pieces(matrix: Matrix, facts: Described, block: int) -> Iterator[Piece]:
    """Quantize a matrix, a block of rows or a piece of a row at a time. What saturates is clipped and counted."""
    size = block_of(facts, block)
    channels = _channels(matrix, facts, size) if facts.length > size and facts.scheme.channel is not None else None
    tensor = _tensor(matrix, facts, size)
    row = at = 0
    found: list[Losses] = []
    first = True
    for numbers in matrix.blocks(size):
        weights = checked_weights(numbers, matrix.name)
        channel = None if channels is None else channels[row : row + 1]
        packed = quantize_weights(
            facts.scheme, weights, group=facts.group, name=matrix.name, saturate=True, channel=channel, tensor=tensor
        )
        values = dequantize(packed)
        found.append(losses(weights, packed, values))
        begins, at = at == 0, at + weights.shape[1]
        told = Losses()
        if at >= facts.length:
            told, found, at, row = found[0] if len(found) == 1 else _of_row(found), [], 0, row + len(weights)
        yield Piece(weights, packed, values, begins, first, told)
        first = False


def _channels(matrix: Matrix, facts: Described, size: int) -> NDArray[np.float16]:
    greatest = np.zeros((matrix.rows, 1))
    done = 0
    for numbers in matrix.blocks(size):
        weights = checked_weights(numbers, matrix.name)
        wanted = greatest_scales(facts.scheme, weights.reshape(len(weights), -1, facts.group)).max(axis=1, initial=0)
        rows = slice(done // facts.length, done // facts.length + len(weights))
        greatest[rows, 0] = np.maximum(greatest[rows, 0], wanted)
        done += weights.size
    of_groups = facts.scheme.scales_in_channels
    return channel_scales(greatest, name=matrix.name, saturate=True, of_groups=of_groups)


def _tensor(matrix: Matrix, facts: Described, size: int) -> Any:
    """What the scheme finds of the whole tensor, whose weights are read once for it."""
    whole = method_of(facts.scheme).whole
    blocks = (checked_weights(numbers, matrix.name) for numbers in matrix.blocks(size))
    return None if whole is None else whole(facts.scheme, (matrix.rows, facts.length), blocks)


def _of_row(pieces: list[Losses]) -> Losses:
    """Of one row; each piece counted itself as a channel."""
    whole = sum(pieces, Losses())
    is_zero = whole.zero_channels == len(pieces)
    return replace(
        whole,
        overflowed_channels=min(whole.overflowed_channels, 1),
        flushed_channels=int(not is_zero and whole.flushed_channels + whole.zero_channels == len(pieces)),
        zero_channels=int(is_zero),
    )
