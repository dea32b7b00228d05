"""Safetensors files: an index in JSON, then the bytes of all tensors; read, checked and written in pieces."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..system.errors import BitmillError
from .number_types import NUMBER_TYPES
from .reading import SizedFile, reading, short
from .tensor import FileRange, Tensor

WHAT = "safetensors file"
LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the format's own library."""
_MOST_DIMENSIONS = 32


def read_safetensors(path: Path, *, about: str = "") -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file by name, none read yet, and its metadata.

    Raises
    ------
    BitmillError
        If it cannot be read or its header does not describe it exactly.
    """
    with reading(path, WHAT, about=about) as opened:
        length = int.from_bytes(opened.take(0, 8), "little")
        if length > LONGEST_HEADER:
            raise BitmillError(f"its header must have at most {LONGEST_HEADER} bytes, not {length}")
        header = parse_json(opened.take(8, length))
        return _tensors(path, opened, 8 + length, header), _metadata(header)


def parse_json(text: bytes) -> dict[str, Any]:
    """A JSON object without duplicate names and without NaN or Infinity, which JSON does not have.

    Raises
    ------
    BitmillError
        If it is something else.
    ValueError, RecursionError
        If it is no JSON; to be raised inside ``reading``.
    """
    content = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    if not isinstance(content, dict):
        raise BitmillError(f"its JSON must be an object, not {type(content).__name__}")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for index, (name, _) in enumerate(pairs) if name in {other for other, _ in pairs[:index]})
        raise BitmillError(f"names must be unique, not {short(twice)!r} twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise BitmillError(f"numbers must be finite, not {name}")


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    metadata = header.get("__metadata__") or {}
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise BitmillError("its metadata must be texts by name")
    return metadata


def _tensors(path: Path, opened: SizedFile, start: int, header: dict[str, Any]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    ranges: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype, shape, first, last = _entry(name, entry)
        opened.must_hold(start + first, last - first)
        ranges.append((first, last, name))
        found[name] = Tensor(name, dtype, shape, FileRange(path, WHAT, start + first, last - first, opened.stamp))
    end = 0
    for first, last, name in sorted(ranges):
        if first != end:
            raise BitmillError(f"tensor {short(name)!r} must begin at byte {end} of the data, not at {first}")
        end = last
    if start + end != opened.size:
        raise BitmillError(f"it must have {start + end} bytes as its header says, not {opened.size}")
    return found


def _entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    where = f"tensor {short(name)!r}"
    if not isinstance(entry, dict) or not {"dtype", "shape", "data_offsets"} <= entry.keys():
        raise BitmillError(f"{where} must have dtype, shape and data_offsets, not {short(entry)}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in NUMBER_TYPES:
        raise BitmillError(f"{where}: dtype must be one of {', '.join(NUMBER_TYPES)}, not {short(repr(dtype))}")
    if not _sizes(shape) or len(shape) > _MOST_DIMENSIONS:
        raise BitmillError(
            f"{where}: shape must be at most {_MOST_DIMENSIONS} whole numbers from 0, not {short(shape)}"
        )
    if not _sizes(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BitmillError(f"{where}: data_offsets must be two ascending whole numbers from 0, not {short(offsets)}")
    first, last = offsets
    bits = math.prod(shape) * NUMBER_TYPES[dtype].bits
    if bits != 8 * (last - first):
        raise BitmillError(f"{where}: {dtype} of shape {short(shape)} must not have {last - first} bytes")
    return dtype, tuple(shape), first, last


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 1 << 63 for size in value)


Planned = tuple[str, str, tuple[int, ...]]
"""Name, type and shape of a tensor to be written."""


class SafetensorsWriter:
    """Writes a file whose tensors' sizes are known before their bytes are: any tensor a piece at a time, in any order.

    Parameters
    ----------
    file
        Open for writing, empty.
    tensors
        All that the file will have.
    metadata
        Texts by name.
    """

    def __init__(self, file: BinaryIO, tensors: Iterable[Planned], metadata: Mapping[str, str]) -> None:
        self._file = file
        header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
        start = 0
        self._places: dict[str, list[int]] = {}
        # Wide types first, as the format's library writes them, so that all are aligned.
        for name, dtype, shape in sorted(tensors, key=lambda row: (-NUMBER_TYPES[row[1]].bits, row[0])):
            end = start + math.prod(shape) * NUMBER_TYPES[dtype].bits // 8
            header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
            self._places[name] = [start, end]
            start = end
        text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
        text += b" " * (-len(text) % 8)
        self._start = 8 + len(text)
        self.size = self._start + start
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(self.size)

    def append(self, name: str, data: bytes) -> None:
        """The next bytes of a tensor."""
        place = self._places[name]
        if place[0] + len(data) > place[1]:
            raise BitmillError(f"tensor {name} must have {place[1] - place[0]} bytes more, not {len(data)}")
        self._file.seek(self._start + place[0])
        self._file.write(data)
        place[0] += len(data)

    def check_complete(self) -> None:
        """Find out whether every tensor got its bytes.

        Raises
        ------
        BitmillError
            If one did not.
        """
        for name, (at, end) in self._places.items():
            if at != end:
                raise BitmillError(f"tensor {name} must have {end - at} bytes more")
