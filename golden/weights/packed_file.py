"""Quantized models as safetensors: packed codes, selectors and scales, and tensors that stay what they were.

A quantized tensor ``NAME`` of shape ``[out, K]`` is stored as ``NAME.codes``, ``NAME.group_scales`` and, where its scheme has
them, ``NAME.channel_scales``, ``NAME.selectors`` and ``NAME.zero_points``. Codes, selectors and zero points are packed bits
(``bits.pack``). The file's metadata entry ``bitmill`` is JSON: ``version``, and under ``tensors`` the scheme, group and shape
of every ``NAME``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize, safe_open

from ...errors import BitmillError
from ...formats.scheme import Scheme, get_scheme
from . import bits
from .quantized import QuantizedWeights

KEY = "bitmill"
VERSION = 1
FLOATS: Mapping[str, type[np.generic]] = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
"""Floating types of safetensors that NumPy has; BF16 is read as float32."""


@dataclass(frozen=True, eq=False)
class RawTensor:
    """A tensor as a safetensors file has it: type, shape and bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes

    @property
    def floating(self) -> bool:
        """Whether ``values`` can read it."""
        return self.dtype in FLOATS or self.dtype == "BF16"

    def values(self) -> NDArray[Any]:
        """The numbers of a floating tensor, BF16 widened to float32."""
        if self.dtype == "BF16":
            codes = np.frombuffer(self.data, "<u2").astype(np.uint32)
            return (codes << 16).view(np.float32).reshape(self.shape)
        return np.frombuffer(self.data, np.dtype(FLOATS[self.dtype]).newbyteorder("<")).reshape(self.shape)


@dataclass(frozen=True, eq=False)
class PackedModel:
    """A model with some of its tensors quantized.

    Attributes
    ----------
    quantized
        By tensor name.
    kept
        The others, byte for byte.
    metadata
        The file's other metadata entries.
    """

    quantized: dict[str, QuantizedWeights]
    kept: dict[str, RawTensor]
    metadata: dict[str, str] = field(default_factory=dict)


def read_tensors(path: Path | str) -> tuple[dict[str, RawTensor], dict[str, str]]:
    """All tensors of a safetensors file, and its metadata.

    Raises
    ------
    BitmillError
        If the file is missing, cannot be read, or is not a whole safetensors file.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        tensors = {
            name: RawTensor(str(entry["dtype"]), tuple(entry["shape"]), bytes(entry["data"]))
            for name, entry in deserialize(content)
        }
    except OSError as error:
        raise BitmillError(f"{path}: cannot be read: {error.strerror}") from None
    except SafetensorError as error:
        raise BitmillError(f"{path}: not a whole safetensors file: {str(error).splitlines()[0]}") from None
    length = int.from_bytes(content[:8], "little")
    return tensors, json.loads(content[8 : 8 + length]).get("__metadata__", {})


def to_bytes(model: PackedModel) -> bytes:
    """The safetensors file of a model.

    Raises
    ------
    BitmillError
        If a kept tensor has the name of a quantized one's part.
    """
    tensors: dict[str, RawTensor] = dict(model.kept)
    described: dict[str, dict[str, Any]] = {}
    for name, found in model.quantized.items():
        described[name] = {"scheme": found.scheme.name, "group": found.group, "shape": list(found.shape)}
        for part, array in _packed_parts(found).items():
            if f"{name}.{part}" in tensors:
                raise BitmillError(f"tensor {name}.{part} must not be there, its name is that of a part of {name}")
            dtype = "F16" if array.dtype == np.float16 else "U8"
            tensors[f"{name}.{part}"] = RawTensor(dtype, array.shape, array.tobytes())
    metadata = model.metadata | {KEY: json.dumps({"version": VERSION, "tensors": described}, sort_keys=True)}
    return _file(tensors, metadata)


def _file(tensors: Mapping[str, RawTensor], metadata: Mapping[str, str]) -> bytes:
    """A safetensors file of types that NumPy may not have, which the library's own writers for NumPy refuse."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    start, blocks = 0, []
    # Wide types first, as the library writes them, so that all are aligned.
    for name, raw in sorted(tensors.items(), key=lambda item: (-_width(item[1]), item[0])):
        header[name] = {"dtype": raw.dtype, "shape": list(raw.shape), "data_offsets": [start, start + len(raw.data)]}
        start += len(raw.data)
        blocks.append(raw.data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *blocks])


