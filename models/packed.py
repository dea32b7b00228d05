"""Models that ``bitmill quantize`` packed: which tensors are quantized, and their codes and scales."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..formats.block import Part
from ..golden.weights import QuantizedWeights, bits
from ..system.errors import BitmillError
from .description import KEY, Described, described
from .model import Model, open_model
from .tensor import Tensor

_NUMBERS: dict[str, tuple[type[np.generic], str]] = {"F16": (np.float16, "<f2"), "F32": (np.float32, "<f4")}
"""Types of the parts that are no packed bits, in memory and in files."""


@dataclass(frozen=True, eq=False)
class PackedModel:
    """A model with some of its tensors quantized.

    Attributes
    ----------
    quantized
        By tensor name.
    kept
        The others.
    metadata
        The file's other metadata entries.
    """

    quantized: dict[str, QuantizedWeights]
    kept: dict[str, Tensor]
    metadata: dict[str, str]


def is_packed(model: Model) -> bool:
    """Whether the metadata say that ``bitmill quantize`` made the file."""
    return KEY in model.metadata


def packed_tensors(model: Model) -> dict[str, Described]:
    """The quantized tensors of a model by name, each compared with the parts that the file has; none read yet.

    Raises
    ------
    BitmillError
        If metadata and tensors disagree.
    """
    with _about(model.path):
        found = described(model.metadata)
        for name, facts in found.items():
            for part, (dtype, shape) in facts.parts.items():
                _check_part(model, name, part, dtype, shape, facts)
    return found


def _check_part(model: Model, name: str, part: str, dtype: str, shape: tuple[int, ...], facts: Described) -> None:
    tensor = model.tensors.get(f"{name}.{part}")
    if tensor is None or tensor.dtype != dtype:
        there = "no tensor of that name" if tensor is None else tensor.dtype
        raise BitmillError(f"{name}: tensor {name}.{part} must be there and of type {dtype}, not {there}")
    if tensor.shape != shape:
        raise BitmillError(
            f"{name}: {part} must have shape {list(shape)} for metadata of shape "
            f"{[facts.rows, facts.length]} and group {facts.group}, not {list(tensor.shape)}"
        )


def read_quantized(model: Model, name: str, facts: Described) -> QuantizedWeights:
    """The codes and scales of one tensor of ``packed_tensors``.

    Raises
    ------
    BitmillError
        If they are out of range.
    """
    with _about(model.path), _about(name):
        found: dict[str, NDArray[Any]] = {}
        for part in facts.scheme.parts:
            stored = model.tensors[f"{name}.{part.name}"].codes()
            wide = _NUMBERS.get(part.dtype)
            shape = facts.shape_of(part)
            found[part.name] = bits.unpack(stored, part.bits, shape[-1]) if wide is None else stored.astype(wide[0])
        extras = {part.name: found.pop(part.name) for part in facts.scheme.extras}
        return QuantizedWeights(scheme=facts.scheme, group=facts.group, extras=extras, **found)


def read_packed(path: Path | str) -> PackedModel:
    """All of a file that ``bitmill quantize`` wrote.

    Raises
    ------
    BitmillError
        If it cannot be read, or is not bitmill's, or metadata and tensors disagree.
    """
    model = open_model(path)
    if not is_packed(model):
        raise BitmillError(f"{path}: must be a file of `bitmill quantize`, which has metadata {KEY!r}")
    there = packed_tensors(model)
    quantized = {name: read_quantized(model, name, facts) for name, facts in there.items()}
    parts = {f"{name}.{part}" for name, facts in there.items() for part in facts.parts}
    kept = {name: tensor for name, tensor in model.tensors.items() if name not in parts}
    return PackedModel(quantized, kept, {key: text for key, text in model.metadata.items() if key != KEY})


def packed_parts(found: QuantizedWeights) -> dict[str, bytes]:
    """The bytes of each part of quantized weights, by the ending of its name."""
    return {part.name: _stored(found, part) for part in found.scheme.parts}


def _stored(found: QuantizedWeights, part: Part) -> bytes:
    array = found.stored(part.name)
    assert array is not None
    wide = _NUMBERS.get(part.dtype)
    return (bits.pack(array, part.bits) if wide is None else array.astype(wide[1])).tobytes()


@contextmanager
def _about(what: object) -> Iterator[None]:
    try:
        yield
    except BitmillError as error:
        text = str(error)
        raise error if text.startswith(f"{what}: ") else BitmillError(f"{what}: {text}") from None
