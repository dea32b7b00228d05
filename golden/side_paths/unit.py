"""What a sparse side path gives for a row of non-zeros."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...config.side_path import SidePathConfig
from ..mac.accumulate import dot


def side_path(config: SidePathConfig, fields: Mapping[str, NDArray[np.int64]]) -> dict[str, Any]:
    """``sum(weight[n] * memory[column[n]])`` by the accumulator's rule, a step of ``lanes`` products at a time.

    Parameters
    ----------
    config
        The unit.
    fields
        ``weight`` codes and ``column`` int64 ``[steps, lanes]``, at most ``max_steps`` steps; ``memory`` int64
        ``[length]``, codes of activations.

    Returns
    -------
    ``value``, as ``golden.mac.accumulate.Result`` has it, and ``invalid``.
    """
    weights = fields["weight"].reshape(1, -1)
    activations = fields["memory"][fields["column"]].reshape(1, -1)
    found = dot(config.dot_product, weights, activations)
    return {"value": int(found.value[0]), "invalid": int(found.invalid[0])}
