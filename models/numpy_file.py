"""NumPy's files: npy with one array, npz with several in a zip archive. Pickles are never loaded."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from ..system.errors import BitmillError
from .number_types import OF_NUMPY
from .reading import SizedFile, reading, short, stays_open
from .tensor import FileRange, Stored, Tensor

NPY, NPZ = "npy file of numbers", "npz file of numbers"
MOST_EXPANSION, SMALL = 100, 1 << 26
"""An archive's member of more than ``SMALL`` bytes may be at most that many times as big as what is stored of it."""
_LONGEST_HEADER = 10_000
_COMPRESSIONS = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}
"""How many times as many bytes each kind of compression can give at most."""


def read_npy(path: Path, *, about: str = "") -> dict[str, Tensor]:
    """The array of an npy file, under the empty name.

    Raises
    ------
    BitmillError
        If it cannot be read, is not whole or holds Python objects.
    """
    with reading(path, NPY, about=about) as opened:
        dtype, shape, fortran, start = _header(opened.file)
        if dtype.hasobject:
            raise BitmillError("its array holds Python objects, which are never loaded")
        size = math.prod(shape) * dtype.itemsize
        opened.must_hold(start, size)
        return {"": _tensor("", dtype, shape, fortran, FileRange(path, NPY, start, size, opened.stamp))}


def read_npz(path: Path, *, about: str = "") -> dict[str, Tensor]:
    """The arrays of an npz file by name, none read yet.

    Raises
    ------
    BitmillError
        If it cannot be read, or an array is not whole.
    """
    with reading(path, NPZ, about=about) as opened, zipfile.ZipFile(opened.file) as archive:
        found: dict[str, Tensor] = {}
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            name = member.filename.removesuffix(".npy")
            if name in found:
                raise BitmillError(f"names must be unique, not {short(name)!r} twice")
            _check_size(opened, member)
            with archive.open(member) as stream:
                dtype, shape, fortran, start = _header(cast("BinaryIO", stream))
            size = math.prod(shape) * dtype.itemsize
            if not dtype.hasobject and start + size != member.file_size:
                raise BitmillError(f"array {short(name)!r} declares {size} bytes, but has {member.file_size - start}")
            stored = _Member(path, member.filename, start, size, opened.stamp)
            found[name] = _tensor(name, dtype, shape, fortran, stored)
    return found


def _check_size(opened: SizedFile, member: zipfile.ZipInfo) -> None:
    most = _COMPRESSIONS.get(member.compress_type)
    if most is None:
        raise BitmillError(f"member {short(member.filename)!r} must be stored or deflated")
    opened.must_hold(member.header_offset, member.compress_size)
    if member.file_size > most * (member.compress_size + 8):
        raise BitmillError(
            f"member {short(member.filename)!r} declares {member.file_size} bytes, "
            f"which {member.compress_size} cannot hold"
        )
    if member.file_size > max(SMALL, MOST_EXPANSION * member.compress_size):
        raise BitmillError(
            f"member {short(member.filename)!r} must be at most {MOST_EXPANSION} times as big as its "
            f"{member.compress_size} compressed bytes, not {member.file_size} bytes"
        )


def _header(stream: BinaryIO) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Type, shape, order and where the numbers begin. A header is parsed from a piece: it may declare gigabytes of itself."""
    file = io.BytesIO(stream.read(_LONGEST_HEADER + 12))
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_LONGEST_HEADER)
    elif version == (2, 0):
        shape, fortran, dtype = np.lib.format.read_array_header_2_0(file, max_header_size=_LONGEST_HEADER)
    else:
        raise BitmillError(f"version of its header must be 1.0 or 2.0, not {'.'.join(map(str, version))}")
    if len(shape) > 32 or any(type(size) is not int or not 0 <= size < 1 << 63 for size in shape):
        raise BitmillError(f"shape must be at most 32 whole numbers from 0, not {short(shape)}")
    return dtype, shape, bool(fortran), file.tell()


def _tensor(name: str, dtype: np.dtype[Any], shape: tuple[int, ...], fortran: bool, stored: Stored) -> Tensor:
    code = OF_NUMPY.get(dtype.newbyteorder("=").str)
    if code is None:
        return Tensor(name, "object" if dtype.hasobject else str(dtype), shape, stored)
    little = dtype.newbyteorder("<")
    if fortran and sum(size > 1 for size in shape) > 1:
        stored = _ByColumns(stored, dtype, little, shape)
    elif dtype != little:
        stored = _Swapped(stored, dtype, little)
    return Tensor(name, code, shape, stored)


@dataclass(frozen=True)
class _Member:
    """An array's bytes in an archive; their checksum is compared at the end."""

    path: Path
    member: str
    start: int
    size: int
    stamp: tuple[int, ...]

    def pieces(self, most: int) -> Iterator[bytes]:
        done = 0
        stream: Any = None
        archive: Any = None
        try:
            while done < self.size:
                with reading(self.path, NPZ) as opened:
                    if opened.stamp != self.stamp:
                        raise BitmillError("it changed while it was read")
                    if stream is None:
                        # The archive has a handle of its own, which stays open between pieces.
                        archive = zipfile.ZipFile(stays_open(self.path, NPZ))
                        stream = archive.open(self.member)
                        stream.read(self.start)
                    wanted = min(most, self.size - done)
                    piece = stream.read(wanted)
                    if len(piece) != wanted:
                        raise BitmillError(f"array {short(self.member)!r} ends early")
                    done += wanted
                    if done == self.size:
                        stream.read(1)
                yield piece
        finally:
            for opened_one in (stream, archive, archive and archive.fp):
                if opened_one is not None:
                    opened_one.close()


@dataclass(frozen=True)
class _Swapped:
    """Numbers with the big end first."""

    stored: Stored
    dtype: np.dtype[Any]
    little: np.dtype[Any]

    @property
    def size(self) -> int:
        return self.stored.size

    def pieces(self, most: int) -> Iterator[bytes]:
        for piece in self.stored.pieces(most):
            yield np.frombuffer(piece, self.dtype).astype(self.little).tobytes()


@dataclass(frozen=True)
class _ByColumns:
    """An array in Fortran's order."""

    stored: Stored
    dtype: np.dtype[Any]
    little: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return self.stored.size

    def pieces(self, most: int) -> Iterator[bytes]:
        whole = bytearray()
        for piece in self.stored.pieces(1 << 24):
            whole += piece
        flat = np.frombuffer(whole, self.dtype).reshape(self.shape, order="F")
        width, rows = self.dtype.itemsize, flat.reshape(self.shape[0], -1) if self.shape[0] else flat
        count = math.prod(self.shape)
        row = max(count // max(self.shape[0], 1), 1)
        per = max(most // width, 1)
        # Rows are gathered as many as a piece touches, so that no second copy of the whole is made.
        for start in range(0, count, per):
            stop = min(start + per, count)
            first, last = start // row, -(-stop // row)
            block = np.ascontiguousarray(rows[first:last]).reshape(-1)[start - first * row : stop - first * row]
            yield block.astype(self.little).tobytes()
