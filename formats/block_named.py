"""Blocks by a name that says their sizes, such as ``bfp4-16``, and the rows that are defined in files of their own."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from . import dialect
from .block_row import Block, Part


@dataclass(frozen=True)
class Named:
    """A family of blocks whose sizes stand in the name.

    Attributes
    ----------
    pattern
        Of the whole name; its groups are decimal numbers.
    block
        The block of these numbers, None where there is none.
    shape
        How a name is written.
    about
        What it is, and which numbers are accepted.
    """

    pattern: re.Pattern[str]
    block: Callable[..., Block | None]
    shape: str
    about: str


def _block_floating_point(bits: int, group: int) -> Block | None:
    """Sign and mantissa together ``bits`` wide, an 8-bit exponent for ``group`` numbers."""
    if not (2 <= bits <= 8 and 1 <= group <= 1 << 16):
        return None
    return Block(
        name=f"bfp{bits}-{group}", elements=(f"INT{bits}_SYM",), about=f"block floating point, {bits} bits with the sign",
        group=group, scale="E8M0", rule="floor", channel=None, method="blocks",
    )  # fmt: skip


def _vectors(vector: int, bits: int, books: int | None = None) -> Block | None:
    """Codes of ``bits`` for ``vector`` numbers, a book of the tensor, or a second of what the first leaves."""
    many = 1 if books is None else books
    if not (vector in (2, 4, 8) and 2 <= bits <= 8 and many in (1, 2)):
        return None
    entries = 1 << bits
    book = Part("book", "F16", "tensor", 16, count=vector * entries, signed=True)
    second = (
        Part("residual_codes", "U8", "code", bits, entries),
        Part("residual_book", "F16", "tensor", 16, count=vector * entries, signed=True),
    )
    return Block(
        name=f"vq{vector}-{bits}" + ("x2" if many == 2 else ""), elements=(f"UINT{bits}",), group=None, scale=None,
        about=f"vectors of {vector} from {'a book' if many == 1 else 'two books, of what the first leaves too,'} of {entries}",
        method="vectors", vector=vector, books=entries, extras=(book, *(second if many == 2 else ())),
    )  # fmt: skip


NAMED: tuple[Named, ...] = (
    Named(re.compile(r"bfp(\d)-(\d{1,5})"), _block_floating_point, "bfpN-G",
          "block floating point: N of 2 to 8 bits with the sign, G numbers of one exponent; bfp4-16 has the sizes of MSFP12"),
    Named(re.compile(r"vq(\d)-(\d)(?:x(\d))?"), _vectors, "vqV-B, vqV-Bx2",
          "codes of B of 2 to 8 bits for V of 2, 4 or 8 numbers from a book of the tensor, or of what a first book leaves, too"),
)  # fmt: skip


def named_block(name: str) -> Block | None:
    """The block of a name of those shapes, in small letters; None if there is none."""
    for row in NAMED:
        if found := row.pattern.fullmatch(name):
            return row.block(*(None if text is None else int(text) for text in found.groups()))
    return None


def _non_uniform(bits: int) -> Block:
    return Block(
        name=f"nuq{bits}", elements=(f"UINT{bits}",), about=f"{1 << bits} numbers of each channel's own, by least error",
        group=None, scale=None, method="channel-books", books=1 << bits,
        extras=(Part("books", "F16", "row", 16, count=1 << bits, signed=True),),
    )  # fmt: skip


ROWS: tuple[Block, ...] = (
    Block(
        name="dialect-fp4", elements=dialect.NAMES, about="DialectFP4: the best of sixteen lists for each block", group=32,
        scale="UE5M0", rule="floor", channel=None, method="dialect",
    ),
    _non_uniform(3),
    _non_uniform(4),
    Block(
        name="power4", elements=("INT4_SYM",), about="4-bit integers over 7 to a power of each channel's own", group=None,
        scale=None, method="power", extras=(Part("powers", "U8", "row", 4, 16),),
    ),
    Block(
        name="two-level4", elements=("UINT4",), about="INT4 with a zero point in groups of INT8 channels, as QServe's",
        zero_point=True, method="two-level", scale_step=1,
    ),
    Block(
        name="binary", elements=("BIPOLAR1",), about="signs, and the mean magnitude of each channel", group=None, scale=None,
        method="binary", of_all=True,
    ),
    Block(
        name="ternary-absmean", elements=("TERNARY",), about="-1, 0, 1 as BitNet b1.58's, by channel", group=None, scale=None,
        method="ternary", of_all=True,
    ),
    Block(
        name="dual-binary", elements=("INT2",), about="two planes of 0 and 1 with a scale each, as DB-LLM's", group=None,
        scale=None, method="dual-binary", extras=(Part("plane_scales", "F16", "row", 16, count=2, signed=True),),
    ),
)  # fmt: skip
