"""A model or an array file of any accepted format: its tensors by name, none read before it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..system.errors import BitmillError
from ..system.files import read_json
from ..system.text import cut, visible
from .numpy_file import read_npy, read_npz
from .reading import short
from .safetensors_file import read_safetensors
from .shards import INDEX, read_folder, read_index
from .tensor import Tensor

_LISTED = 12
_CONFIGS = ("config.json", "quantize_config.json", "quant_config.json")
_LONGEST_CONFIG = 10_000_000


@dataclass(frozen=True, eq=False)
class Model:
    """The tensors of one or several files.

    Attributes
    ----------
    path
        As the user gave it.
    tensors
        By name, in the order of names; an npy file's has none.
    metadata
        Texts of safetensors files.
    files
        All files that are read.
    quantization
        What ``config.json``, ``quantize_config.json`` or ``quant_config.json`` beside a safetensors file say of how
        it was quantized, as far as they can be read.
    """

    path: Path
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    quantization: dict[str, Any] = field(default_factory=dict)


_Read = tuple[dict[str, Tensor], dict[str, str], list[Path]]


def _one_safetensors(path: Path, *, about: str) -> _Read:
    return (*read_safetensors(path, about=about), [path])


def _one_npy(path: Path, *, about: str) -> _Read:
    return read_npy(path, about=about), {}, [path]


def _one_npz(path: Path, *, about: str) -> _Read:
    return read_npz(path, about=about), {}, [path]


READERS: dict[str, Callable[..., _Read]] = {
    INDEX: read_index, ".safetensors": _one_safetensors, ".npy": _one_npy, ".npz": _one_npz
}  # fmt: skip
"""By how a file's name ends."""
_ENDINGS = [ending for ending in READERS if ending != INDEX]


def open_model(path: Path | str, *, about: str = "") -> Model:
    """The tensors in a file, in a folder of safetensors files, or in the files that an index names.

    Parameters
    ----------
    about
        What stands before the path in errors, such as ``weights: ``.

    Raises
    ------
    BitmillError
        If it is of no accepted type, cannot be read or is damaged.
    """
    path = Path(path)
    reader = read_folder if _is_directory(path) else _reader(path, about)
    tensors, metadata, files = reader(path, about=about)
    quantization = {} if path.suffix in (".npy", ".npz") else _quantization(files[0].parent)
    return Model(path, dict(sorted(tensors.items())), metadata, tuple(files), quantization)


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _reader(path: Path, about: str) -> Callable[..., _Read]:
    for ending, reader in READERS.items():
        if path.name.lower().endswith(ending):
            return reader
    try:
        there = path.exists()
    except (OSError, ValueError):
        there = False
    where = f"{about}{visible(cut(str(path)))}"
    if not there:
        raise BitmillError(f"{where}: no such file; accepted is FILE[:TENSOR] of type safetensors, npy or npz")
    raise BitmillError(f"{where}: file type must be one of {', '.join(_ENDINGS)}, not {path.suffix!r}")


def _quantization(folder: Path) -> dict[str, Any]:
    """What the files beside a model say; one that cannot be read says nothing, since nobody asked for it."""
    found: dict[str, Any] = {}
    for name in _CONFIGS:
        file = folder / name
        if not file.is_file():
            continue
        try:
            content = read_json(file, "a JSON file", limit=_LONGEST_CONFIG)
        except BitmillError:
            continue
        content = content if isinstance(content, dict) else {}
        told = content.get("quantization_config", {}) if name == "config.json" else content
        found |= told if isinstance(told, dict) else {}
    return found


def chosen(names: Iterable[str], wanted: str | None, where: str) -> str:
    """The name that the user gave, or the only one.

    Raises
    ------
    BitmillError
        If it is not there, or none was given and there are several.
    """
    there = sorted(names)
    listed = ", ".join(map(short, there[:_LISTED]))
    listed += f" and {len(there) - _LISTED} more" if len(there) > _LISTED else ""
    if wanted is None and len(there) == 1:
        return there[0]
    if wanted is None:
        raise BitmillError(f"{where}: holds {len(there)} tensors, name one as FILE:TENSOR: {listed or 'none'}")
    if wanted not in there:
        raise BitmillError(f"{where}: has no tensor {short(repr(wanted))}; it holds {listed or 'none'}")
    return wanted
