"""What quantization did to weights besides rounding them: counts, and noise in decibels."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .methods import method_of
from .quantize import greatest_scales
from .quantized import QuantizedWeights

Ratio = Literal["", "no noise", "not computable"]


@dataclass(frozen=True)
class Losses:
    """Counts of a matrix, or of several.

    Attributes
    ----------
    overflowed_channels
        Output channels that need a greater scale than there is, of FP16 or of groups, and got the greatest.
    clipped_weights
        Weights of these channels that became less by more than one step of their group.
    flushed_channels
        Output channels not of zeros of which all weights became 0.
    flushed_groups
        Groups not of zeros of which all weights became 0, as they are too small beside the rest of their channel, those of
        ``flushed_channels`` included.
    flushed_weights
        Weights other than 0 of ``flushed_groups``.
    zero_channels
        Output channels of zeros, which are exact.
    negative_weights
        Weights below zero in a scheme without such numbers, which became 0.
    """

    overflowed_channels: int = 0
    clipped_weights: int = 0
    flushed_channels: int = 0
    flushed_groups: int = 0
    flushed_weights: int = 0
    zero_channels: int = 0
    negative_weights: int = 0

    def __add__(self, other: Losses) -> Losses:
        return Losses(**{row.name: getattr(self, row.name) + getattr(other, row.name) for row in fields(self)})

    @property
    def saturates(self) -> bool:
        """Whether channels overflowed or were lost, or numbers have no sign for weights, which has to be allowed."""
        return bool(self.overflowed_channels or self.flushed_channels or self.negative_weights)


def losses(weights: NDArray[Any], quantized: QuantizedWeights, found: NDArray[np.float64]) -> Losses:
    """Count what became of finite weights ``[out, K]`` besides rounding.

    Parameters
    ----------
    weights
        What was quantized.
    quantized
        Of them.
    found
        What ``dequantize`` makes of it.
    """
    groups = (weights.shape[0], weights.shape[1] // quantized.group, quantized.group)
    wanted = weights.reshape(groups)
    there, left = np.any(wanted != 0, axis=2), np.any(found.reshape(groups) != 0, axis=2)
    flushed = there & ~left
    steps = quantized.scales[:, :, None]
    clipped = np.abs(wanted.astype(np.float64)) - np.abs(found.reshape(groups)) > steps
    at_most = quantized.channel_scales
    overflowed = np.zeros(groups[0], bool)
    limit = method_of(quantized.scheme).limit
    if limit is not None:
        overflowed = np.any(np.abs(wanted) > limit(quantized.scheme), axis=(1, 2))
    if at_most is not None:
        overflowed = (at_most == np.finfo(np.float16).max) & _beyond(quantized, wanted)
    return Losses(
        overflowed_channels=int(np.count_nonzero(overflowed)),
        clipped_weights=int(np.count_nonzero(clipped[overflowed])),
        flushed_channels=int(np.count_nonzero(np.any(there, axis=1) & ~np.any(left, axis=1))),
        flushed_groups=int(np.count_nonzero(flushed)),
        flushed_weights=int(np.count_nonzero(wanted[flushed])),
        zero_channels=int(np.count_nonzero(~np.any(there, axis=1))),
        negative_weights=0 if quantized.scheme.has_negatives else int(np.count_nonzero(wanted < 0)),
    )


def _beyond(quantized: QuantizedWeights, groups: NDArray[Any]) -> NDArray[np.bool_]:
    """Channels with a weight beyond what the greatest scale can say."""
    limit = float(np.finfo(np.float16).max) * (255 / 256 if quantized.scheme.scales_in_channels else 1.0)
    return greatest_scales(quantized.scheme, groups.astype(np.float32)).max(axis=1, initial=0) > limit


def decibels(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)`` of two sums of squares, in dB; infinite without noise, minus infinite without signal."""
    if not noise:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")


def ratio(signal: float, noise: float) -> tuple[float | None, Ratio]:
    """A signal-to-noise ratio in dB, or None and why there is none.

    ``no noise``: the weights are exact. ``not computable``: there is no signal, or a sum is not finite.
    """
    if not (np.isfinite(signal) and np.isfinite(noise) and signal > 0):
        return None, "not computable"
    return (decibels(signal, noise), "") if noise else (None, "no noise")
