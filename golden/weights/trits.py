"""Binary and ternary weights: the scale is the mean magnitude, codes are signs, or -1, 0 and 1.

``s`` is the least FP16 number that is no less than ``mean |w|`` of the channel. Binary: 1 where ``w >= 0``, else -1, which has
least squared error for that scale (XNOR-Net, arXiv 1603.05279, section 3.1). Ternary: ``clip(round(w / s), -1, 1)``, as BitNet
b1.58 (arXiv 2402.17764, section 2) has it with the mean of a whole matrix.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import Block
from . import scales
from .job import Job, by_rows
from .plain import divide, flat
from .quantized import QuantizedWeights

_CODES = np.array([3, 0, 1], dtype=np.uint8)
"""Of the format TERNARY, by a trit and one. ``golden.trits.packing`` makes bytes of five of them."""


def wanted(_scheme: Block, groups: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mean magnitudes ``[out, groups]``."""
    return np.abs(groups).mean(axis=2, dtype=np.float64)


def binary(job: Job) -> QuantizedWeights:
    """Signs."""
    return by_rows(job, _binary)


def ternary(job: Job) -> QuantizedWeights:
    """-1, 0 and 1, a code of two bits each."""
    return by_rows(job, _ternary)


def _channel(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> NDArray[np.float16]:
    if channel is not None:
        return channel
    means = wanted(job.scheme, groups)
    return scales.channel_scales(means, name=job.name, saturate=job.saturate, of_groups=False)


def _binary(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    return {"codes": flat((groups >= 0).astype(np.uint8)), "channel_scales": _channel(job, groups, channel)}


def _ternary(job: Job, groups: NDArray[np.float32], channel: NDArray[np.float16] | None) -> dict[str, NDArray[Any]]:
    channel = _channel(job, groups, channel)
    trits = np.clip(np.rint(divide(groups, channel.astype(np.float32)[:, None, None])), -1, 1)
    return {"codes": flat(_CODES[trits.astype(np.intp) + 1]), "channel_scales": channel}
