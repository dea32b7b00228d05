"""Real tensors from files: safetensors, npy and npz, checked before anything is computed from them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ..errors import BitmillError
from ..golden.weights import QuantizedWeights
from ..golden.weights.packed_file import is_packed, read_packed
from .sample import LAYERS, load_layer

ACCEPTED_DTYPES = "float16, bfloat16, float32 or float64"
_NUMPY_DTYPES = frozenset({"float16", "float32", "float64"})
_SAFETENSORS_DTYPES = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_LISTED = 12


@dataclass(frozen=True, eq=False)
class Layer:
    """One linear layer ``y = x @ weight.T`` with inputs to calibrate on and others to be judged by.

    Attributes
    ----------
    name
        Short name for tables and record ids.
    source
        Where it comes from, for captions.
    weight
        ``[out, in]`` float64.
    calibration, held_out
        ``[tokens, in]`` float64; static scales see the first only, accuracy is measured on the second only.
    """

    name: str
    source: str
    weight: NDArray[np.float64]
    calibration: NDArray[np.float64]
    held_out: NDArray[np.float64]

    @property
    def products(self) -> int:
        """Products of the layer on its held-out inputs: ``out * tokens * in``."""
        return self.weight.shape[0] * self.held_out.shape[0] * self.weight.shape[1]


def sample_layers() -> tuple[Layer, ...]:
    """The layers of the committed sample of all-MiniLM-L6-v2, in order."""
    loaded = (load_layer(name) for name in LAYERS)
    return tuple(
        Layer(
            layer.name,
            "all-MiniLM-L6-v2, encoder layer 2",
            *(array.astype(np.float64) for array in (layer.weight, layer.calibration, layer.held_out)),
        )
        for layer in loaded
    )


def user_layer(weights: str | Path, activations: str | Path, calibration: str | Path | None = None) -> Layer:
    """A layer from the user's files, each named ``FILE[:TENSOR]``.

    Without a calibration file the first half of the activations calibrates and the second half is held out.

    Raises
    ------
    BitmillError
        As ``load_matrix``; if the input dimensions differ; or if there are too few tokens to split.
    """
    weight = load_matrix(weights, "weights")
    inputs = load_matrix(activations, "activations")
    _check_multiplies(weight, inputs, "activations", activations)
    if calibration is None:
        if len(inputs) < 2:
            raise BitmillError(
                f"activations: {activations}: must have at least 2 tokens to split into calibration and held-out "
                "halves, "
                f"not {len(inputs)}; or give a calibration file"
            )
        half = len(inputs) // 2
        calibrating, held_out = inputs[:half], inputs[half:]
    else:
        calibrating, held_out = load_matrix(calibration, "calibration"), inputs
        _check_multiplies(weight, calibrating, "calibration", calibration)
    return Layer("user", f"{weights} on {activations}", weight, calibrating, held_out)


def load_matrix(spec: str | Path, role: str) -> NDArray[np.float64]:
    """A finite two-dimensional tensor, widened to float64.

    Parameters
    ----------
    spec
        ``FILE`` or ``FILE:TENSOR``. The tensor may be left out when the file holds one.
    role
        What errors call it: ``weights``, ``activations``, ``calibration``.

    Raises
    ------
    BitmillError
        If the file is missing, unreadable or truncated; the tensor is missing, or not named among several; or it is not
        a finite matrix of one of ``ACCEPTED_DTYPES``.
    """
    path, name = _split_spec(str(spec))
    where = f"{role}: {path}"
    if not path.is_file():
        reason = "is a directory" if path.is_dir() else "no such file"
        raise BitmillError(f"{where}: {reason}; accepted is FILE[:TENSOR] of type safetensors, npy or npz")
    readers = {".safetensors": _read_safetensors, ".npy": _read_npy, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise BitmillError(f"{where}: file type must be one of {', '.join(readers)}, not {path.suffix!r}")
    found, dtype, array = reader(path, name, where)
    where = f"{where}:{found}" if found else where
    if dtype is not None:
        raise BitmillError(f"{where}: dtype must be {ACCEPTED_DTYPES}, not {dtype}")
    if array.ndim != 2 or 0 in array.shape:
        raise BitmillError(
            f"{where}: must be a matrix with two dimensions, none of them 0, not of shape {list(array.shape)}"
        )
    nans, infs = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if nans or infs:
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
    path, name = _split_spec(str(spec))
    if not is_packed(path):
        return None
    model = read_packed(path)
    if name in model.kept:
        return None
    return model.quantized[_choose(model.quantized, name, f"{role}: {path}")]


_Read = tuple[str | None, str | None, NDArray[Any]]
"""Tensor name where the file has several, the dtype if it is not accepted, and the array."""


def _split_spec(spec: str) -> tuple[Path, str | None]:
    if Path(spec).exists() or ":" not in spec:
        return Path(spec), None
    file, name = spec.rsplit(":", 1)
    # A missing file with a colon in its path keeps its whole name in the message.
    return (Path(file), name) if Path(file).suffix or Path(file).exists() else (Path(spec), None)


def _choose(names: Iterable[str], wanted: str | None, where: str) -> str:
    there = sorted(names)
    listed = ", ".join(there[:_LISTED]) + (f" and {len(there) - _LISTED} more" if len(there) > _LISTED else "")
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted is None:
        raise BitmillError(f"{where}: holds {len(there)} tensors, name one as FILE:TENSOR: {listed or 'none'}")
    if wanted not in there:
        raise BitmillError(f"{where}: has no tensor {wanted!r}; it holds {listed or 'none'}")
    return wanted


def _read_safetensors(path: Path, wanted: str | None, where: str) -> _Read:
    try:
        with safe_open(path, framework="np") as file:
            name = _choose(file.keys(), wanted, where)
            dtype = str(file.get_slice(name).get_dtype())
            if dtype not in _SAFETENSORS_DTYPES:
                return name, dtype, np.empty(0)
            if dtype != "BF16":
                return name, None, file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise BitmillError(f"{where}: not a whole safetensors file: {_first_line(error)}") from None
    return name, None, _read_bfloat16(path, name)


def _read_bfloat16(path: Path, name: str) -> NDArray[np.float32]:
    """A BF16 tensor, which NumPy has no type for, of a file that the library has found valid."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))[name]
        start, end = entry["data_offsets"]
        file.seek(8 + length + start)
        codes = np.frombuffer(file.read(end - start), "<u2")
    return (codes.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


def _read_npy(path: Path, wanted: str | None, where: str) -> _Read:
    if wanted is not None:
        raise BitmillError(f"{where}: an npy file holds one unnamed tensor, so FILE:TENSOR must not name {wanted!r}")
    try:
        with path.open("rb") as file:
            array = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BitmillError(f"{where}: not a whole npy file of numbers: {_first_line(error)}") from None
    return None, *_checked(array)


def _read_npz(path: Path, wanted: str | None, where: str) -> _Read:
    try:
        # NumPy leaves a file open that it opened itself and cannot read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            name = _choose(arrays.files, wanted, where)
            array = arrays[name]
    except BitmillError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise BitmillError(f"{where}: not a whole npz file of numbers: {_first_line(error)}") from None
    return name, *_checked(array)


def _checked(array: NDArray[Any]) -> tuple[str | None, NDArray[Any]]:
    return (None if array.dtype.name in _NUMPY_DTYPES else str(array.dtype)), array


def _check_multiplies(weight: NDArray[Any], inputs: NDArray[Any], role: str, spec: str | Path) -> None:
    if inputs.shape[1] != weight.shape[1]:
        raise BitmillError(
            f"{role}: {spec}: rows must have {weight.shape[1]} values as the weights [out, in] = "
            f"{list(weight.shape)} have, "
            f"not {inputs.shape[1]}"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
