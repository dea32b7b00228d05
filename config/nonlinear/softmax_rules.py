"""How softmax is computed in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .widths import WIDTH, check_choice, check_integer

ReciprocalRounding = Literal["floor", "nearest"]
"""How ``-1/scale`` becomes an integer: toward minus infinity, or to the nearest with ties to even."""


@dataclass(frozen=True, kw_only=True)
class ShiftmaxRule:
    """I-ViT's Shiftmax.

    Attributes
    ----------
    fraction_bits
        ``n`` of ``shift_exp``: 1.0 is ``|x0| << n``. 1 to 30.
    output_bits
        ``ob``: 1.0 is ``2**(ob-1)`` in the output. 2 to 31.
    reciprocal_rounding
        ``floor`` or ``nearest``: the integer ``x0`` that stands for ``-1/scale``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "shiftmax"

    fraction_bits: int
    output_bits: int
    reciprocal_rounding: ReciprocalRounding

    def __post_init__(self) -> None:
        check_integer("fraction_bits", self.fraction_bits, 1, WIDTH - 1)
        check_integer("output_bits", self.output_bits, 2, WIDTH)
        check_choice("reciprocal_rounding", self.reciprocal_rounding, ReciprocalRounding)


@dataclass(frozen=True, kw_only=True)
class TableSoftmaxRule:
    """Ours: powers of two from a table of few entries, which a row's reciprocal scales, rounded once.

    Attributes
    ----------
    fraction_bits
        ``F``: exponents are rounded to ``2**-F``, and the table has ``2**F`` entries. 1 to 6.
    guard_bits
        Bits of an exponent below those, before it is rounded. 1 to 8.
    slope_bits
        Bits of the integer that stands for ``scale * log2(e)`` in units of ``2**-(F + guard_bits + 6)``. 2 to 20.
    table_bits
        Fraction bits of the table's powers of two. 4 to 12.
    reciprocal_bits
        Fraction bits of the reciprocal of a row's sum, in ``[1, 2)`` after normalization. 4 to 20.
    entry_bits
        Fraction bits of the table's entries after scaling: at least ``output_bits + 1`` and ``table_bits``, at most
        ``output_bits + table_bits``.
    output_bits
        1.0 is ``2**output_bits`` in the output, which saturates one below. 4 to 12.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "table-softmax"

    fraction_bits: int
    guard_bits: int
    slope_bits: int
    table_bits: int
    reciprocal_bits: int
    entry_bits: int
    output_bits: int

    def __post_init__(self) -> None:
        check_integer("fraction_bits", self.fraction_bits, 1, 6)
        check_integer("guard_bits", self.guard_bits, 1, 8)
        check_integer("slope_bits", self.slope_bits, 2, 20)
        check_integer("table_bits", self.table_bits, 4, 12)
        check_integer("reciprocal_bits", self.reciprocal_bits, 4, 20)
        check_integer("output_bits", self.output_bits, 4, 12)
        check_integer("entry_bits", self.entry_bits, max(self.output_bits + 1, self.table_bits), self.sum_fraction_bits)

    @property
    def exponent_bits(self) -> int:
        """Fraction bits of an exponent before rounding: ``F + guard_bits``."""
        return self.fraction_bits + self.guard_bits

    @property
    def slope_fraction_bits(self) -> int:
        """Fraction bits of the slope: those of an exponent and as many as the weight of the highest digit."""
        return self.exponent_bits + DIGIT_BITS * (DIGITS - 1)

    @property
    def sum_fraction_bits(self) -> int:
        """``E``: an element whose output is not 0 counts exactly in the sum, because it is at least ``2**-(ob+1)``."""
        return self.output_bits + self.table_bits

    @property
    def whole_bits(self) -> int:
        """Bits of the whole part of an exponent; ``2**-E`` moved down by more leaves nothing of any power."""
        return self.sum_fraction_bits.bit_length()

    @property
    def powers(self) -> tuple[int, ...]:
        """``round(2**(table_bits - i / 2**F))`` for ``i`` from 0 to ``2**F - 1``."""
        return tuple(
            round(2.0 ** (self.table_bits - i / 2**self.fraction_bits)) for i in range(1 << self.fraction_bits)
        )


INPUT_BITS = 8
DIGIT_BITS = 2
DIGITS = INPUT_BITS // DIGIT_BITS
"""``TableSoftmaxRule`` multiplies an input by the slope two bits at a time."""
