"""What dot products of two-level weights give."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..config.two_level import TwoLevelConfig


def two_level_total(_config: TwoLevelConfig, steps: Mapping[str, NDArray[np.int64]]) -> dict[str, int]:
    """``total = sum over steps and lanes of (q - z) * s * (a - za)``.

    Parameters
    ----------
    steps
        ``weights`` and ``activations`` ``[K, lanes]``; ``scale``, ``zero_point`` and ``activation_zero`` ``[K]``.
    """
    weights = (steps["weights"] - steps["zero_point"][:, None]) * steps["scale"][:, None]
    activations = steps["activations"] - steps["activation_zero"][:, None]
    return {"total": int((weights * activations).sum())}
