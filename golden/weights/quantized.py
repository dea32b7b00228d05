"""A quantized weight matrix: what is stored of it, checked, and the bits that it takes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...formats.block import CHANNEL_STEP, Block, Part
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
        uint8 ``[out, K / vector]``.
    group_scales
        uint8 ``[out, K / group]``: codes of ``scheme.scale``, numbers that are not negative; integers are in 256ths of the
        channel's scale. None where only the channel has one.
    channel_scales
        float16 ``[out]``, finite and not negative; None for schemes without.
    tensor_scale
        float32 ``[1]``, finite and not negative; None for schemes without.
    extras
        By name, what else the scheme stores.
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
    extras: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.codes.ndim != 2 or self.group < 1 or self.codes.shape[1] * self.scheme.vector % self.group:
            raise BitmillError(
                f"codes must be [out, K] with K a multiple of the group of {self.group}, not {list(self.codes.shape)}"
            )
        scheme, there = self.scheme, self.scheme.parts
        rows, codes = self.codes.shape
        length = codes * scheme.vector
        known = {part.name for part in there}
        if unknown := [
            name for name in (*_OPTIONAL, *self.extras) if name not in known and self.stored(name) is not None
        ]:
            raise BitmillError(f"{unknown[0]} must be absent for scheme {scheme.name}")
        for part in there:
            array = self.stored(part.name)
            if array is None:
                raise BitmillError(f"{part.name} must be given for scheme {scheme.name}")
            _check_part(part, array, part.shape(rows=rows, codes=codes, groups=length // self.group), scheme)

    def stored(self, name: str) -> NDArray[Any] | None:
        """The array of a part of that name, None if there is none."""
        return getattr(self, name) if name in _PARTS else self.extras.get(name)

    def part(self, rows: slice) -> QuantizedWeights:
        """Some of the output channels. What is of the whole tensor stays."""
        of_all = {part.name for part in self.scheme.parts if part.per == "tensor"}
        found = {name: self.stored(name) for name in _PARTS}
        cut = {name: value[rows] for name, value in found.items() if value is not None and name not in of_all}
        extras = {name: value if name in of_all else value[rows] for name, value in self.extras.items()}
        return replace(self, extras=extras, **cut)

    @property
    def shape(self) -> tuple[int, int]:
        """Output channels and weights per channel."""
        return self.codes.shape[0], self.codes.shape[1] * self.scheme.vector

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
            return self.channel_scales.astype(np.float64)[:, None] * of_groups / self.scheme.scale_step
        return of_groups if self.tensor_scale is None else of_groups * float(self.tensor_scale[0])


_OPTIONAL = ("group_scales", "channel_scales", "selectors", "zero_points", "tensor_scale")
_PARTS = ("codes", *_OPTIONAL)
"""Fields that are parts."""
_TYPES: dict[str, type[np.generic]] = {"U8": np.uint8, "F16": np.float16, "F32": np.float32}


def _check_part(facts: Part, part: NDArray[Any], shape: tuple[int, ...], scheme: Block) -> None:
    name, dtype, beyond = facts.name, _TYPES[facts.dtype], facts.below
    if part.shape != shape or part.dtype != dtype:
        raise BitmillError(
            f"{name} must be {dtype.__name__} of shape {list(shape)}, not {part.dtype} of shape {list(part.shape)}"
        )
    if beyond and part.size and int(part.max()) >= beyond:
        raise BitmillError(f"{name} must be below {beyond} for scheme {scheme.name}, not {int(part.max())}")
    if not beyond and not (np.isfinite(part).all() and (facts.signed or (part >= 0).all())):
        raise BitmillError(
            f"{name} must be finite{'' if facts.signed else ' and not negative'}, not "
            f"{float(part.min())!r} .. {float(part.max())!r}"
        )
