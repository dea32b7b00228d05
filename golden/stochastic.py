"""Stochastic rounding: which of two neighbours a number becomes, by a random number that anybody can draw again.

A number ``x`` between two values of a format, ``near`` on zero's side and ``far`` beyond, becomes ``far`` where ``d + u >= 1``,
with ``d = (x - near) / (far - near)`` and ``u`` drawn evenly from 0 <= u < 1: the chance is ``d``, so that the mean of the
results is ``x``. That is what hardware does that adds random bits below a magnitude's last place and cuts: ``u`` is then a number
of so many bits, wherever they come from (Gupta et al., arXiv 1502.02551; gfloat calls it ``StochasticFastest``).

With a seed, ``u`` is the upper 53 bits of the next 64-bit output of PCG64, ``numpy.random.PCG64(seed).random_raw()``, times
2**-53, one for every value in the order of the array (C order), also for those that need no rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..system.errors import BitmillError
from ..system.text import short
from .grid import STOCHASTIC, Rounding


def uniform(seed: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The random numbers of a seed, multiples of 2**-53 in 0 <= u < 1."""
    raw = np.random.PCG64(seed).random_raw(math.prod(shape))
    return (np.asarray(raw, dtype=np.uint64) >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53


def draws_for(
    rounding: Rounding, shape: tuple[int, ...], seed: int | None, draws: ArrayLike | None
) -> NDArray[np.float64] | None:
    """The random numbers of stochastic rounding, None for any other.

    Raises
    ------
    BitmillError
        If a seed or draws are missing, or given where nothing is drawn, or are out of range or of another shape.
    """
    if rounding != STOCHASTIC:
        for name, value in (("seed", seed), ("draws", draws)):
            if value is not None:
                raise BitmillError(f"{name} must be left out for rounding {rounding!r}, not {short(value)}")
        return None
    if (seed is None) == (draws is None):
        raise BitmillError(
            f"seed or draws must be given for rounding {rounding!r}, not {'none' if seed is None else 'both'}"
        )
    if seed is not None:
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise BitmillError(f"seed must be an integer of at least 0, not {short(seed)}")
        return uniform(int(seed), shape)
    u = np.asarray(draws, dtype=np.float64)
    if u.shape != shape:
        raise BitmillError(f"draws must have the values' shape {shape}, not {u.shape}")
    if not np.all((u >= 0) & (u < 1)):
        raise BitmillError(f"draws must be numbers of 0 <= u < 1, not {u[~((u >= 0) & (u < 1))].flat[0]!r}")
    return u


def goes_far(
    x: NDArray[np.float64], near: NDArray[np.float64], far: NDArray[np.float64], u: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether each number becomes its far neighbour; where both are one value it does not matter."""
    gap = far - near
    with np.errstate(invalid="ignore", over="ignore"):
        return np.where(gap == 0, 0.0, (x - near) / np.where(gap == 0, 1.0, gap)) + u >= 1
