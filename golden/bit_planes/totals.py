"""What a tile of bit planes gives for steps of operands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...config.bit_planes import BitPlanesConfig

Integers = NDArray[np.int64]


def operand_values(encoding: str, codes: Integers, bits: Integers) -> Integers:
    """What the low ``bits`` of codes mean, of any shape; ``bits`` is broadcast."""
    low = codes & (1 << bits) - 1
    if encoding == "bipolar":
        return 2 * low - ((1 << bits) - 1)
    if encoding == "signed":
        return low - ((low >> bits - 1) << bits)
    return low


def bit_plane_totals(config: BitPlanesConfig, steps: Mapping[str, Integers]) -> dict[str, list[int]]:
    """``totals[r * cols + c] = sum over steps and lanes of weight * activation``, less the padding's products.

    A lane that is padding counts ``(2**w - 1) * (2**a - 1)``, which is what bipolar operands of equal bits give for each other.

    Parameters
    ----------
    config
        The tile.
    steps
        By field: ``weights [K, rows * lanes]``, ``activations [K, cols * lanes]``, and, where the tile has them,
        ``weight_planes``, ``activation_planes`` and ``padding`` ``[K]``.
    """
    count = len(steps["weights"])
    none = np.zeros(count, dtype=np.int64)
    weight_bits, activation_bits = (steps.get(f"{name}_planes", none) + 1 for name in ("weight", "activation"))
    weights = operand_values(config.weight, steps["weights"], weight_bits[:, None])
    activations = operand_values(config.activation, steps["activations"], activation_bits[:, None])
    sums = np.einsum(
        "krl,kcl->rc",
        weights.reshape(count, config.rows, config.lanes),
        activations.reshape(count, config.cols, config.lanes),
    )
    padding = steps.get("padding", none) * ((1 << weight_bits) - 1) * ((1 << activation_bits) - 1)
    return {"totals": (sums - padding.sum()).ravel().tolist()}
