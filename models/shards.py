"""Models in several safetensors files: a folder, or an index such as ``model.safetensors.index.json``."""

from __future__ import annotations

from pathlib import Path

from ..system.errors import BitmillError
from .description import KEY, merged
from .reading import reading, short
from .safetensors_file import parse_json, read_safetensors
from .tensor import Tensor

WHAT = "index of safetensors files"
INDEX = ".safetensors.index.json"
_LONGEST_INDEX = 100_000_000


def read_index(path: Path, *, about: str = "") -> tuple[dict[str, Tensor], dict[str, str], list[Path]]:
    """The tensors of all files that an index names, their metadata, and the files.

    Raises
    ------
    BitmillError
        If the index or a file cannot be read, or the index names a tensor that its file does not have.
    """
    with reading(path, WHAT, about=about) as opened:
        if opened.size > _LONGEST_INDEX:
            raise BitmillError(f"it must have at most {_LONGEST_INDEX} bytes, not {opened.size}")
        places = parse_json(opened.take(0, opened.size)).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
            raise BitmillError("its weight_map must be the file of every tensor")
        for file in places.values():
            if Path(file).name != file or not file.endswith(".safetensors"):
                raise BitmillError(f"its files must be names of safetensors files beside it, not {short(repr(file))}")
    files = [path.parent / file for file in sorted(set(places.values()))]
    tensors, metadata = _all_of(files, about)
    for name, file in places.items():
        if name not in tensors:
            raise BitmillError(f"{about}{path}: names tensor {short(repr(name))}, which {file} does not have")
    return {name: tensors[name] for name in places}, metadata, [path, *files]


def read_folder(path: Path, *, about: str = "") -> tuple[dict[str, Tensor], dict[str, str], list[Path]]:
    """As ``read_index`` of the folder's index, or of all its safetensors files where it has none.

    Raises
    ------
    BitmillError
        As ``read_index``; or if the folder has no such file, or several indexes.
    """
    try:
        names = sorted(entry for entry in path.iterdir() if entry.name.endswith((".safetensors", INDEX)))
    except OSError as error:
        raise BitmillError(f"{about}{path}: cannot be read: {error.strerror}") from None
    indexes = [entry for entry in names if entry.name.endswith(INDEX)]
    if len(indexes) > 1:
        listed = ", ".join(entry.name for entry in indexes[:12])
        raise BitmillError(f"{about}{path}: is a directory with {len(indexes)} indexes, name one: {listed}")
    if indexes:
        return read_index(indexes[0], about=about)
    if not names:
        raise BitmillError(
            f"{about}{path}: is a directory without a safetensors file; accepted is FILE[:TENSOR] "
            "of type safetensors, npy or npz, or a directory of safetensors files"
        )
    tensors, metadata = _all_of(names, about)
    return tensors, metadata, names


def _all_of(files: list[Path], about: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    homes: dict[str, Path] = {}
    for file in files:
        found, texts = read_safetensors(file, about=about)
        for name in found:
            if name in homes:
                raise BitmillError(f"{about}{file}: tensor {short(repr(name))} is in {homes[name].name} already")
            homes[name] = file
        tensors |= found
        metadata = _merged(metadata, texts)
    return tensors, metadata


def _merged(one: dict[str, str], other: dict[str, str]) -> dict[str, str]:
    both = {**other, **one}
    if KEY in one and KEY in other:
        both[KEY] = merged(one[KEY], other[KEY])
    return both