def _width(raw: RawTensor) -> int:
    """Bytes per value, 0 for tensors without values."""
    return len(raw.data) // max(int(np.prod(raw.shape, dtype=np.int64)), 1)


def read_packed(path: Path | str) -> PackedModel:
    """The model in a file that ``to_bytes`` made.

    Raises
    ------
    BitmillError
        If it is not a whole safetensors file, or not bitmill's, or metadata and tensors disagree.
    """
    tensors, metadata = read_tensors(path)
    described = _described(path, metadata)
    quantized = {}
    for name, facts in described.items():
        try:
            quantized[name] = _unpacked(name, facts, tensors)
        except BitmillError as error:
            raise BitmillError(f"{path}: {name}: {error}") from None
    return PackedModel(quantized, tensors, {key: text for key, text in metadata.items() if key != KEY})


def is_packed(path: Path | str) -> bool:
    """Whether it is a safetensors file whose metadata say that ``to_bytes`` made it."""
    try:
        with safe_open(path, framework="np") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def _packed_parts(found: QuantizedWeights) -> dict[str, NDArray[Any]]:
    parts: dict[str, NDArray[Any]] = {
        "codes": bits.pack(found.codes, found.scheme.bits), "group_scales": found.group_scales
    }  # fmt: skip
    if found.channel_scales is not None:
        parts["channel_scales"] = found.channel_scales
    if found.selectors is not None:
        parts["selectors"] = bits.pack(found.selectors, found.scheme.selector_bits)
    if found.zero_points is not None:
        parts["zero_points"] = bits.pack(found.zero_points, found.scheme.bits)
    return parts


def _described(path: Path | str, metadata: Mapping[str, str]) -> dict[str, Any]:
    try:
        content = json.loads(metadata[KEY])
        version, described = content["version"], content["tensors"]
        if version != VERSION:
            raise BitmillError(f"{path}: version of the packed file must be {VERSION}, not {version!r}")
        return dict(described)
    except KeyError:
        raise BitmillError(f"{path}: must be a file of `bitmill quantize`, which has metadata {KEY!r}") from None
    except (TypeError, ValueError) as error:
        raise BitmillError(f"{path}: metadata {KEY!r} must be what `bitmill quantize` writes: {error}") from None


def _unpacked(name: str, facts: Any, tensors: dict[str, RawTensor]) -> QuantizedWeights:
    try:
        scheme, group, (out, length) = get_scheme(facts["scheme"]), int(facts["group"]), map(int, facts["shape"])
    except BitmillError:
        raise
    except (KeyError, TypeError, ValueError):
        raise BitmillError(f"metadata must have scheme, group and shape [out, K], not {facts!r}") from None
    if group < 1 or length % group:
        raise BitmillError(f"group must divide the {length} weights of a row, not {group!r}")
    groups = length // group

    def part(suffix: str, width: int, count: int) -> NDArray[np.uint8]:
        raw = _take(tensors, f"{name}.{suffix}", "U8")
        if raw.shape != (out, bits.packed_length(count, width)):
            raise BitmillError(
                f"{suffix} must have shape {[out, bits.packed_length(count, width)]} for metadata of shape "
                f"{[out, length]} and group {group}, not {list(raw.shape)}"
            )
        return bits.unpack(np.frombuffer(raw.data, np.uint8).reshape(raw.shape), width, count)

    return QuantizedWeights(
        scheme=scheme,
        group=group,
        codes=part("codes", scheme.bits, length),
        group_scales=part("group_scales", 8, groups),
        channel_scales=_channel(name, scheme, tensors),
        selectors=part("selectors", scheme.selector_bits, groups) if scheme.selector_bits else None,
        zero_points=part("zero_points", scheme.bits, groups) if scheme.zero_point else None,
    )


def _channel(name: str, scheme: Scheme, tensors: dict[str, RawTensor]) -> NDArray[np.float16] | None:
    if scheme.scale != "integer":
        return None
    raw = _take(tensors, f"{name}.channel_scales", "F16")
    return np.frombuffer(raw.data, np.dtype("<f2")).astype(np.float16).reshape(raw.shape)


def _take(tensors: dict[str, RawTensor], name: str, dtype: str) -> RawTensor:
    raw = tensors.pop(name, None)
    if raw is None or raw.dtype != dtype:
        there = "no tensor of that name" if raw is None else raw.dtype
        raise BitmillError(f"tensor {name} must be there and of type {dtype}, not {there}")
    return raw
