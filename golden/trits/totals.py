"""What units of trits give for steps of weights as they are stored."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...config.trits import TritsConfig, Weights
from ...formats.trit_bytes import TRIT_BYTES, TritCode

Integers = NDArray[np.int64]


def stored_weights(weight: Weights, codes: Integers, code: TritCode = "astc") -> Integers:
    """Weights ``[..., sums]`` of codes ``[n]``: a last axis for the planes, ``n * per_code`` weights before it.

    Parameters
    ----------
    weight
        How they are stored.
    codes
        int64 ``[n]``.
    code
        Of bytes of trits.
    """
    if weight == "binary":
        return 2 * codes[..., None] - 1
    if weight == "ternary":
        return np.array([0, 1, 0, -1])[codes][..., None]
    if weight == "ternary-bytes":
        trits = np.array(TRIT_BYTES[code])[codes]
        return trits.reshape(*codes.shape[:-1], -1, 1)
    return np.stack([codes & 1, codes >> 1], axis=-1)


def trit_totals(config: TritsConfig, steps: Mapping[str, Integers]) -> dict[str, list[int]]:
    """``totals[r * sums + s] = sum over steps and lanes of weight[r][s] * activation``.

    Parameters
    ----------
    config
        The unit.
    steps
        ``weights [K, codes]`` and ``activations [K, lanes]``.
    """
    count, sums = len(steps["weights"]), config.stored.sums
    weights = stored_weights(config.weight, steps["weights"], config.byte_code)
    weights = weights.reshape(count, config.rows, config.lanes, sums)
    return {"totals": np.einsum("krls,kl->rs", weights, steps["activations"]).ravel().tolist()}
