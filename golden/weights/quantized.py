"""A quantized weight matrix: what is stored of it, checked, and the bits that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.scheme import Scheme
from ...system.errors import BitmillError

CHANNEL_STEP = 256
"""An integer group scale is in units of the channel's scale over this."""


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantizedWeights:
    """Codes and scales of a matrix ``[out, K]``, in groups along ``K``.

    Attributes
    ----------
    scheme
        What the numbers mean.
    group
        Weights per group; divides K.
    codes
        uint8 ``[out, K]``.
    group_scales
        uint8 ``[out, K / group]``: integers of 0 to 255 in 256ths of the channel's scale, or E8M0 codes.
    channel_scales
        float16 ``[out]``, finite and not negative; None for power-of-two scales.
    selectors
        uint8 ``[out, K / group]``, which of the scheme's elements; None where there is one.
    zero_points
        uint8 ``[out, K / group]``; None for schemes without.

    Raises
    ------
    BitmillError
        If a part is missing or too many, or its shape, type or range is wrong.
    """

    scheme: Scheme
    group: int
    codes: NDArray[np.uint8]
    group_scales: NDArray[np.uint8]
    channel_scales: NDArray[np.float16] | None = None
    selectors: NDArray[np.uint8] | None = None
    zero_points: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.group < 1 or self.codes.shape[1] % self.group:
            raise BitmillError(
                f"codes must be [out, K] with K a multiple of the group of {self.group}, not {list(self.codes.shape)}"
            )
        out, length = self.codes.shape
        groups = (out, length // self.group)
        scheme = self.scheme
        wanted: dict[str, tuple[tuple[int, ...], type[np.generic], int] | None] = {
            "codes": ((out, length), np.uint8, 1 << scheme.bits),
            "group_scales": (groups, np.uint8, 255 if scheme.scale == "power-of-two" else 256),
            "channel_scales": ((out,), np.float16, 0) if scheme.scale == "integer" else None,
            "selectors": (groups, np.uint8, len(scheme.elements)) if scheme.selector_bits else None,
            "zero_points": (groups, np.uint8, 1 << scheme.bits) if scheme.zero_point else None,
        }
        for name, facts in wanted.items():
            _check_part(name, getattr(self, name), facts, scheme)

    @property
    def shape(self) -> tuple[int, int]:
        """Output channels and weights per channel."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def bits_per_weight(self) -> Fraction:
        """All bits over the number of weights, without those that fill the last byte of a row in a file."""
        return self.scheme.bits_per_weight(group=self.group, length=self.shape[1])

    @property
    def scales(self) -> NDArray[np.float64]:
        """``[out, K / group]``: the factor of every group, exact in float64 and, for integer scales, in float32."""
        if self.channel_scales is None:
            return np.ldexp(1.0, self.group_scales.astype(np.int32) - 127)
        channel = self.channel_scales.astype(np.float64)[:, None]
        return channel * self.group_scales / CHANNEL_STEP


def _check_part(
    name: str, part: NDArray[Any] | None, facts: tuple[tuple[int, ...], type[np.generic], int] | None, scheme: Scheme
) -> None:
    if part is None or facts is None:
        if (part is None) != (facts is None):
            raise BitmillError(f"{name} must be {'absent' if facts is None else 'given'} for scheme {scheme.name}")
        return
    shape, dtype, beyond = facts
    if part.shape != shape or part.dtype != dtype:
        raise BitmillError(
            f"{name} must be {dtype.__name__} of shape {list(shape)}, not {part.dtype} of shape {list(part.shape)}"
        )
    if beyond and part.size and int(part.max()) >= beyond:
        raise BitmillError(f"{name} must be below {beyond} for scheme {scheme.name}, not {int(part.max())}")
    if not beyond and not (np.isfinite(part).all() and (part >= 0).all()):
        raise BitmillError(
            f"{name} must be finite and not negative, not {float(part.min())!r} .. {float(part.max())!r}"
        )
