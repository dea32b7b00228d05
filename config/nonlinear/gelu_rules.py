"""How GELU is computed in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from .softmax_rules import INPUT_BITS, ReciprocalRounding
from .widths import WIDTH, check_choice, check_integer

GeluMaximum = Literal["row", "element"]
"""What ShiftGELU subtracts: the maximum of the row, or ``max(x, 0)`` of each element."""


@dataclass(frozen=True, kw_only=True)
class ShiftGeluRule:
    """I-ViT's ShiftGELU.

    Attributes
    ----------
    fraction_bits
        ``n`` of ``shift_exp``: 1.0 is ``|x0| << n``. 1 to 30.
    output_bits
        ``ob``: 1.0 is ``2**(ob-1)`` in the sigmoid. 2 to 31.
    reciprocal_rounding
        ``floor`` or ``nearest``: the integer ``x0`` that stands for ``-1/(1.702 * scale)``.
    maximum
        ``row`` or ``element``.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "shift-gelu"

    fraction_bits: int
    output_bits: int
    reciprocal_rounding: ReciprocalRounding
    maximum: GeluMaximum

    def __post_init__(self) -> None:
        check_integer("fraction_bits", self.fraction_bits, 1, WIDTH - 1)
        check_integer("output_bits", self.output_bits, 2, WIDTH)
        check_choice("reciprocal_rounding", self.reciprocal_rounding, ReciprocalRounding)
        check_choice("maximum", self.maximum, GeluMaximum)


@dataclass(frozen=True, kw_only=True)
class PiecewiseGeluRule:
    """Ours: a straight line for each segment of the int8 inputs, from a table that is written at run time.

    Any function of an int8 is computed alike; only the table knows that it is GELU.

    Attributes
    ----------
    segment_bits
        A segment is ``2**segment_bits`` neighbouring inputs. 1 to 6.
    value_fraction_bits
        ``fv``, of a segment's value. 1 to 12.
    slope_fraction_bits
        ``fs``, of a segment's slope, at least ``fv``, at most 12.
    slope_bits
        Width of a slope, signed. 2 to 16.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "piecewise-gelu"

    segment_bits: int
    value_fraction_bits: int
    slope_fraction_bits: int
    slope_bits: int

    def __post_init__(self) -> None:
        check_integer("segment_bits", self.segment_bits, 1, 6)
        check_integer("value_fraction_bits", self.value_fraction_bits, 1, 12)
        check_integer("slope_fraction_bits", self.slope_fraction_bits, self.value_fraction_bits, 12)
        check_integer("slope_bits", self.slope_bits, 2, 16)

    @property
    def segments(self) -> int:
        """Segments of the range of inputs, and entries of the table."""
        return 1 << (INPUT_BITS - self.segment_bits)

    @property
    def value_bits(self) -> int:
        """Width of a value, signed: an int8 and the fraction."""
        return INPUT_BITS + self.value_fraction_bits
