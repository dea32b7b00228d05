"""Very many payloads in one array of bytes, which reads as a sequence of integers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


class PayloadRows(Sequence[int]):
    """Payloads as rows of bytes, least significant first: a Python integer exists only while it is looked at.

    Parameters
    ----------
    rows
        Array [n, bytes] of uint8, with bits above the payload's width 0.
    """

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        self.rows = np.ascontiguousarray(rows, dtype=np.uint8)

    @classmethod
    def of(cls, payloads: Sequence[int], bits: int) -> PayloadRows:
        """The same payloads as rows of ``ceil(bits / 8)`` bytes; rows are taken as they are."""
        if isinstance(payloads, PayloadRows):
            return payloads
        length = (bits + 7) // 8
        joined = b"".join(payload.to_bytes(length, "little") for payload in payloads)
        return cls(np.frombuffer(joined, np.uint8).reshape(len(payloads), length))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> PayloadRows: ...
    def __getitem__(self, index: int | slice) -> int | PayloadRows:
        if isinstance(index, slice):
            return PayloadRows(self.rows[index])
        return int.from_bytes(self.rows[index].tobytes(), "little")

    def __iter__(self) -> Iterator[int]:
        for row in self.rows:
            yield int.from_bytes(row.tobytes(), "little")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # pyright: ignore[reportAssignmentType]
