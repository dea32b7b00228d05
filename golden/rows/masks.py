"""Masks of attention: which columns take part in each row's softmax."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...config.nonlinear.widths import check_integer
from ...system.errors import BitmillError

LONGEST = 1 << 31


def causal_mask(rows: int, columns: int, *, offset: int = 0) -> NDArray[np.bool_]:
    """bool ``[rows, columns]``, True where ``column <= row + offset``: a position sees itself and what came before.

    Parameters
    ----------
    rows, columns
        Positions that ask and positions that are looked at, from 1.
    offset
        How many positions came before the first row, as with cached keys; where it is negative, the first rows see nothing.

    Raises
    ------
    BitmillError
        If one is not an integer in range.
    """
    check_integer("rows", rows, 1, LONGEST)
    check_integer("columns", columns, 1, LONGEST)
    check_integer("offset", offset, -LONGEST, LONGEST)
    return np.arange(columns) <= np.arange(rows)[:, np.newaxis] + offset


def padding_mask(lengths: ArrayLike, columns: int) -> NDArray[np.bool_]:
    """bool ``[..., columns]``, True where ``column < length``: what lies behind a sequence's end takes no part.

    Parameters
    ----------
    lengths
        Integers of any shape, 0 to ``columns``.
    columns
        From 1.

    Raises
    ------
    BitmillError
        If a length is not an integer in range.
    """
    check_integer("columns", columns, 1, LONGEST)
    ends = np.asarray(lengths)
    if ends.dtype.kind not in "iu":
        raise BitmillError(f"lengths must hold integers, not {ends.dtype.name}")
    for extreme in (int(ends.min()), int(ends.max())) if ends.size else ():
        if not 0 <= extreme <= columns:
            raise BitmillError(f"lengths must be from 0 to {columns}, not {extreme!r}")
    return np.arange(columns) < ends[..., np.newaxis]
