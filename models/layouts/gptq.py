"""GPTQ as AutoGPTQ and GPTQModel store it.

A layer ``X`` with weights ``[N, K]`` of b = 2, 3, 4 or 8 bits has ``X.qweight`` int32 ``[K b / 32, N]``, codes packed along
K; ``X.qzeros`` int32 ``[G, N b / 32]``, zero points packed along N; ``X.scales`` ``[G, N]``; and ``X.g_idx`` int32 ``[K]``, the
group of each input (with ``desc_act`` in no order); without it the groups follow each other, and are as long as
``group_size`` of the configuration or the shapes say. ``w[n, k] = scales[g, n] * (code[k, n] - zero[g, n])``, ``g = g_idx[k]``.

Version 1, which files are unless ``checkpoint_format`` says ``gptq_v2``, stores zero points less one, modulo ``2**b``.
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
from .words import fields

_BITS = (2, 3, 4, 8)
_USUAL = (16, 32, 64, 128, 256, 512, 1024)
"""Sizes of groups that quantizers offer."""


def recognise(model: Model) -> Iterator[Matrix | LeftAlone]:
    """All layers whose ``qweight`` has a column for every column of ``scales``."""
    for name, qweight in model.tensors.items():
        prefix, _, last = name.rpartition("qweight")
        scales = model.tensors.get(f"{prefix}scales")
        if last or not name.endswith("qweight") or (prefix and not prefix.endswith(".")) or scales is None:
            continue
        if len(qweight.shape) != 2 or len(scales.shape) != 2 or qweight.shape[1] != scales.shape[1]:
            continue
        yield _layer(model, prefix, qweight, scales)


def _layer(model: Model, prefix: str, qweight: Tensor, scales: Tensor) -> Matrix | LeftAlone:
    zeros, order = (model.tensors.get(f"{prefix}{part}") for part in ("qzeros", "g_idx"))
    parts = tuple(part.name for part in (qweight, scales, zeros, order) if part is not None)
    name = f"{prefix}weight"
    (words, out), groups = qweight.shape, scales.shape[0]
    if zeros is None:
        return LeftAlone(name, parts, "GPTQ without qzeros")
    bits = 32 * zeros.shape[-1] // out if out and len(zeros.shape) == 2 else 0
    length = 32 * words // bits if bits else 0
    sound = (
        bits in _BITS and groups > 0 and words > 0
        and zeros.shape == (groups, out * bits // 32) and out * bits % 32 == 0 and 32 * words % bits == 0
        and qweight.dtype == zeros.dtype == "I32" and scales.is_real
        and (order is None or (order.dtype == "I32" and order.shape == (length,)))
    )  # fmt: skip
    if not sound:
        shapes = ", ".join(f"{part.name.removeprefix(prefix)} {part.dtype} {list(part.shape)}" for part in
                           (qweight, zeros, scales, order) if part is not None)  # fmt: skip
        return LeftAlone(name, parts, f"GPTQ of unknown shapes: {shapes}")
    if f"{name}" in model.tensors:
        return LeftAlone(name, parts, f"GPTQ beside a tensor {name}")
    size = _group_size(model, length, groups)
    if order is None and size is None:
        return LeftAlone(
            name, parts, f"GPTQ without g_idx whose {groups} groups of {length} weights may be of several sizes"
        )
    told = model.quantization.get("checkpoint_format", model.metadata.get("checkpoint_format"))
    less_one = told != "gptq_v2"
    layout = f"GPTQ, {bits} bits, zero points {'less one (v1)' if less_one else 'as they are (v2)'}"

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        packed = qweight.codes().view(np.uint32)
        factors = real_numbers(scales)
        points = fields(np.ascontiguousarray(zeros.codes().view(np.uint32).T), bits).T.astype(np.int16)
        if less_one:
            points = points + 1 & (1 << bits) - 1
        index = order.codes().astype(np.int64) if order is not None else np.arange(length) // (size or 1)
        _check_order(index, groups, name)
        step = max(1, weights // length)
        for start in range(0, out, step):
            columns = slice(start, start + step)
            codes = fields(packed[:, columns], bits).astype(np.int16)
            values = (codes - points[index, columns]) * factors[index, columns]
            yield np.ascontiguousarray(values.T)

    return Matrix(name, (out, length), out, length, layout, parts, blocks, dtype=f"GPTQ {bits} bits")


def _group_size(model: Model, length: int, groups: int) -> int | None:
    """Of groups that follow each other, the last maybe shorter; None where nothing says it."""
    if groups == 1:
        return length
    told = model.quantization.get("group_size", model.metadata.get("group_size"))
    told = int(told) if isinstance(told, str) and told.isdecimal() and len(told) < 10 else told
    if type(told) is int and told > 0 and -(-length // told) == groups:
        return told
    sizes = {size for size in _USUAL if -(-length // size) == groups}
    even = {length // groups} if length % groups == 0 else set[int]()
    return even.pop() if even and sizes <= even else None


def _check_order(index: NDArray[np.int64], groups: int, name: str) -> None:
    from ...system.errors import BitmillError

    if index.min() < 0 or index.max() >= groups:
        raise BitmillError(f"{name}: g_idx must be of 0 .. {groups - 1}, not {index.min()} .. {index.max()}")
