"""bitsandbytes: 4 bits (NF4, FP4) with a table and a scale per block, and 8 bits with a scale per row.

4 bits: ``X`` holds two codes a byte, the first in the high half, of the flattened weights; ``X.quant_state.bitsandbytes__nf4``
(or ``__fp4``) is JSON as bytes: ``shape``, ``blocksize``. ``w[i] = quant_map[code[i]] * absmax[i // blocksize]``. With double
quantization ``absmax`` holds codes too: ``absmax[j] = nested_quant_map[code[j]] * nested_absmax[j // nested_blocksize] +
nested_offset``.

8 bits: ``X.weight`` int8 ``[out, K]``, ``X.SCB`` ``[out]``: ``w = code * SCB / 127``; ``X.weight_format`` 0 if rows are rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError
from ..matrix import Matrix
from ..model import Model
from ..tensor import Tensor
from .found import LeftAlone, real_numbers

_STATE = ".quant_state.bitsandbytes__"
_PARTS = ("absmax", "quant_map", "nested_absmax", "nested_quant_map")


def recognise(model: Model) -> Iterator[Matrix | LeftAlone]:
    """All tensors with a ``quant_state``, and int8 ones with ``SCB``."""
    for name, tensor in model.tensors.items():
        base, found, kind = name.rpartition(_STATE)
        if found and kind in ("nf4", "fp4"):
            yield _four_bits(model, base, tensor, kind)
        if name.endswith("SCB") and f"{name.removesuffix('SCB')}weight" in model.tensors:
            yield _eight_bits(model, name.removesuffix("SCB"), tensor)


def _four_bits(model: Model, base: str, state: Tensor, kind: str) -> Matrix | LeftAlone:
    there = {part: model.tensors.get(f"{base}.{part}") for part in _PARTS}
    packed = model.tensors.get(base)
    parts = tuple(part.name for part in (packed, state, *there.values()) if part is not None)
    try:
        facts = _state(state)
        shape, size = facts["shape"], facts["blocksize"]
        nested = facts.get("nested_blocksize", 0) if there["nested_absmax"] is not None else 0
        _check_four_bits(packed, there, shape, size, nested)
        offset = float(facts.get("nested_offset", 0.0))
        if not math.isfinite(offset):
            raise BitmillError("its nested_offset is not finite")
    except BitmillError as error:
        return LeftAlone(base, parts, f"bitsandbytes {kind} that is not read: {error}")
    except (KeyError, TypeError, ValueError, RecursionError):
        return LeftAlone(base, parts, f"bitsandbytes {kind} whose quant_state cannot be read")
    assert packed is not None
    absmax, table = there["absmax"], there["quant_map"]
    assert absmax is not None
    assert table is not None
    rows, length = shape

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        codes = np.frombuffer(packed.read(), np.uint8)
        values = real_numbers(table)
        factors = _nested(there, nested, offset) if nested else real_numbers(absmax).reshape(-1)
        step = max(1, weights // length)
        for start in range(0, rows, step):
            index = np.arange(start * length, min(start + step, rows) * length)
            pairs = codes[index >> 1]
            code = np.where(index & 1, pairs & 15, pairs >> 4)
            yield (values[code] * factors[index // size]).reshape(-1, length)

    layout = f"bitsandbytes {kind}, blocks of {size}{', double quantization' if nested else ''}"
    return Matrix(base, (rows, length), rows, length, layout, parts, blocks, dtype=f"bitsandbytes {kind}")


def _state(state: Tensor) -> dict[str, Any]:
    if state.dtype != "U8" or state.size > 100_000:
        raise BitmillError("its quant_state is not JSON as bytes")
    return json.loads(bytes(state.read()).decode())


def _check_four_bits(
    packed: Tensor | None, there: dict[str, Tensor | None], shape: Any, size: Any, nested: Any
) -> None:
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(axis) is int and axis > 0 for axis in shape):
        raise BitmillError("its shape is not [out, K]")
    if type(size) is not int or size < 1 or type(nested) is not int or nested < 0:
        raise BitmillError("its blocksize is not a whole number from 1")
    count = math.prod(shape)
    if packed is None or packed.stored.size != -(-count // 2):
        raise BitmillError(f"its codes are not {-(-count // 2)} bytes")
    blocks = -(-count // size)
    sizes: dict[str, int] = {"absmax": blocks, "quant_map": 16}
    if there["nested_absmax"] is not None:
        if not nested:
            raise BitmillError("its nested_blocksize is not a whole number from 1")
        sizes |= {"nested_absmax": -(-blocks // nested), "nested_quant_map": 256}
    for part, wanted in sizes.items():
        tensor = there[part]
        is_codes = part == "absmax" and nested
        if tensor is None or tensor.size != wanted or (tensor.dtype != "U8" if is_codes else not tensor.is_real):
            raise BitmillError(f"its {part} is not {wanted} {'bytes' if is_codes else 'real numbers'}")


def _nested(there: dict[str, Tensor | None], size: int, offset: float) -> NDArray[np.float32]:
    absmax, scales, table = there["absmax"], there["nested_absmax"], there["nested_quant_map"]
    assert absmax is not None
    assert scales is not None
    assert table is not None
    codes = absmax.codes().reshape(-1)
    factors = real_numbers(scales).reshape(-1)[np.arange(len(codes)) // size]
    return real_numbers(table).reshape(-1)[codes] * factors + np.float32(offset)


def _eight_bits(model: Model, prefix: str, scales: Tensor) -> Matrix | LeftAlone:
    name = f"{prefix}weight"
    weight, told = model.tensors[name], model.tensors.get(f"{prefix}weight_format")
    parts = tuple(part.name for part in (weight, scales, told) if part is not None)
    if weight.dtype != "I8" or len(weight.shape) != 2 or not weight.size:
        return LeftAlone(name, parts, f"bitsandbytes int8 of unknown kind: {weight.dtype} {list(weight.shape)}")
    rows, length = weight.shape
    if scales.size != rows or not scales.is_real:
        return LeftAlone(name, parts, f"bitsandbytes int8 whose SCB is not {rows} numbers", weight.size)
    if told is not None and (told.stored.size > 64 or any(told.read())):
        return LeftAlone(name, parts, "bitsandbytes int8 in a layout for one kind of GPU", weight.size)

    def blocks(weights: int) -> Iterator[NDArray[Any]]:
        factors = real_numbers(scales).reshape(-1, 1) / np.float32(127)
        codes = weight.codes()
        step = max(1, weights // length)
        for start in range(0, rows, step):
            yield codes[start : start + step] * factors[start : start + step]

    return Matrix(name, (rows, length), rows, length, "bitsandbytes int8", parts, blocks, dtype="bitsandbytes int8")
