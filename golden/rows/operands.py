"""Integer operands as int64, refused where exact results could not be promised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...system.errors import BitmillError


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


def as_mask(mask: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """``mask`` broadcast to ``shape``, True everywhere if None.

    Raises
    ------
    BitmillError
        If it is not bool or does not broadcast.
    """
    taken = np.asarray(True if mask is None else mask)
    if taken.dtype != np.bool_:
        raise BitmillError(f"mask must be bool, True where an element takes part, not {taken.dtype.name}")
    try:
        return np.broadcast_to(taken, shape)
    except ValueError:
        raise BitmillError(f"mask must broadcast to x of shape {shape}, not {taken.shape}") from None


def as_scale(scale: object, *, name: str = "scale") -> float:
    """``scale`` as a float.

    Raises
    ------
    BitmillError
        If it is not a positive and finite number.
    """
    if isinstance(scale, bool) or not isinstance(scale, int | float | np.floating):
        raise BitmillError(f"{name} must be a number, not {scale!r}")
    real = float(scale)
    if not (math.isfinite(real) and real > 0):
        raise BitmillError(f"{name} must be positive and finite, not {real!r}")
    return real
