"""Keys and values as a cache of few bits holds them: keys per channel, values per token."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...system.errors import BitmillError


def quantized_cache(x: NDArray[np.floating], *, bits: int, along: str, group: int) -> NDArray[np.float64]:
    """``x [heads, tokens, d]`` after asymmetric quantization in groups, each with a minimum and a step in FP16.

    ``step = (max - min) / (2**bits - 1)``, ``min + step * round((x - min) / step)``; both are rounded to FP16 first, the codes
    clipped.

    Parameters
    ----------
    x
        Keys or values.
    bits
        Of a code, 1 to 8.
    along
        ``channel``: a group is ``group`` tokens of one channel, as keys want it; ``token``: ``group`` channels of one token.
        The last group may be shorter.
    group
        Numbers that share a minimum and a step.

    Raises
    ------
    BitmillError
        If ``bits``, ``along`` or ``group`` is out of range, or ``x`` is beyond FP16.

    Source: KVQuant (arXiv 2401.18079) and KIVI (arXiv 2402.02750) for the two directions; groups and FP16 as KIVI stores them.
    """
    if not 1 <= bits <= 8:
        raise BitmillError(f"bits must be 1 to 8, not {bits!r}")
    if along not in ("channel", "token"):
        raise BitmillError(f"along must be channel or token, not {along!r}")
    if group < 1:
        raise BitmillError(f"group must be at least 1, not {group!r}")
    if x.size and float(np.abs(x).max()) > float(np.finfo(np.float16).max):
        raise BitmillError(f"cache must be finite in FP16, at most 65504, not {float(np.abs(x).max())!r}")
    axis = 1 if along == "channel" else 2
    found = np.empty(x.shape)
    for start in range(0, x.shape[axis], group):
        place = [slice(None)] * 3
        place[axis] = slice(start, start + group)
        part = x[tuple(place)].astype(np.float64)
        low = part.min(axis=axis, keepdims=True).astype(np.float16).astype(np.float64)
        step = ((part.max(axis=axis, keepdims=True) - low) / ((1 << bits) - 1)).astype(np.float16).astype(np.float64)
        codes = np.divide(part - low, step, out=np.zeros(part.shape), where=step > 0)
        found[tuple(place)] = low + step * np.clip(np.rint(codes), 0, (1 << bits) - 1)
    return found


def bits_per_number(*, bits: int, group: int) -> float:
    """``bits + 32 / group``: a minimum and a step of 16 bits for each group."""
    return bits + 32 / group
