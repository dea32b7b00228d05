"""Block formats: numbers that share scales. One row says what a block's elements, scale and rule are, wherever it is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from ..system.errors import BitmillError
from ..system.text import nearest, short
from .catalog import CATALOG, get
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
        return self.zero_point or any(fmt.fixed_min < 0 for fmt in self.formats)

    def group_of(self, length: int, group: int | None = None) -> int:
        """The size of a group in rows of ``length``: the given one, the block's own, or the whole row."""
        return group if group is not None else self.group or max(length, 1)

    def bits_per_weight(self, *, group: int | None, length: int, rows: int = 1) -> Fraction:
        """All bits of ``rows`` rows of ``length`` numbers, over how many these are.

        ``bits + (selector + group scale + zero point) / group + channel scale / length + tensor scale / (rows * length)``.
        """
        zero_point = self.bits if self.zero_point else 0
        outer = [0 if name is None else get(name).bits for name in (self.channel, self.tensor)]
        of_group = self.selector_bits + self.scale_bits + zero_point
        return (
            self.bits
            + Fraction(of_group, self.group_of(length, group))
            + Fraction(outer[0], length)
            + Fraction(outer[1], rows * length)
        )


def _candidates(bits: int) -> tuple[str, ...]:
    return tuple(f"BITMOD_FP{bits}_{kind}_{sign}" for kind in ("ER", "EA") for sign in ("POS", "NEG"))


def _mx(name: str, element: str, about: str, *, step_exponent: int = 0) -> tuple[Block, ...]:
    """Blocks of 32 with an E8M0 scale, by both rules."""
    row = Block(
        name=name, elements=(element,), about=about, group=32, scale="E8M0", rule="floor", channel=None,
        step_exponent=step_exponent,
    )  # fmt: skip
    return row, replace(row, name=f"{name}-up", rule="round-up", about=f"{about}, scales rounded up")


_ROWS = (
    Block(name="bitmod-fp4", elements=_candidates(4), about="BitMoD: FP4 with the best of four special values"),
    Block(name="bitmod-fp3", elements=_candidates(3), about="BitMoD: FP3 with the best of four special values"),
    Block(name="fp4", elements=("BITMOD_FP4",), about="E2M1 alone"),
    Block(name="fp3", elements=("BITMOD_FP3",), about="0, 1, 2, 4 alone"),
    *(
        Block(name=f"int{bits}", elements=(f"INT{bits}_SYM",), about=f"symmetric integers of {bits} bits")
        for bits in (3, 4, 5, 6, 8)
    ),
    *(
        Block(name=f"int{bits}-asym", elements=(f"UINT{bits}",), zero_point=True, about=f"{bits} bits and a zero point")
        for bits in (3, 4)
    ),
    Block(name="ant4", elements=("INT4_SYM", "FLINT4"), about="ANT: INT4 or flint, by group"),
    Block(name="olive4", elements=("FLINT4",), outlier="OLIVE_OUTLIER", about="OliVe: flint with outlier-victim pairs"),
    Block(name="nf4", elements=("NF4",), about="QLoRA's normal float"),
    *_mx("mxfp4", "E2M1", "OCP MXFP4"),
    *_mx("mxint4", "INT4_SYM", "MXINT8's rule with INT4"),
    *_mx("mxfp6", "E2M3", "OCP MXFP6 of E2M3"),
    *_mx("mxfp6-e3m2", "E3M2", "OCP MXFP6 of E3M2"),
    *_mx("mxfp8", "E4M3", "OCP MXFP8 of E4M3"),
    *_mx("mxfp8-e5m2", "E5M2", "OCP MXFP8 of E5M2"),
    *_mx("mxint8", "INT8", "OCP MXINT8: 64ths", step_exponent=-6),
    Block(
        name="nvfp4", elements=("E2M1",), about="NVIDIA's NVFP4: an E4M3 scale, and an FP32 scale of the tensor",
        group=16, scale="E4M3", channel=None, tensor="FP32",
    ),
)  # fmt: skip

BLOCKS: dict[str, Block] = {row.name: row for row in _ROWS}
"""All rows by name; ``get_block`` makes one of an element format alone as well."""


def get_block(name: str, own: Iterable[Format] = ()) -> Block:
    """The block of that name, case-insensitive; of a format's name, that format with an FP16 scale per output channel.

    Parameters
    ----------
    name
        Of a block, of a format of the catalog, of one that was registered, or of one of ``own``, which the block carries along.
    own
        Formats that a file brings along.

    Raises
    ------
    BitmillError
        If there is none of that name, the message lists them all; or the format is wider than a byte or has no two numbers.
    """
    wanted = str(name).strip().lower()
    found = BLOCKS.get(wanted)
    if found is not None:
        return found
    element = _element(wanted, own)
    if element is None:
        raise BitmillError(
            f"scheme must be one of {', '.join(BLOCKS)}, or a format such as e4m3, not {short(name)}{nearest(wanted, BLOCKS)}"
        )
    if element.bits > MAX_ELEMENT_BITS or element.max_value <= 0 or element.zero_code is None:
        raise BitmillError(
            f"scheme must be a format of at most {MAX_ELEMENT_BITS} bits with zero and positive numbers, not {short(name)}"
        )
    about = f"{element.name} with an FP16 scale per output channel"
    carried = () if element.name in CATALOG else (element,)
    return Block(name=element.name.lower(), elements=(element.name,), about=about, group=None, scale=None, own=carried)


def block_for(
    element: str, scale: str, group: int, *, rule: ScaleRule | None = None, own: tuple[Format, ...] = ()
) -> Block:
    """The block of an element format and a format of scales: the catalog's, or one made of them.

    Parameters
    ----------
    element, scale
        Names of formats.
    group
        Numbers that share a scale.
    rule
        How scales are chosen, the row's own if left out: ``floor`` for powers of two, else ``maximum`` beyond a tensor's scale.
    own
        Rows of those formats that are no catalog's.
    """
    for row in BLOCKS.values():
        if (row.elements, row.scale, row.channel) == ((element,), scale, None) and rule in (None, row.rule):
            return replace(row, group=group)
    fmt = get(scale, own)
    powers = fmt.significand_bits == 1 and fmt.fixed_min > 0
    return Block(
        name=f"{element}-{scale}".lower(), elements=(element,), about=f"{element} with {scale} scales", group=group, scale=scale,
        rule=rule or ("floor" if powers else "maximum"), channel=None, tensor=None if powers else "FP32", own=own,
    )  # fmt: skip


def _element(name: str, own: Iterable[Format]) -> Format | None:
    """The format of that name, None if there is none: the message then is of blocks."""
    try:
        return get(name, own)
    except BitmillError:
        return None
