"""What a block format is: the fields of a row of the catalog of blocks, and the bits that follow from them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from .catalog import get
from .scalar import Format

ScaleRule = Literal["maximum", "floor", "round-up"]
"""How a block's scale follows from its greatest magnitude ``amax``; ``max`` is the greatest magnitude of its elements.

``maximum``: the number of the scale's format that is nearest to ``amax / max``, over the outer scale. ``floor``:
``2**(floor(log2(amax)) - floor(log2(max)))``, with which elements between ``max`` and the next power of two saturate (OCP MX
v1.0, section 6.3). ``round-up``: ``2**ceil(log2(amax / max))``, the least power of two with which none does (Mishra et al.,
"Recipes for Pre-training LLMs with MXFP8", arXiv 2506.08027).
"""

GROUP_SCALE_BITS = 8
"""Width of the integer scales of groups."""
CHANNEL_STEP = 256
"""An integer scale is in units of its channel's scale over this."""
MAX_ELEMENT_BITS = 8
"""Widest elements of blocks: their codes are bytes."""
OLIVE_IDENTIFIER = 8
"""OliVe's identifier, flint's minus zero: the weight is a victim, and the pair's other code is an outlier's."""


@dataclass(frozen=True)
class Part:
    """One array that is stored of quantized rows.

    Attributes
    ----------
    name
        The ending of its name in a packed file.
    dtype
        ``U8``: packed bits; ``F16``, ``F32``: numbers, finite.
    per
        What has ``count`` items of its own: a ``code``, a ``group``, a ``row`` or the whole ``tensor``.
    bits
        Width of an item.
    below
        Of packed bits, the number of codes that there are.
    count
        Items; those of one ``code`` or ``group`` are one.
    signed
        Whether numbers may be negative.
    """

    name: str
    dtype: Literal["U8", "F16", "F32"]
    per: Literal["code", "group", "row", "tensor"]
    bits: int
    below: int = 0
    count: int = 1
    signed: bool = False

    def shape(self, *, rows: int, codes: int, groups: int) -> tuple[int, ...]:
        """Of the array in memory, with an item in each place."""
        of_row = (rows,) if self.count == 1 and self.dtype != "U8" else (rows, self.count)
        return {"code": (rows, codes), "group": (rows, groups), "row": of_row, "tensor": (self.count,)}[self.per]

    def bits_per_weight(self, *, vector: int, group: int, length: int, rows: int) -> Fraction:
        """Its share of a number's bits."""
        among = {"code": vector, "group": group, "row": length, "tensor": rows * length}[self.per]
        return Fraction(self.bits * self.count, among)


