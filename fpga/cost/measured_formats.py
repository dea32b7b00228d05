"""Which formats are like those of the units that the cost models were fitted on: what is beyond them is refused."""

from __future__ import annotations

from ... import formats
from ...formats import Format
from ...system.errors import BitmillError

LEAST_BITS = 2
_MOST_BITS = {"int": 16, "codebook": 4}
_MOST_SPAN = {"int": 0, "codebook": 0}
"""Bits, and octaves of exponents, of formats that were drawn for the measurements, by kind; minifloats up to FP32."""
LEAST_STEP, GREATEST = -149, 128
"""Exponents of the least step and of what is above the greatest number: those of FP32, the widest."""


def check_measured(fmt: Format) -> None:
    """Refuse formats of users that are wider, or reach farther, than any of the catalog that was measured.

    Raises
    ------
    BitmillError
        Naming the format and what is accepted.
    """
    if fmt.name in formats.CATALOG and fmt.bits >= LEAST_BITS:
        return
    most = _MOST_BITS.get(fmt.kind, 32)
    if not LEAST_BITS <= fmt.bits <= most:
        raise BitmillError(f"format {fmt.name} must have {LEAST_BITS} to {most} bits to be estimated, not {fmt.bits!r}")
    if fmt.exponent_span > _MOST_SPAN.get(fmt.kind, 255):
        raise BitmillError(
            f"format {fmt.name} must have values on a grid of at most 24 bits to be estimated, not of {fmt.fixed_bits}"
        )
    least, greatest = fmt.min_exponent, fmt.min_exponent + max(abs(fmt.fixed_min), abs(fmt.fixed_max)).bit_length()
    if least < LEAST_STEP or greatest > GREATEST:
        raise BitmillError(
            f"format {fmt.name} must have numbers of 2**{LEAST_STEP} up to 2**{GREATEST} to be estimated, "
            f"not of 2**{least} up to 2**{greatest}"
        )
