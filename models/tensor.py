"""A tensor of a file, read when it is wanted, a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from ..system.errors import BitmillError
from .number_types import NUMBER_TYPES, codes_of, is_real, numbers_of
from .reading import reading

PIECE = 1 << 24
"""Bytes that are read at a time."""


class Stored(Protocol):
    """Where the bytes of a tensor are: in the order of rows, little end first."""

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def pieces(self, most: int) -> Iterator[bytes]:
        """All of them in order, every piece but the last of ``most`` bytes."""
        ...


@dataclass(frozen=True)
class FileRange:
    """Bytes of a file from ``offset``.

    Attributes
    ----------
    path, what
        As for ``reading``.
    offset, size
        In bytes.
    stamp
        Of ``SizedFile`` when the file was opened first.
    """

    path: Path
    what: str
    offset: int
    size: int
    stamp: tuple[int, ...]

    def pieces(self, most: int) -> Iterator[bytes]:
        """As ``Stored.pieces``.

        Raises
        ------
        BitmillError
            If the file cannot be read or is no longer what it was.
        """
        for start in range(0, self.size, most):
            with reading(self.path, self.what) as opened:
                if opened.stamp != self.stamp:
                    raise BitmillError("it changed while it was read")
                piece = opened.take(self.offset + start, min(most, self.size - start))
            yield piece


@dataclass(frozen=True)
class InMemory:
    """Bytes that are there."""

    data: bytes

    @property
    def size(self) -> int:
        """How many."""
        return len(self.data)

    def pieces(self, most: int) -> Iterator[bytes]:
        """As ``Stored.pieces``."""
        for start in range(0, self.size, most):
            yield self.data[start : start + most]


@dataclass(frozen=True)
class Tensor:
    """One tensor.

    Attributes
    ----------
    name
        In its file; empty in an npy file.
    dtype
        A key of ``NUMBER_TYPES``, or what the file calls a type that is not there.
    shape
        As in the file.
    stored
        Its bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    stored: Stored

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def is_real(self) -> bool:
        """Whether its numbers can be weights."""
        return is_real(self.dtype)

    def read(self) -> bytearray:
        """All bytes, in one allocation."""
        whole, start = bytearray(self.stored.size), 0
        for piece in self.stored.pieces(PIECE):
            whole[start : start + len(piece)] = piece
            start += len(piece)
        return whole

    def codes(self) -> NDArray[Any]:
        """The stored codes, of the tensor's shape."""
        return codes_of(self.dtype, self.read()).reshape(self.shape)

    def numbers(self) -> NDArray[Any]:
        """The numbers, of the tensor's shape; for tensors that are real."""
        return numbers_of(self.dtype, self.codes())

    def row_blocks(self, length: int, weights: int, *, split: bool = False) -> Iterator[NDArray[Any]]:
        """The numbers as rows of ``length``, about ``weights`` of them at a time.

        Never less than a row, or with ``split`` pieces ``[1, weights]`` of longer rows, whose last is what is left.
        """
        if split and length > weights:
            size = NUMBER_TYPES[self.dtype].bits // 8
            left = length
            rest = bytearray()
            for piece in self.stored.pieces(weights * size):
                rest += piece
                while len(rest) >= min(weights, left) * size:
                    count = min(weights, left)
                    yield numbers_of(self.dtype, codes_of(self.dtype, bytes(rest[: count * size]))).reshape(1, count)
                    del rest[: count * size]
                    left = left - count or length
            return
        row = length * NUMBER_TYPES[self.dtype].bits // 8
        for piece in self.stored.pieces(max(1, weights // length) * row):
            yield numbers_of(self.dtype, codes_of(self.dtype, piece)).reshape(-1, length)
