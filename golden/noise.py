"""How far an approximation is from its reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..system.errors import BitmillError

Array = NDArray[np.float64]


def sqnr_db(reference: Array, approximation: Array) -> float:
    """``10 log10(sum(reference^2) / sum((reference - approximation)^2))`` in dB; infinite where they are equal.

    Raises
    ------
    BitmillError
        If the reference is zero everywhere: there is no signal.
    """
    signal = float(np.square(reference).sum())
    noise = float(np.square(reference - approximation).sum())
    if signal == 0:
        raise BitmillError(
            "layer output must not be zero on all held-out tokens: it has no signal to compare noise with"
        )
    return float("inf") if noise == 0 else 10 * float(np.log10(signal / noise))


def relative_error(reference: Array, approximation: Array) -> float:
    """``sum((reference - approximation)^2) / sum(reference^2)``; 0 for a tensor of zeros that stays one."""
    noise, signal = float(np.square(reference - approximation).sum()), float(np.square(reference).sum())
    return noise / signal if signal else float(noise != 0)
