"""A quantized weight matrix: what is stored of it, checked, and the bits that it takes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import CHANNEL_STEP, Block
from ...system.errors import BitmillError
from ..parts import value_table

__all__ = ["CHANNEL_STEP", "QuantizedWeights"]


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
        uint8 ``[out, K / group]``: codes of ``scheme.scale``, numbers that are not negative; integers are in 256ths of the
        channel's scale. None where only the channel has one.
    channel_scales
        float16 ``[out]``, finite and not negative; None for schemes without.
    tensor_scale
        float32 ``[1]``, finite and not negative; None for schemes without.
    selectors
        uint8 ``[out, K / group]``, which of the scheme's elements; None where there is one.
    zero_points
        uint8 ``[out, K / group]``; None for schemes without.

    Raises
    ------
    BitmillError
        If a part is missing or too many, or its shape, type or range is wrong.
    """

    scheme: Block
    group: int
    codes: NDArray[np.uint8]
    group_scales: NDArray[np.uint8] | None = None
    channel_scales: NDArray[np.float16] | None = None
    selectors: NDArray[np.uint8] | None = None
    zero_points: NDArray[np.uint8] | None = None
    tensor_scale: NDArray[np.float32] | None = None

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
            "group_scales": (groups, np.uint8, _scale_codes(scheme)) if scheme.scale else None,
            "channel_scales": ((out,), np.float16, 0) if scheme.channel else None,
            "tensor_scale": ((1,), np.float32, 0) if scheme.tensor else None,
            "selectors": (groups, np.uint8, len(scheme.elements)) if scheme.selector_bits else None,
            "zero_points": (groups, np.uint8, 1 << scheme.bits) if scheme.zero_point else None,
        }
        for name, facts in wanted.items():
            _check_part(name, getattr(self, name), facts, scheme)

    def part(self, rows: slice) -> QuantizedWeights:
        """Some of the output channels. What is of the whole tensor stays."""
        stored = {field.name: getattr(self, field.name) for field in fields(self)}
        of_channels = {name: value for name, value in stored.items() if value is not None and name not in _OF_ALL}
        return replace(self, **{name: value[rows] for name, value in of_channels.items()})

    @property
    def shape(self) -> tuple[int, int]:
        """Output channels and weights per channel."""
        return self.codes.shape[0], self.codes.shape[1]

    @property
    def bits_per_weight(self) -> Fraction:
        """All bits over the number of weights, without those that fill the last byte of a row in a file."""
        rows, length = self.shape
        return self.scheme.bits_per_weight(group=self.group, length=length, rows=max(rows, 1))

    @property
    def scales(self) -> NDArray[np.float64]:
        """``[out, K / group]``: the factor of every group, exact in float64 and, for integer scales, in float32."""
        fmt = self.scheme.scale_format
        if self.group_scales is None or fmt is None:
            assert self.channel_scales is not None
            return np.repeat(self.channel_scales.astype(np.float64)[:, None], self.shape[1] // self.group, axis=1)
        of_groups = value_table(fmt)[self.group_scales]
        if self.channel_scales is not None:
            return self.channel_scales.astype(np.float64)[:, None] * of_groups / CHANNEL_STEP
        return of_groups if self.tensor_scale is None else of_groups * float(self.tensor_scale[0])


_OF_ALL = ("scheme", "group", "tensor_scale")
"""Fields without a row for each output channel."""


def _scale_codes(scheme: Block) -> int:
    """How many codes of the scale's format, from 0 on, are numbers that are not negative."""
    fmt = scheme.scale_format
    assert fmt is not None
    decoded = map(fmt.decode, range(1 << fmt.bits))
    return next((code for code, row in enumerate(decoded) if row.special or row.sign), 1 << fmt.bits)


def _check_part(
    name: str, part: NDArray[Any] | None, facts: tuple[tuple[int, ...], type[np.generic], int] | None, scheme: Block
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
