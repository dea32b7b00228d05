"""A weight matrix, or a stack of them, as rows of numbers: whatever the layout in which a file has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .number_types import numbers_of
from .tensor import Tensor

Blocks = Callable[[int], Iterator[NDArray[Any]]]
"""From a number of weights to blocks of rows ``[n, K]`` of about as many, or pieces ``[1, n]`` of longer rows, in order."""


@dataclass(frozen=True, eq=False)
class Matrix:
    """Weights that can be quantized in groups along their rows.

    Attributes
    ----------
    name
        What the tensor is called once it is no longer packed.
    shape
        Of the tensor in the model.
    rows, length
        Output channels, of all matrices of a stack, and weights of each.
    layout
        How the file has them, for messages; empty for plain ``[out, K]``.
    parts
        Names of the tensors that they are stored as.
    blocks
        Reads them.
    transposed
        Whether the file has ``[in, out]``.
    dtype
        Of the stored weights, for messages.
    """

    name: str
    shape: tuple[int, ...]
    rows: int
    length: int
    layout: str
    parts: tuple[str, ...]
    blocks: Blocks
    transposed: bool = False
    dtype: str = ""

    def read(self) -> NDArray[Any]:
        """All rows, ``[rows, K]``."""
        blocks = [block.reshape(-1) for block in self.blocks(1 << 22)]
        return np.concatenate(blocks or [np.zeros(0, np.float32)]).reshape(self.rows, self.length)


def plain(tensor: Tensor, *, as_kernel: bool = False, layout: str = "") -> Matrix:
    """A tensor ``[..., out, K]`` whose last axis are the rows; ``[out, ...]`` with all axes but the first for a kernel."""
    if as_kernel:
        rows, length = tensor.shape[0], math.prod(tensor.shape[1:])
    else:
        rows, length = math.prod(tensor.shape[:-1]), tensor.shape[-1]

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        return tensor.row_blocks(length, weights, split=True)

    return Matrix(tensor.name, tensor.shape, rows, length, layout, (tensor.name,), blocks, dtype=tensor.dtype)


def transposed(tensor: Tensor, layout: str) -> Matrix:
    """A tensor ``[..., in, out]``, whose columns are the rows. Its stored codes are read whole, widened a block at a time."""
    *stack, length, out = tensor.shape

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        codes = tensor.codes().reshape(math.prod(stack), length, out)
        step = max(1, weights // length)
        for one in codes:
            for start in range(0, out, step):
                yield numbers_of(tensor.dtype, np.ascontiguousarray(one[:, start : start + step].T))

    rows = math.prod(stack) * out
    return Matrix(
        tensor.name, tensor.shape, rows, length, layout, (tensor.name,), blocks, transposed=True, dtype=tensor.dtype
    )
