"""Every weight matrix of a model, quantized; what stays as it is, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...errors import BitmillError
from ...formats.scheme import Scheme
from .packed_file import PackedModel, RawTensor
from .quantize import checked_weights, dequantize, quantize_weights
from .quantized import QuantizedWeights


@dataclass(frozen=True)
class TensorReport:
    """What became of one tensor.

    Attributes
    ----------
    name, shape, dtype
        As in the model.
    kept
        Why the tensor was left as it is; empty if it was quantized.
    bits_per_weight
        All that is stored of it over its number of weights.
    signal, noise
        Sums of the squares of the weights and of their errors.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    kept: str
    bits_per_weight: Fraction | None = None
    signal: float = 0.0
    noise: float = 0.0

    @property
    def weights(self) -> int:
        """Number of weights."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def sqnr(self) -> float:
        """Signal to quantization noise of the weights, in dB; infinite without noise."""
        return decibels(self.signal, self.noise)


def decibels(signal: float, noise: float) -> float:
    """``10 log10(signal / noise)`` of two sums of squares, in dB; infinite without noise, minus infinite without signal."""
    if not noise:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("-inf")


def quantize_model(
    scheme: Scheme,
    tensors: dict[str, RawTensor],
    *,
    group: int | None = None,
    skip: Sequence[re.Pattern[str]] = (),
    metadata: dict[str, str] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[PackedModel, list[TensorReport]]:
    """Quantize all floating matrices ``[out, K]`` whose K the group divides and whose name no pattern of ``skip`` finds.

    Parameters
    ----------
    scheme, group
        As for ``quantize_weights``.
    tensors
        By name.
    skip
        Patterns to search names for.
    metadata
        To be passed on to the packed file.
    progress
        Called with the name of each matrix before its turn, the number of values done so far and the number of all.

    Raises
    ------
    BitmillError
        If a matrix holds NaN or Inf, or its scales overflow.
    """
    size = scheme.group if group is None else group
    quantized: dict[str, QuantizedWeights] = {}
    kept: dict[str, RawTensor] = {}
    reports = []
    whole = sum(int(np.prod(raw.shape, dtype=np.int64)) for raw in tensors.values())
    done = 0
    for name, raw in sorted(tensors.items()):
        why = _why_kept(name, raw, size, skip)
        if progress is not None and not why:
            progress(name, done, whole)
        if why:
            kept[name] = raw
            reports.append(TensorReport(name, raw.shape, raw.dtype, why))
        else:
            weights = raw.values()
            found = quantize_weights(scheme, weights, group=size, name=name)
            quantized[name] = found
            reports.append(
                TensorReport(
                    name, raw.shape, raw.dtype, "", found.bits_per_weight,
                    float(np.square(weights, dtype=np.float64).sum()),
                    float(np.square(dequantize(found) - weights).sum()),
                )
            )  # fmt: skip
        done += reports[-1].weights
    return PackedModel(quantized, kept, dict(metadata or {})), reports


def check_model(tensors: dict[str, RawTensor], *, group: int, skip: Sequence[re.Pattern[str]] = ()) -> None:
    """Find out before any long work what would fail.

    Raises
    ------
    BitmillError
        If there is nothing to quantize, or a matrix to be quantized holds NaN or Inf.
    """
    reasons = {name: _why_kept(name, raw, group, skip) for name, raw in tensors.items()}
    if all(reasons.values()):
        raise BitmillError(
            "must have a matrix to quantize, not only tensors kept as they are: "
            f"{'; '.join(sorted(set(reasons.values()))) or 'none at all'}"
        )
    for name, why in sorted(reasons.items()):
        if not why:
            checked_weights(tensors[name].values(), name)


def _why_kept(name: str, raw: RawTensor, group: int, skip: Sequence[re.Pattern[str]]) -> str:
    if any(pattern.search(name) for pattern in skip):
        return "skipped"
    if not raw.floating:
        return f"not floating-point but {raw.dtype}"
    if len(raw.shape) != 2:
        return f"{len(raw.shape)} dimension{'s' * (len(raw.shape) != 1)}, not 2"
    if 0 in raw.shape:
        return "empty"
    if raw.shape[1] % group:
        return f"rows of {raw.shape[1]} are not a multiple of the group of {group}"
    return ""
