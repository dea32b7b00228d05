"""Ways to quantize a weight matrix in groups: element formats, scales and what they cost in bits."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..system.errors import BitmillError
from ..system.text import short
from .catalog import get
from .scalar import Format

GroupScale = Literal["integer", "power-of-two"]

GROUP_SCALE_BITS = 8
CHANNEL_SCALE_BITS = 16
OLIVE_IDENTIFIER = 8
"""OliVe's identifier, flint's minus zero: the weight is a victim, and the pair's other code is an outlier's."""


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One row of the scheme catalog.

    A weight matrix ``[out, K]`` is cut into groups along ``K``. Every group has one element format of ``elements`` and one
    scale, ``integer``: an unsigned 8-bit integer, in 256ths of the output channel's FP16 scale (BitMoD, HPCA 2025), or
    ``power-of-two``: an E8M0 exponent (OCP MX v1.0).

    Attributes
    ----------
    name
        What the command line calls it.
    elements
        Catalog names of the element formats; with several, every group stores which one is its own.
    group
        Weights that share a scale unless the user says otherwise.
    scale
        Kind of the group's scale.
    zero_point
        Whether a group has an integer that is subtracted from its codes, as wide as these.
    outlier
        Catalog name of the format of outliers, whose partner in a pair is given up (OliVe, ISCA 2023).
    about
        One line for tables.
    """

    name: str
    elements: tuple[str, ...]
    about: str
    group: int = 128
    scale: GroupScale = "integer"
    zero_point: bool = False
    outlier: str | None = None

    @property
    def formats(self) -> tuple[Format, ...]:
        """Catalog rows of ``elements``, in the order of the selector."""
        return tuple(get(name) for name in self.elements)

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.formats[0].bits

    @property
    def selector_bits(self) -> int:
        """Width of a group's choice among ``elements``."""
        return (len(self.elements) - 1).bit_length()

    def bits_per_weight(self, *, group: int, length: int) -> Fraction:
        """All bits of a row of ``length`` weights, over ``length``.

        ``bits + (selector + group scale + zero point) / group + channel scale / length``.
        """
        zero_point = self.bits if self.zero_point else 0
        channel = CHANNEL_SCALE_BITS if self.scale == "integer" else 0
        of_group = self.selector_bits + GROUP_SCALE_BITS + zero_point
        return self.bits + Fraction(of_group, group) + Fraction(channel, length)


def _candidates(bits: int) -> tuple[str, ...]:
    return tuple(f"BITMOD_FP{bits}_{kind}_{sign}" for kind in ("ER", "EA") for sign in ("POS", "NEG"))


_ROWS = (
    Scheme(name="bitmod-fp4", elements=_candidates(4), about="BitMoD: FP4 with the best of four special values"),
    Scheme(name="bitmod-fp3", elements=_candidates(3), about="BitMoD: FP3 with the best of four special values"),
    Scheme(name="fp4", elements=("BITMOD_FP4",), about="E2M1 alone"),
    Scheme(name="fp3", elements=("BITMOD_FP3",), about="0, 1, 2, 4 alone"),
    *(
        Scheme(name=f"int{bits}", elements=(f"INT{bits}_SYM",), about=f"symmetric integers of {bits} bits")
        for bits in (3, 4, 5, 6, 8)
    ),
    *(
        Scheme(name=f"int{bits}-asym", elements=(f"UINT{bits}",), zero_point=True, about=f"{bits} bits and a zero point")
        for bits in (3, 4)
    ),
    Scheme(name="ant4", elements=("INT4_SYM", "FLINT4"), about="ANT: INT4 or flint, by group"),
    Scheme(name="olive4", elements=("FLINT4",), outlier="OLIVE_OUTLIER", about="OliVe: flint with outlier-victim pairs"),
    Scheme(name="nf4", elements=("NF4",), about="QLoRA's normal float"),
    Scheme(name="mxfp4", elements=("E2M1",), group=32, scale="power-of-two", about="OCP MXFP4"),
    Scheme(name="mxint4", elements=("INT4_SYM",), group=32, scale="power-of-two", about="MXINT8's rule with INT4"),
)  # fmt: skip

SCHEMES: dict[str, Scheme] = {row.name: row for row in _ROWS}


def get_scheme(name: str) -> Scheme:
    """The scheme of that name, case-insensitive.

    Raises
    ------
    BitmillError
        If there is none of that name; the message lists them all.
    """
    found = SCHEMES.get(str(name).strip().lower())
    if found is None:
        close = difflib.get_close_matches(str(name).lower(), SCHEMES, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise BitmillError(f"scheme must be one of {', '.join(SCHEMES)}, not {short(name)}{hint}")
    return found
