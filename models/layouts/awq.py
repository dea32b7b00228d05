"""AWQ as AutoAWQ stores it for its GEMM kernels, 4 bits.

A layer ``X`` with weights ``[N, K]`` has ``X.qweight`` int32 ``[K, N / 8]``, ``X.qzeros`` int32 ``[G, N / 8]`` and ``X.scales``
``[G, N]``. Four bits from ``4 i`` of word ``j`` are column ``8 j + (0, 2, 4, 6, 1, 3, 5, 7)[i]``.
``w[n, k] = scales[g, n] * (code[k, n] - zero[g, n])`` with ``g = k // (K / G)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from ..model import Model
from ..tensor import Tensor
from .found import LeftAlone, real_numbers

_COLUMN_OF_NIBBLE = (0, 2, 4, 6, 1, 3, 5, 7)


def recognise(model: Model) -> Iterator[Matrix | LeftAlone]:
    """All layers whose ``qweight`` has a column for every eight of ``scales``."""
    for name, qweight in model.tensors.items():
        prefix = name.removesuffix("qweight")
        scales, zeros = (model.tensors.get(f"{prefix}{part}") for part in ("scales", "qzeros"))
        if prefix == name or (prefix and not prefix.endswith(".")) or scales is None or zeros is None:
            continue
        if len(qweight.shape) != 2 or len(scales.shape) != 2 or 8 * qweight.shape[1] != scales.shape[1]:
            continue
        yield _layer(model, prefix, qweight, scales, zeros)


def _layer(model: Model, prefix: str, qweight: Tensor, scales: Tensor, zeros: Tensor) -> Matrix | LeftAlone:
    (length, words), groups = qweight.shape, scales.shape[0]
    name, parts, out = f"{prefix}weight", (qweight.name, scales.name, zeros.name), 8 * words
    sound = (
        groups > 0 and out > 0 and length > 0 and length % groups == 0 and zeros.shape == (groups, words)
        and qweight.dtype == zeros.dtype == "I32" and scales.is_real
    )  # fmt: skip
    if not sound:
        return LeftAlone(
            name, parts, f"AWQ of unknown shapes: qweight {list(qweight.shape)}, qzeros {list(zeros.shape)}"
        )
    if name in model.tensors:
        return LeftAlone(name, parts, f"AWQ beside a tensor {name}")

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        packed, factors = qweight.codes().view(np.uint32), real_numbers(scales)
        points = _columns(zeros.codes().view(np.uint32))
        index = np.arange(length) // (length // groups)
        step = max(1, weights // length // 8)
        for start in range(0, words, step):
            codes = _columns(packed[:, start : start + step])
            columns = slice(8 * start, 8 * (start + step))
            yield np.ascontiguousarray(((codes - points[index, columns]) * factors[index, columns]).T)

    return Matrix(name, (out, length), out, length, "AWQ, 4 bits", parts, blocks, dtype="AWQ 4 bits")


def _columns(words: NDArray[np.uint32]) -> NDArray[np.int16]:
    found = np.empty((words.shape[0], words.shape[1], 8), np.int16)
    for nibble, column in enumerate(_COLUMN_OF_NIBBLE):
        found[:, :, column] = words >> np.uint32(4 * nibble) & np.uint32(15)
    return found.reshape(words.shape[0], -1)
