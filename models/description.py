"""What a packed file says of its quantized tensors: the metadata entry ``bitmill``, JSON.

``version``, and under ``tensors`` the ``scheme``, ``group`` and ``shape`` of every tensor. A tensor whose rows are not the
last axis of a two-dimensional shape has ``matrix`` too, the rows and their length as they are stored, and ``transposed`` if
the model had every matrix as ``[in, out]``. A tensor ``NAME`` is stored as ``NAME.codes`` and, where its scheme has them,
``NAME.group_scales``, ``NAME.channel_scales``, ``NAME.tensor_scale``, ``NAME.selectors``, ``NAME.zero_points`` and what else its
scheme stores (books: FP16 numbers); codes, scales of groups, selectors and zero points are packed bits (``golden.weights.bits``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..formats import read_formats, write_format
from ..formats.block import Block, Part, get_block
from ..golden.weights.bits import packed_length
from ..system.errors import BitmillError
from .reading import short

KEY = "bitmill"
VERSION = 1
_BYTES = {"U8": 1, "F16": 2, "F32": 4}
_WHERE = f"metadata {KEY!r} must be what `bitmill quantize` writes"


@dataclass(frozen=True)
class Described:
    """One quantized tensor.

    Attributes
    ----------
    scheme, group
        How it is quantized.
    shape
        Of the tensor in the model.
    rows, length
        Of the matrix that is stored.
    transposed
        Whether the model had its matrices as ``[in, out]``.
    """

    scheme: Block
    group: int
    shape: tuple[int, ...]
    rows: int
    length: int
    transposed: bool = False

    @property
    def weights(self) -> int:
        """How many."""
        return self.rows * self.length

    @property
    def parts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Type and shape of each tensor that is stored, by the ending of its name."""
        return {part.name: (part.dtype, self._stored_shape(part)) for part in self.scheme.parts}

    def _stored_shape(self, part: Part) -> tuple[int, ...]:
        shape = self.shape_of(part)
        return (*shape[:-1], packed_length(shape[-1], part.bits)) if part.dtype == "U8" else shape

    def shape_of(self, part: Part) -> tuple[int, ...]:
        """Of a part in memory, with an item in each place."""
        codes, groups = self.length // self.scheme.vector, self.length // self.group
        return part.shape(rows=self.rows, codes=codes, groups=groups)

    @property
    def stored_bytes(self) -> int:
        """Of all parts, with the bits that fill the last byte of a row."""
        return sum(math.prod(shape) * _BYTES[dtype] for dtype, shape in self.parts.values())

    def to_dict(self) -> dict[str, Any]:
        """As the metadata have it."""
        facts: dict[str, Any] = {"scheme": self.scheme.name, "group": self.group, "shape": list(self.shape)}
        if self.shape != (self.rows, self.length):
            facts["matrix"] = [self.rows, self.length]
        if self.transposed:
            facts["transposed"] = True
        if self.scheme.own:
            facts["formats"] = {row.name: write_format(row) for row in self.scheme.own}
        return facts


def written(described: Mapping[str, Described]) -> str:
    """The metadata entry of a packed file."""
    tensors = {name: facts.to_dict() for name, facts in described.items()}
    return json.dumps({"version": VERSION, "tensors": tensors}, sort_keys=True, allow_nan=False)


def described(metadata: Mapping[str, str]) -> dict[str, Described]:
    """The quantized tensors by name; none where the metadata are not those of a packed file.

    Raises
    ------
    BitmillError
        If the entry is damaged.
    """
    return {name: _of(name, facts) for name, facts in _raw(metadata[KEY]).items()} if KEY in metadata else {}


def merged(one: str, other: str) -> str:
    """One entry for two files.

    Raises
    ------
    BitmillError
        If one is damaged, or both have a tensor.
    """
    first, second = _raw(one), _raw(other)
    if both := sorted(first.keys() & second.keys()):
        raise BitmillError(f"tensor {short(both[0])!r} must not be in two packed files")
    return json.dumps({"version": VERSION, "tensors": {**first, **second}}, sort_keys=True, allow_nan=False)


def _raw(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
        version, tensors = content["version"], content["tensors"]
        found = dict(tensors)
    except Exception as error:
        raise BitmillError(f"{_WHERE}: {short(error) or type(error).__name__}") from None
    if version != VERSION:
        raise BitmillError(f"version of the packed file must be {VERSION}, not {short(repr(version))}")
    return found


def _of(name: str, facts: Any) -> Described:
    where = short(name)
    facts = facts if isinstance(facts, dict) else {}
    scheme, group, shape = (facts.get(key) for key in ("scheme", "group", "shape"))
    matrix, transposed = facts.get("matrix", shape), facts.get("transposed", False)
    if not (_sizes(shape) and _sizes(matrix) and len(matrix) == 2 and _sizes([group]) and transposed in (False, True)):
        raise BitmillError(
            f"{where}: metadata must have scheme, group and shape [out, K], and matrix for another shape, "
            f"not {short(repr(facts))}"
        )
    try:
        row = get_block(str(scheme), read_formats(facts.get("formats", {})))
    except BitmillError as error:
        raise BitmillError(f"{where}: {error}") from None
    rows, length = matrix
    if math.prod(shape) != rows * length:
        raise BitmillError(f"{where}: metadata must have as many weights in shape {shape} as in matrix {matrix}")
    if group < 1 or length % group:
        raise BitmillError(f"{where}: group must divide the {length} weights of a row, not {group!r}")
    if why := row.why_not(rows=rows, length=length):
        raise BitmillError(f"{where}: must be a matrix that scheme {row.name} can have, but {why}")
    return Described(row, group, tuple(shape), rows, length, bool(transposed))


def _sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 32
        and all(type(size) is int and 0 <= size < 1 << 40 for size in value)
    )
