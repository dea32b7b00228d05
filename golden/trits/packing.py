"""Trits five in a byte, as units of ``ternary-bytes`` read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...formats.trit_bytes import BYTE_OF, TRIT_BYTES, TRITS, TritCode
from ...system.errors import BitmillError


def pack_trits(trits: ArrayLike, code: TritCode = "astc") -> NDArray[np.uint8]:
    """Bytes ``[..., ceil(K / 5)]`` of trits ``[..., K]``, the first ones in the first byte; beyond the end they are 0.

    Parameters
    ----------
    trits
        -1, 0 and 1.
    code
        ``astc`` or ``base3``, see ``formats.trit_bytes``.

    Raises
    ------
    BitmillError
        If a number is none of these.
    """
    array = np.asarray(trits)
    wrong = array[~np.isin(array, (-1, 0, 1))]
    if wrong.size:
        raise BitmillError(f"trits must be -1, 0 or 1, not {wrong.flat[0]!r}")
    whole = np.pad(array.astype(np.intp), [(0, 0)] * (array.ndim - 1) + [(0, -array.shape[-1] % TRITS)])
    table = np.zeros((3,) * TRITS, np.uint8)
    for values, byte in BYTE_OF[code].items():
        table[values] = byte  # Of -1, the last of an axis.
    fives = whole.reshape(*whole.shape[:-1], whole.shape[-1] // TRITS, TRITS)
    return table[tuple(np.moveaxis(fives, -1, 0))]


def unpack_trits(packed: ArrayLike, length: int, code: TritCode = "astc") -> NDArray[np.int64]:
    """The first ``length`` trits ``[..., length]`` of bytes ``[..., n]``; raises ``BitmillError`` if there are not as many."""
    array = np.asarray(packed, dtype=np.uint8)
    if not 0 <= length <= array.shape[-1] * TRITS:
        raise BitmillError(f"length must be 0 to {array.shape[-1] * TRITS} for {array.shape[-1]} bytes, not {length!r}")
    found = np.array(TRIT_BYTES[code])[array]
    return found.reshape(*array.shape[:-1], array.shape[-1] * TRITS)[..., :length]
