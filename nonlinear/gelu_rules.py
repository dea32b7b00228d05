"""How GELU is computed in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .softmax_rules import ReciprocalRounding
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

    fraction_bits: int
    output_bits: int
    reciprocal_rounding: ReciprocalRounding
    maximum: GeluMaximum

    def __post_init__(self) -> None:
        check_integer("fraction_bits", self.fraction_bits, 1, WIDTH - 1)
        check_integer("output_bits", self.output_bits, 2, WIDTH)
        check_choice("reciprocal_rounding", self.reciprocal_rounding, ReciprocalRounding)
        check_choice("maximum", self.maximum, GeluMaximum)
