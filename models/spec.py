"""``FILE[:TENSOR]`` on the command line: one matrix of real numbers, or one that ``bitmill quantize`` packed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..golden.weights import QuantizedWeights, dequantize
from ..system.errors import BitmillError
from ..system.text import cut, visible
from .description import Described
from .layouts import LeftAlone, recognised
from .matrix import Matrix, plain, transposed
from .model import READERS, Model, chosen, open_model
from .number_types import ACCEPTED, name_of
from .orientation import orientations
from .packed import is_packed, packed_tensors, read_quantized
from .reading import short

_INDEXED = re.compile(r"(?s)(.*)\[(\d{1,9})\]")


def load_matrix(spec: str | Path, role: str) -> NDArray[np.float64]:
    """A finite two-dimensional tensor, widened to float64.

    Parameters
    ----------
    spec
        ``FILE`` or ``FILE:TENSOR``. The tensor may be left out when the file holds one; ``TENSOR[I]`` is matrix I of a stack.
        Weights in a layout of ``models.layouts`` are tensors by the name that they had before they were quantized.
    role
        What errors call it: ``weights``, ``activations``, ``calibration``. Weights that GPT-2's Conv1D has as ``[in, out]``
        come as ``[out, in]``.

    Raises
    ------
    BitmillError
        If the file is missing, unreadable or truncated; the tensor is missing, or not named among several; or it is not
        a finite matrix of one of ``ACCEPTED``.
    """
    path, name = _split(spec, role)
    model = open_model(path, about=f"{role}: ")
    with _about(role, path):
        found, array = _matrix(model, name, role)
    where = f"{role}: {path}:{short(found)}" if found else f"{role}: {path}"
    if not np.isfinite(array).all():
        nans, infs = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        raise BitmillError(f"{where}: must be finite, not {nans} NaN and {infs} Inf among {array.size} values")
    return array.astype(np.float64)


def load_packed(spec: str | Path, role: str) -> QuantizedWeights | None:
    """A matrix that ``bitmill quantize`` packed; None where the file is no packed model, or the tensor was kept as it is.

    Parameters
    ----------
    spec, role
        As for ``load_matrix``.

    Raises
    ------
    BitmillError
        If the file is damaged, or the tensor is missing or not named among several.
    """
    path, name = _split(spec, role)
    model = open_model(path, about=f"{role}: ")
    with _about(role, path):
        if not is_packed(model):
            return None
        there = packed_tensors(model)
        if name in model.tensors:
            return None
        name, index = _indexed(name, there)
        found = chosen(there, name, str(path))
        facts = there[found]
        rows = _rows_of(f"{path}:{found}", facts.shape, facts.rows, index)
        return _part_of(read_quantized(model, found, facts), rows)


def _split(spec: str | Path, role: str) -> tuple[Path, str | None]:
    path, name = split_spec(str(spec))
    if not _exists(str(path)):
        accepted = "accepted is FILE[:TENSOR] of type safetensors, npy or npz"
        raise BitmillError(f"{role}: {visible(cut(str(path)))}: no such file; {accepted}")
    return path, name


def split_spec(spec: str) -> tuple[Path, str | None]:
    """The file, and the tensor if one is named; both may have colons in them. The longest path that is there is the file."""
    if _exists(spec) or ":" not in spec:
        return Path(spec), None
    splits = [(spec[:at], spec[at + 1 :]) for at, letter in enumerate(spec) if letter == ":"]
    for file, name in reversed(splits):
        if file and _exists(file):
            return Path(file), name
    for file, name in splits:
        if file.lower().endswith(tuple(READERS)):
            return Path(file), name
    # A missing file with a colon in its path keeps its whole name in the message.
    return Path(spec), None


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


@contextmanager
def _about(role: str, path: Path) -> Iterator[None]:
    try:
        yield
    except BitmillError as error:
        text = visible(str(error)).removeprefix(f"{role}: ")
        raise BitmillError(f"{role}: {text if text.startswith(f'{path}:') else f'{path}: {text}'}") from None


def _matrix(model: Model, name: str | None, role: str) -> tuple[str, NDArray[Any]]:
    packed = packed_tensors(model)
    known = recognised(model)
    layouts = {found.name: found for found in known if isinstance(found, Matrix)}
    unread = {found.name: found.why for found in known if isinstance(found, LeftAlone)}
    hidden = {part for found in layouts.values() for part in found.parts}
    hidden |= {f"{stem}.{part}" for stem, facts in packed.items() for part in facts.parts}
    if model.tensors.keys() == {""}:
        if name is not None:
            raise BitmillError(
                f"{model.path}: an npy file holds one unnamed tensor, so FILE:TENSOR must not name {short(repr(name))}"
            )
        return "", _plain(model, "", None, role)
    # Parts of quantized weights are not offered, but are there for who names one.
    offered = {*layouts, *packed, *(other for other in model.tensors if other not in hidden)}
    name, index = _indexed(name, offered)
    found = name if name in model.tensors else chosen(offered, name, str(model.path))
    where = f"{model.path}:{short(found)}"
    if found in layouts:
        matrix = layouts[found]
        return found, matrix.read()[_rows_of(where, matrix.shape, matrix.rows, index)]
    if found in packed:
        facts: Described = packed[found]
        rows = _rows_of(where, facts.shape, facts.rows, index)
        return found, dequantize(_part_of(read_quantized(model, found, facts), rows))
    if found in unread:
        raise BitmillError(f"{where}: cannot be read: {unread[found]}")
    return found, _plain(model, found, index, role)


def _plain(model: Model, name: str, index: int | None, role: str) -> NDArray[Any]:
    tensor = model.tensors[name]
    where = f"{model.path}:{short(name)}" if name else str(model.path)
    if not tensor.is_real:
        raise BitmillError(f"{where}: dtype must be {ACCEPTED}, not {name_of(tensor.dtype)}")
    if len(tensor.shape) not in (2, 3) or 0 in tensor.shape:
        raise BitmillError(
            f"{where}: must be a matrix with two dimensions, none of them 0, not of shape {list(tensor.shape)}"
        )
    way = orientations(model.tensors).get(name) if role == "weights" else None
    matrix = transposed(tensor, way.why) if way is not None and way.transposed else plain(tensor)
    return matrix.read()[_rows_of(where, tensor.shape, matrix.rows, index)]


def _indexed(name: str | None, names: set[str] | Mapping[str, Any]) -> tuple[str | None, int | None]:
    if name is None or name in names:
        return name, None
    found = _INDEXED.fullmatch(name)
    return (found[1] or None, int(found[2])) if found and (not found[1] or found[1] in names) else (name, None)


def _rows_of(where: str, shape: tuple[int, ...], rows: int, index: int | None) -> slice:
    if len(shape) == 2:
        if index is not None:
            raise BitmillError(f"{where}: must be a stack of matrices for [{index}], not of shape {list(shape)}")
        return slice(None)
    count = math.prod(shape[:-2])
    if index is None:
        raise BitmillError(
            f"{where}: must be a matrix with two dimensions, not of shape {list(shape)}: "
            f"name one of its {count} matrices as FILE:TENSOR[0] to [{count - 1}]"
        )
    if index >= count:
        raise BitmillError(f"{where}: must have a matrix [{index}], not only [0] to [{count - 1}]")
    return slice(index * (rows // count), (index + 1) * (rows // count))


def _part_of(whole: QuantizedWeights, rows: slice) -> QuantizedWeights:
    return whole.part(rows)
