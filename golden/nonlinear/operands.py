"""Integer operands as int64, refused where exact results could not be promised."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import BitmillError


def as_integers(x: ArrayLike, *, bits: int, name: str = "x") -> NDArray[np.int64]:
    """``x`` as int64 of the same shape.

    Raises
    ------
    BitmillError
        If ``x`` is not of an integer dtype, or a value is not a signed integer of ``bits``.
    """
    values: NDArray[Any] = np.asarray(x)
    if values.dtype.kind not in "iu":
        raise BitmillError(f"{name} must hold integers, not {values.dtype.name}")
    least, greatest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    for extreme in (int(values.min()), int(values.max())) if values.size else ():
        if not least <= extreme <= greatest:
            raise BitmillError(f"{name} must be from {least} to {greatest}, not {extreme!r}")
    return values.astype(np.int64)


def as_rows(x: ArrayLike, *, bits: int, longest: int, name: str = "x") -> NDArray[np.int64]:
    """``x`` as int64 whose last axis is a row of 1 to ``longest`` elements.

    Raises
    ------
    BitmillError
        If it has no such axis, or a value is not a signed integer of ``bits``.
    """
    rows = as_integers(x, bits=bits, name=name)
    length = rows.shape[-1] if rows.ndim else 0
    if not 1 <= length <= longest:
        raise BitmillError(f"{name} must have rows of 1 to {longest} elements, not {length!r}")
    return rows