@dataclass(frozen=True, kw_only=True)
class Block:
    """One row of the catalog of blocks: a number is ``outer scale * block scale * element * 2**step_exponent``.

    Rows ``[..., K]`` are cut into groups along ``K``. Every group has one element format of ``elements`` and one scale.

    Attributes
    ----------
    name
        What the command line calls it.
    elements
        Catalog names of the element formats; with several, every group stores which one is its own.
    about
        One line for tables.
    group
        Numbers that share a scale unless the user says otherwise; None: those of a whole row, and ``scale`` is None too.
    scale
        Catalog name of the format of a group's scale; integers are in 256ths of the channel's scale (BitMoD, HPCA 2025).
    rule
        How a group's scale is chosen.
    channel
        Catalog name of the format of a scale of each row, an output channel's; None where there is none.
    tensor
        Catalog name of the format of one scale of the whole tensor, beyond groups' scales.
    step_exponent
        A code of an element stands for its format's number times two to that power: MXINT8's integers are 64ths.
    zero_point
        Whether a group has an integer that is subtracted from its codes, as wide as these.
    outlier
        Catalog name of the format of outliers, whose partner in a pair is given up (OliVe, ISCA 2023).
    own
        Rows of formats that are named here and are no catalog's: those that a configuration brings along.
    method
        Key of how rows are quantized, in ``golden.weights.methods``.
    scale_step
        Integer scales of groups are in units of the channel's scale over this.
    vector
        Numbers that one code stands for.
    books
        Numbers of a book, of ``vector`` each, which codes are indices to; 0 where codes are the element format's.
    extras
        What is stored besides codes, scales, selectors and zero points.
    of_all
        Whether a channel's scale follows from all of its numbers rather than from the greatest.
    """

    name: str
    elements: tuple[str, ...]
    about: str
    group: int | None = 128
    scale: str | None = "UINT8"
    rule: ScaleRule = "maximum"
    channel: str | None = "FP16"
    tensor: str | None = None
    step_exponent: int = 0
    zero_point: bool = False
    outlier: str | None = None
    own: tuple[Format, ...] = ()
    method: str = "least-squares"
    scale_step: int = CHANNEL_STEP
    vector: int = 1
    books: int = 0
    extras: tuple[Part, ...] = ()
    of_all: bool = False

    @property
    def formats(self) -> tuple[Format, ...]:
        """Catalog rows of ``elements``, in the order of the selector."""
        return tuple(get(name, self.own) for name in self.elements)

    @property
    def scale_format(self) -> Format | None:
        """Catalog row of ``scale``."""
        return None if self.scale is None else get(self.scale, self.own)

    @property
    def scale_bits(self) -> int:
        """Width of a group's scale, 0 where it has none."""
        return 0 if self.scale_format is None else self.scale_format.bits

    @property
    def bits(self) -> int:
        """Width of a code."""
        return self.formats[0].bits

    @property
    def selector_bits(self) -> int:
        """Width of a group's choice among ``elements``."""
        return (len(self.elements) - 1).bit_length()

    @property
    def has_negatives(self) -> bool:
        """Whether groups can have numbers below zero."""
        return self.zero_point or bool(self.books) or any(fmt.fixed_min < 0 for fmt in self.formats)

    def group_of(self, length: int, group: int | None = None) -> int:
        """The size of a group in rows of ``length``: the given one, the block's own, or the whole row."""
        return group if group is not None else self.group or max(length, 1)

    @property
    def parts(self) -> tuple[Part, ...]:
        """All that is stored of rows, in the order of a packed file."""
        scale = self.scale_format
        outer = {
            name: None if fmt is None else get(fmt).bits
            for name, fmt in (("channel", self.channel), ("tensor", self.tensor))
        }
        found = (
            Part("codes", "U8", "code", self.bits, 1 << self.bits),
            None if scale is None else Part("group_scales", "U8", "group", scale.bits, _positive_codes(scale)),
            None if outer["channel"] is None else Part("channel_scales", "F16", "row", outer["channel"]),
            None if outer["tensor"] is None else Part("tensor_scale", "F32", "tensor", outer["tensor"]),
            Part("selectors", "U8", "group", self.selector_bits, len(self.elements)) if self.selector_bits else None,
            Part("zero_points", "U8", "group", self.bits, 1 << self.bits) if self.zero_point else None,
        )
        return (*(part for part in found if part is not None), *self.extras)

    def bits_per_weight(self, *, group: int | None, length: int, rows: int = 1) -> Fraction:
        """All bits of ``rows`` rows of ``length`` numbers, over how many these are.

        ``bits / vector + (selector + group scale + zero point) / group + channel scale / length``
        ``+ tensor scale / (rows * length)``, and what else is stored, books among it.
        """
        size = self.group_of(length, group)
        shares = (part.bits_per_weight(vector=self.vector, group=size, length=length, rows=rows) for part in self.parts)
        return sum(shares, Fraction(0))

    @property
    def scales_in_channels(self) -> bool:
        """Whether scales of groups are fractions of the channel's, whose own is to reach the greatest of them."""
        return self.scale is not None and self.channel is not None and self.scale_step > 1

    @property
    def learns(self) -> bool:
        """Whether rows are quantized whole, as something is found from all of a row or of the tensor."""
        return bool(self.extras) or self.of_all

    def why_not(self, *, rows: int, length: int) -> str:
        """Why a matrix cannot have the block beyond the size of groups; empty if it can."""
        if length % self.vector:
            return f"rows of {length} are not a multiple of the vectors of {self.vector}"
        vectors = rows * length // self.vector if self.vector > 1 else length
        if vectors < self.books:
            return f"{vectors} {'vectors' if self.vector > 1 else 'weights'} are fewer than the {self.books} entries of a book"
        return ""


@cache
def _positive_codes(fmt: Format) -> int:
    """How many codes of a format of scales, from 0 on, are numbers that are not negative; 0 for wider ones than a byte."""
    if fmt.bits > MAX_ELEMENT_BITS:
        return 0
    decoded = map(fmt.decode, range(1 << fmt.bits))
    return next((code for code, row in enumerate(decoded) if row.special or row.sign), 1 << fmt.bits)
