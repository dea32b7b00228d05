"""What the arithmetic and the hardware hold of a format that is no row of the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..system.errors import BitmillError
from ..system.text import short
from .scalar import Format

LONGEST_NAME = 64
MAX_SIGNIFICAND_BITS = 24
"""As FP32's: the product of two is exact in float64."""
MAX_CODEBOOK_BITS = 16
MAX_GRID_BITS = 64
"""From the least step of a codebook to its greatest value."""
MAX_EXPONENT = 256
"""All numbers are multiples of ``2**-MAX_EXPONENT`` below ``2**MAX_EXPONENT``: products and scaled sums stay in float64."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def check_name(name: Any, *, taken: Callable[[str], bool]) -> None:
    """A name that stands in Verilog, file names and tables, and that no row of the catalog has.

    Raises
    ------
    BitmillError
        If it is none.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BitmillError(
            f"formats must have names of at most {LONGEST_NAME} letters, digits and underscores, a letter first, "
            f"not {short(name)}"
        )
    if name.lower() == "none":
        raise BitmillError(
            f"formats.{name} must have a name of its own, not one that says there is no format, not {name!r}"
        )
    if taken(name):
        raise BitmillError(
            f"formats.{name} must have a name of its own, not one that the catalog has for a format or a block, upper or lower "
            f"case alike, not {name!r}"
        )


def check_row(place: str, row: Format) -> None:
    """The numbers of a format are within what float64 and the accumulators hold, and one of them is not zero.

    Raises
    ------
    BitmillError
        Naming the field, the value and what is accepted.
    """
    if row.fixed_min == row.fixed_max == 0:
        raise BitmillError(f"{place} must have a number other than 0, not 0 alone in its {row.bits} bit(s)")
    least = row.min_exponent
    most = max(abs(row.fixed_min), abs(row.fixed_max)).bit_length() + least
    if least < -MAX_EXPONENT or most > MAX_EXPONENT:
        bias = getattr(row, "exponent_bias", getattr(row, "bias", None))
        if bias is None:
            raise BitmillError(
                f"{place}.values must be multiples of 2**-{MAX_EXPONENT} below 2**{MAX_EXPONENT}, "
                f"not of 2**{least} up to 2**{most}"
            )
        lowest, highest = bias + most - MAX_EXPONENT, bias + least + MAX_EXPONENT
        raise BitmillError(
            f"{place}.bias must be {lowest} to {highest} for its exponent and mantissa bits, not {bias!r}"
        )
    if row.bits > MAX_CODEBOOK_BITS and not getattr(row, "subnormals", True):
        raise BitmillError(f"{place}.subnormals must be true for more than {MAX_CODEBOOK_BITS} bits, not False")
