"""What encoding a tensor loses beyond rounding: what saturates, overflows or becomes zero, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..formats import Format
from ..system.errors import BitmillError
from .codec import decode, encode, is_overflow
from .grid import Rounding
from .parts import as_format
from .scale import Scales

_WORDS = {
    "saturated": "saturated",
    "overflowed": "became Inf or NaN",
    "zeroed": "slices that were not zero became zero",
    "clipped": "clipped by the rule that chose the scales",
    "flushed": "rounded to zero",
    "minus_zero": "minus zeros became plus zeros",
    "nan": "NaN",
    "infinite": "infinite",
}
FATAL = ("saturated", "overflowed", "zeroed")
"""What is no rounding: results that follow from it are wrong without a sign of it."""


@dataclass(frozen=True, kw_only=True)
class Losses:
    """Counts of what a tensor lost on its way into a format.

    Attributes
    ----------
    values
        All values.
    nan, infinite
        Among the inputs.
    saturated
        Beyond the greatest or below the least value, rounded, and given that one's code; infinite ones included.
    overflowed
        Finite ones that became Inf or NaN.
    clipped
        Saturated ones where the rule that chose the scales meant them to be, as least squares does.
    flushed
        Not zero, rounded to zero.
    zeroed
        Slices (rows, or groups) that were not all zeros and became it.
    minus_zero
        Minus zeros that became plus zeros.
    """

    values: int = 0
    nan: int = 0
    infinite: int = 0
    saturated: int = 0
    overflowed: int = 0
    clipped: int = 0
    flushed: int = 0
    zeroed: int = 0
    minus_zero: int = 0

    def __add__(self, other: Losses) -> Losses:
        return Losses(**{item.name: getattr(self, item.name) + getattr(other, item.name) for item in fields(self)})

    @property
    def saturates(self) -> bool:
        """Whether anything of ``FATAL`` was lost, which has to be allowed."""
        return any(getattr(self, name) for name in FATAL)

    def meant(self) -> Losses:
        """The same where saturating was what the rule of the scales chose."""
        return replace(self, clipped=self.clipped + self.saturated, saturated=0)

    def to_dict(self) -> dict[str, int]:
        """Plain data."""
        return asdict(self)

    def told(self) -> str:
        """``3 saturated, 1 rounded to zero, of 64 values``; empty if there is nothing to tell."""
        found = ", ".join(self._parts())
        return f"{found}, of {self.values} values" if found else ""

    def _parts(self) -> Iterator[str]:
        for name, words in _WORDS.items():
            if count := getattr(self, name):
                yield f"{count} {words}"


def encode_counted(
    fmt: Format | str,
    values: ArrayLike,
    *,
    rounding: Rounding = "nearest-even",
    saturate: bool = True,
    scale: Scales | None = None,
    seed: int | None = None,
) -> tuple[NDArray[Any], Losses]:
    """``encode``, of the values over their scales where there are any, and what it lost; slices are rows along the last axis.

    Returns
    -------
    Codes, as ``encode`` gives them, and counts.

    Raises
    ------
    BitmillError
        As ``encode``.
    """
    x = np.asarray(values)
    if scale is not None:
        x = x.astype(np.float64) / scale.over(x.shape)
    codes = encode(fmt, x, rounding=rounding, saturate=saturate, seed=seed)
    return codes, count_losses(fmt, x, codes, rounding=rounding)


def encode_within(fmt: Format | str, values: ArrayLike, *, name: str = "values") -> NDArray[Any]:
    """``encode`` of what must fit: for measurements, which saturated operands would falsify.

    Raises
    ------
    BitmillError
        If something saturates, overflows or is lost as a whole row; and as ``encode``.
    """
    codes, lost = encode_counted(fmt, values)
    if lost.saturates:
        raise BitmillError(f"{name} must fit {as_format(fmt).name}, not {lost.told()}")
    return codes


def count_losses(
    fmt: Format | str, values: ArrayLike, codes: ArrayLike, *, rounding: Rounding = "nearest-even", slices: int = 1
) -> Losses:
    """What values lost that were encoded as these codes.

    Parameters
    ----------
    fmt
        Format of the codes, or its catalog name.
    values, codes
        Of one shape; the values as they were encoded, after division by any scale.
    rounding
        As they were encoded.
    slices
        How many of the last axes make up a slice: 1 for rows, ``np.ndim(values)`` for a whole tensor.
    """
    fmt = as_format(fmt)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        x = np.asarray(values).astype(np.float64)
    found = decode(fmt, codes)
    infinite = np.isinf(x)
    beyond = np.zeros(x.shape, bool)
    suspect = ~np.isnan(x) & ((x > float(fmt.max_value)) | (x < float(fmt.min_value)))
    if suspect.any():
        beyond[suspect] = is_overflow(fmt, x[suspect], rounding=rounding)
    return between(x, found, slices=slices) + Losses(
        nan=int(np.count_nonzero(np.isnan(x))),
        infinite=int(np.count_nonzero(infinite)),
        saturated=int(np.count_nonzero(beyond & np.isfinite(found))),
        overflowed=int(np.count_nonzero(np.isfinite(x) & ~np.isfinite(found))),
    )


def between(values: NDArray[np.float64], found: NDArray[np.float64], *, slices: int = 1) -> Losses:
    """What became zero of ``values`` that were turned into the numbers ``found``; ``slices`` as for ``count_losses``."""
    was, stays = values != 0, found != 0
    axes = tuple(range(values.ndim - min(slices, values.ndim), values.ndim))
    zeroed = was.any(axis=axes) & ~stays.any(axis=axes)
    minus = (values == 0) & np.signbit(values) & ~np.signbit(found)
    return Losses(
        values=values.size,
        flushed=int(np.count_nonzero(was & ~stays & ~np.isnan(values))),
        zeroed=int(np.count_nonzero(zeroed)),
        minus_zero=int(np.count_nonzero(minus)),
    )
