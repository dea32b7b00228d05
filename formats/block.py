"""Block formats: numbers that share scales. One row says what a block's elements, scale and rule are, wherever it is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..system.errors import BitmillError
from ..system.text import nearest, short
from .block_named import NAMED, ROWS, named_block
from .block_row import (
    CHANNEL_STEP,
    GROUP_SCALE_BITS,
    MAX_ELEMENT_BITS,
    OLIVE_IDENTIFIER,
    Block,
    Part,
    ScaleRule,
)
from .catalog import get, is_taken
from .scalar import Format

__all__ = [
    "BLOCKS",
    "CHANNEL_STEP",
    "GROUP_SCALE_BITS",
    "MAX_ELEMENT_BITS",
    "OLIVE_IDENTIFIER",
    "Block",
    "Part",
    "ScaleRule",
    "block_for",
    "find_block",
    "get_block",
]


def _candidates(bits: int) -> tuple[str, ...]:
    return tuple(f"BITMOD_FP{bits}_{kind}_{sign}" for kind in ("ER", "EA") for sign in ("POS", "NEG"))


def _mx(name: str, element: str, about: str, *, step_exponent: int = 0) -> tuple[Block, ...]:
    """Blocks of 32 with an E8M0 scale, by both rules."""
    row = Block(
        name=name, elements=(element,), about=about, group=32, scale="E8M0", rule="floor", channel=None,
        step_exponent=step_exponent, method="blocks",
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
        Block(name=f"int{bits}-asym", elements=(f"UINT{bits}",), zero_point=True, method="zero-point",
              about=f"{bits} bits and a zero point")
        for bits in (3, 4)
    ),
    Block(name="ant4", elements=("INT4_SYM", "FLINT4"), about="ANT: INT4 or flint, by group"),
    Block(name="olive4", elements=("FLINT4",), outlier="OLIVE_OUTLIER", method="pairs",
          about="OliVe: flint with outlier-victim pairs"),
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
        group=16, scale="E4M3", channel=None, tensor="FP32", method="blocks",
    ),
)  # fmt: skip

BLOCKS: dict[str, Block] = {row.name: row for row in (*_ROWS, *ROWS)}
"""All rows by name; ``get_block`` makes one of an element format alone as well."""


def find_block(name: str) -> Block | None:
    """The block of that name, case-insensitive, of the catalog or of sizes in the name; None if there is none."""
    wanted = str(name).strip().lower()
    return BLOCKS.get(wanted) or named_block(wanted)


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
    found = find_block(wanted)
    if found is not None:
        return found
    element = _element(wanted, own)
    if element is None:
        raise BitmillError(
            f"scheme must be one of {', '.join((*BLOCKS, *(row.shape for row in NAMED)))}, or a format such as e4m3, "
            f"not {short(name)}{nearest(wanted, BLOCKS)}"
        )
    if element.bits > MAX_ELEMENT_BITS or element.max_value <= 0 or element.zero_code is None:
        raise BitmillError(
            f"scheme must be a format of at most {MAX_ELEMENT_BITS} bits with zero and positive numbers, not {short(name)}"
        )
    about = f"{element.name} with an FP16 scale per output channel"
    carried = () if is_taken(element.name) else (element,)
    return Block(name=element.name.lower(), elements=(element.name,), about=about, group=None, scale=None, own=carried,
                 method="channel")  # fmt: skip


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
        method="blocks",
    )  # fmt: skip


def _element(name: str, own: Iterable[Format]) -> Format | None:
    """The format of that name, None if there is none: the message then is of blocks."""
    try:
        return get(name, own)
    except BitmillError:
        return None
