"""FP8 weights with scales beside them, which multiply: DeepSeek's, compressed-tensors', FBGEMM's.

A tensor ``X.weight`` of an FP8 type has ``X.weight_scale``, ``X.weight_scale_inv`` (which multiplies too, whatever its name)
or ``X.scale_weight``: one number, one per output channel, or one per block, of 128 x 128 unless ``weight_block_size`` in the
configuration says otherwise; of stacks one per matrix too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from ..model import Model
from ..number_types import NUMBER_TYPES
from ..tensor import Tensor
from .found import LeftAlone, real_numbers

_BLOCK = 128


def recognise(model: Model) -> Iterator[Matrix | LeftAlone]:
    """All FP8 tensors of two or three dimensions that have a scale."""
    for name, tensor in model.tensors.items():
        if (
            not (tensor.dtype.startswith("F8_") and tensor.is_real)
            or len(tensor.shape) not in (2, 3)
            or not tensor.size
        ):
            continue
        home = name.removesuffix("weight")
        names = (f"{name}_scale", f"{name}_scale_inv", f"{home}scale_weight" if home != name else "")
        scales = [model.tensors[other] for other in names if other in model.tensors]
        if scales:
            yield _scaled(model, tensor, scales)


def _scaled(model: Model, tensor: Tensor, scales: list[Tensor]) -> Matrix | LeftAlone:
    parts = (tensor.name, *(scale.name for scale in scales))
    scale = scales[0]
    steps = _steps(tensor.shape, scale.shape, model.quantization.get("weight_block_size"))
    if len(scales) > 1 or not scale.is_real or steps is None:
        told = " and ".join(f"{other.name} {other.dtype} {list(other.shape)}" for other in scales)
        return LeftAlone(
            tensor.name, parts, f"FP8 {list(tensor.shape)} with a scale of unknown kind: {told}", tensor.size
        )
    *stack, out, length = tensor.shape
    rows = math.prod(stack) * out

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        factors = real_numbers(scale).reshape(
            [-(-size // step) for size, step in zip(tensor.shape, steps, strict=True)]
        )
        columns = np.arange(length) // steps[-1]
        start = 0
        for block in tensor.row_blocks(length, weights):
            row = np.arange(start, start + len(block))
            places = np.unravel_index(row, (*stack, out))
            chosen = tuple(place // step for place, step in zip(places, steps[:-1], strict=True))
            yield block * factors[chosen][:, columns]
            start += len(block)

    kind = "tensor" if scale.size == 1 else "block" if steps[-1] < length else "channel or matrix"
    layout = f"{NUMBER_TYPES[tensor.dtype].name}, a scale per {kind}"
    return Matrix(tensor.name, tensor.shape, rows, length, layout, parts, blocks, dtype=tensor.dtype)


def _steps(shape: tuple[int, ...], scale: tuple[int, ...], told: Any) -> tuple[int, ...] | None:
    """How many neighbours along each axis share a scale; None where the shapes do not say."""
    if math.prod(scale) == 1:
        return shape
    if len(scale) < len(shape):
        # One per channel, or one per matrix of a stack, without axes of one.
        if scale != shape[: len(scale)]:
            return None
        scale = (*scale, *(1 for _ in shape[len(scale) :]))
    if len(scale) != len(shape):
        return None
    given = (
        told
        if isinstance(told, list) and len(told) == 2 and all(type(step) is int and step > 0 for step in told)
        else None
    )
    steps = []
    for axis, (size, count) in enumerate(zip(shape, scale, strict=True)):
        place = axis - len(shape) + 2
        block = given[place] if given and place >= 0 else _BLOCK
        candidates = [size, 1, block] + ([size // count] if count and size % count == 0 else [])
        step = next((step for step in candidates if -(-size // step) == count), None)
        if step is None:
            return None
        steps.append(step)
    return tuple(steps)
