"""DialectFP4's choice of a dialect online, in two stages, for activations (BlockDialect, arXiv 2501.01144, section 3.3).

The paper chooses by the block's maximum two dialects that share theirs, then that of the two in whose better range more numbers
are. Ties and ranges are not spelled out in what we read; here:

1. With the block's shared power of two, which brings its greatest magnitude ``m`` into half-units ``8 <= m < 16``, the pair
   is that of the greatest magnitude ``min(floor(m + 1/2), 15)``.
2. A magnitude is in a dialect's better range if its distance to the nearest number of that dialect is less than to that of the
   other. Of two equal counts the first dialect's, the even one's, is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats.block import Block, get_block
from ..formats.dialect import DIALECTS
from ..system.errors import BitmillError
from .blocks import nearest, scale_exponents, scale_format
from .parts import value_table

_TOP = 15
"""Greatest magnitude in half-units."""


@dataclass(frozen=True, eq=False)
class DialectBlocks:
    """A tensor ``[..., K]`` in DialectFP4, in blocks along K.

    Attributes
    ----------
    codes
        uint8 ``[..., K]``.
    scales
        uint8 ``[..., K / group]``, codes of the shared exponents.
    selectors
        uint8 ``[..., K / group]``, the dialects.
    saturated
        Numbers beyond the greatest of the greatest exponent, which became that.
    """

    block: Block
    group: int
    codes: NDArray[np.uint8]
    scales: NDArray[np.uint8]
    selectors: NDArray[np.uint8]
    saturated: int

    def half_units(self) -> NDArray[np.int64]:
        """What integer hardware multiplies: signed integers ``[..., K]`` of 4 bits and a sign."""
        tables = np.stack([np.rint(2 * value_table(fmt)) for fmt in self.block.formats]).astype(np.int64)
        return tables[np.repeat(self.selectors, self.group, axis=-1), self.codes]

    def values(self) -> NDArray[np.float64]:
        """``half_units / 2 * 2**exponent``."""
        factors = value_table(scale_format(self.block))[self.scales] / 2
        return self.half_units() * np.repeat(factors, self.group, axis=-1)


def pair_of(maximum: ArrayLike) -> NDArray[np.int64]:
    """The even dialect of the pair whose greatest magnitude is nearest to ``maximum``, half-units of 8 up to 16.

    ``2 * (15 - min(max(floor(maximum + 1/2), 8), 15))``.
    """
    rounded = np.floor(np.asarray(maximum, np.float64) + 0.5)
    return 2 * (_TOP - np.clip(rounded, 8, _TOP).astype(np.int64))


def choose(half_units: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The dialects ``[...]`` of blocks of magnitudes ``[..., group]`` in half-units, by the two stages."""
    pairs = pair_of(half_units.max(axis=-1, initial=0))
    numbers = np.array(DIALECTS, np.float64)
    ahead = np.zeros(pairs.shape, np.int64)
    for first in np.unique(pairs):
        of_pair = pairs == first
        magnitudes = half_units[of_pair][..., None]
        even, odd = (np.abs(magnitudes - numbers[first + place]).min(axis=-1) for place in (0, 1))
        ahead[of_pair] = np.count_nonzero(odd < even, axis=-1) - np.count_nonzero(even < odd, axis=-1)
    return (pairs + (ahead > 0)).astype(np.uint8)


def quantize_online(
    x: ArrayLike, *, block: Block | str = "dialect-fp4", group: int | None = None, name: str = "x"
) -> DialectBlocks:
    """Activations ``[..., K]``, taken as float32, in DialectFP4 by the choice in two stages.

    Parameters
    ----------
    group
        Numbers of a block, 32 if left out; divides K.
    name
        What to call the tensor in errors.

    Raises
    ------
    BitmillError
        If the tensor has no last axis that is a multiple of the group, or is not finite.
    """
    row = get_block(block) if isinstance(block, str) else block
    numbers = np.asarray(x, np.float32)
    size = row.group_of(0) if group is None else group
    if numbers.ndim < 1 or size < 1 or numbers.shape[-1] % size:
        raise BitmillError(
            f"group must be a divisor of the last axis of {name}, of shape {list(numbers.shape)}, not {size!r}"
        )
    if not np.isfinite(numbers).all():
        raise BitmillError(
            f"{name} must be finite, not {np.count_nonzero(~np.isfinite(numbers))} NaN or Inf among {numbers.size}"
        )
    groups = numbers.reshape(*numbers.shape[:-1], numbers.shape[-1] // size, size).astype(np.float64)
    exponents = scale_exponents(row, np.abs(groups).max(axis=-1, initial=0))
    steps = np.ldexp(groups, -exponents[..., None])
    selectors = choose(2 * np.abs(steps))
    codes = np.zeros(groups.shape, np.uint8)
    for index, fmt in enumerate(row.formats):
        chosen = selectors == index
        codes[chosen] = nearest(fmt, steps[chosen])
    return DialectBlocks(
        block=row,
        group=size,
        codes=codes.reshape(numbers.shape),
        scales=(exponents - int(scale_format(row).min_exponent)).astype(np.uint8),
        selectors=selectors,
        saturated=int(np.count_nonzero(np.abs(steps) >= (_TOP + 1) / 2)),
    )
