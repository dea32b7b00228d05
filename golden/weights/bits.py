"""Codes of a few bits packed into bytes, little end first, every row from a byte of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError


def packed_length(count: int, bits: int) -> int:
    """Bytes that ``count`` codes take."""
    return -(-count * bits // 8)


def pack(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Rows of codes as rows of bytes: bit ``i * bits + j`` of a row is bit ``j`` of code ``i``.

    Parameters
    ----------
    codes
        uint8 ``[rows, count]``, below ``2**bits``.

    Returns
    -------
    uint8 ``[rows, packed_length(count, bits)]``, the bits left over zero.
    """
    if bits == 8:
        return codes
    single = codes[:, :, None] >> np.arange(bits, dtype=np.uint8) & 1
    return np.packbits(single.reshape(codes.shape[0], codes.shape[1] * bits), axis=1, bitorder="little")


def unpack(packed: NDArray[np.uint8], bits: int, count: int) -> NDArray[np.uint8]:
    """The rows that ``pack`` took.

    Raises
    ------
    BitmillError
        If there are not as many bytes as ``count`` codes take, or a bit left over is not zero.
    """
    if packed.ndim != 2 or packed.shape[1] != packed_length(count, bits):
        raise BitmillError(
            f"rows must have {packed_length(count, bits)} bytes for {count} codes of {bits} bits, "
            f"not shape {list(packed.shape)}"
        )
    if bits == 8:
        return packed
    single = np.unpackbits(packed, axis=1, bitorder="little")
    if single[:, count * bits :].any():
        raise BitmillError(f"bits after {count} codes of {bits} bits must be zero")
    fields = single[:, : count * bits].reshape(packed.shape[0], count, bits)
    result = np.zeros(fields.shape[:2], np.uint8)
    for bit in range(bits):
        result |= fields[:, :, bit] << np.uint8(bit)
    return result
