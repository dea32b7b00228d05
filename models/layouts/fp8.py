"""FP8 weights with scales beside them, which multiply: DeepSeek's, compressed-tensors', FBGEMM's.

A tensor ``X.weight`` of an FP8 type has ``X.weight_scale``, ``X.weight_scale_inv`` (which multiplies too, whatever its name)
``X.scale_weight`` or, as DeepSeek's own files, ``X.scale``: one number, one per output channel, or one per block, of 128 x 128
unless ``weight_block_size`` in the configuration says otherwise; of stacks one per matrix too. Beside scales of other names FP8
codes are left alone: as they are they would be no weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from ..model import Model
from ..number_types import NUMBER_TYPES
from ..orientation import orientations
from ..tensor import Tensor
from .found import LeftAlone, real_numbers

_BLOCK = 128
_SCALE = re.compile(r"scale|absmax|amax|zero|quant|scb$|_shift$", re.IGNORECASE)
"""In the last name of what may be the scale of codes."""
_LEAF = re.compile(r"_?(q?weights?|w|kernel|data)(:\d+)?")


def recognise(model: Model) -> Iterator[Matrix | LeftAlone]:
    """All FP8 tensors of two or three dimensions that have a scale, of a known kind or not."""
    siblings = _Siblings(model.tensors)
    turned = {name: way.why for name, way in orientations(model.tensors).items() if way.transposed or not way.known}
    for name, tensor in model.tensors.items():
        if (
            not (tensor.dtype.startswith("F8_") and tensor.is_real)
            or len(tensor.shape) not in (2, 3)
            or not tensor.size
        ):
            continue
        home = name.removesuffix("weight")
        owned = (f"{home}scale_weight", f"{home}scale") if home.endswith(".") else ()
        names = (f"{name}_scale", f"{name}_scale_inv", *owned)
        scales = [model.tensors[other] for other in names if other in model.tensors]
        unknown = siblings.of(name)
        if scales and name in turned:
            parts = (name, *(scale.name for scale in scales))
            yield LeftAlone(name, parts, f"FP8 with a scale, {turned[name]}", tensor.size)
        elif scales:
            yield _scaled(model, tensor, scales)
        elif unknown:
            why = f"FP8 beside {unknown}, a scale or the like of unknown kind"
            yield LeftAlone(name, (name,), why, tensor.size)


class _Siblings:
    """What may be scales, by the modules that they are in and by the names that theirs continue."""

    def __init__(self, names: Mapping[str, Tensor]) -> None:
        self._within: dict[str, str] = {}
        self._beside: dict[str, str] = {}
        for name in names:
            places = [found.start() for found in re.finditer("[./]", name)]
            last = name[places[-1] + 1 :] if places else name
            if not _SCALE.search(last):
                continue
            self._beside.setdefault(name[: places[-1]] if places else "", name)
            # A_weight_scale continues A and A_weight.
            places += [found.start() for found in re.finditer("_", name)]
            for place in places:
                self._within.setdefault(name[:place], name)

    def of(self, name: str) -> str:
        """The first for codes of that name; empty if there is none."""
        found = re.fullmatch(r"(?s)(?:(.*)[./])?([^./]*)", name)
        module, last = (found[1] or "", found[2]) if found else ("", name)
        whole = self._within.get(module) if module and _LEAF.fullmatch(last) else None
        beside = self._beside.get(module)
        other = self._within.get(name) or whole or (beside if beside != name else None)
        return other or ""


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
