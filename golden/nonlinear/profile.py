"""Profiles: the choices that the published integer-only units leave open, written down once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import BitmillError

ReciprocalRounding = Literal["floor", "nearest"]
"""How ``-1/scale`` becomes an integer: toward minus infinity, or to the nearest with ties to even."""
MeanRounding = Literal["nearest-even", "floor"]
"""How LayerNorm's ``sum / N`` becomes an integer."""
TieRule = Literal["even", "up"]
"""Where requantization takes a value half-way between two integers: to the even one, or toward plus infinity."""
GeluMaximum = Literal["row", "element"]
"""What ShiftGELU subtracts: the maximum of the row, or ``max(x, 0)`` of each element."""

WIDTH = 31
"""Bits of a sum of exponentials and of its reciprocal: both stay within ``2**31 - 1``."""
LARGEST = (1 << WIDTH) - 1
MULTIPLIER_BITS = 31
"""Bits of the magnitude of a requantization's multiplier."""


@dataclass(frozen=True, kw_only=True)
class NonlinearProfile:
    """How the units compute where formulas leave a choice.

    Attributes
    ----------
    name
        For messages and reports.
    softmax_fraction_bits, gelu_fraction_bits
        ``n`` of ``shift_exp``: 1.0 is ``|x0| << n``. 1 to 30.
    softmax_output_bits, gelu_output_bits
        ``ob``: 1.0 is ``2**(ob-1)`` in softmax's output and in GELU's sigmoid. 2 to 31.
    reciprocal_rounding
        ``floor`` or ``nearest``: the integer ``x0`` that stands for ``-1/scale``.
    gelu_maximum
        ``row`` or ``element``.
    mean_rounding
        ``nearest-even`` or ``floor``: LayerNorm's mean.
    root_iterations
        Newton steps from ``2**16`` of LayerNorm's square root; the count is observable where they have not converged.
        1 to 64.
    ties
        ``even`` or ``up``: requantization.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    name: str
    softmax_fraction_bits: int
    softmax_output_bits: int
    gelu_fraction_bits: int
    gelu_output_bits: int
    reciprocal_rounding: ReciprocalRounding
    gelu_maximum: GeluMaximum
    mean_rounding: MeanRounding
    root_iterations: int
    ties: TieRule

    def __post_init__(self) -> None:
        for field, least, greatest in (
            ("softmax_fraction_bits", 1, WIDTH - 1),
            ("softmax_output_bits", 2, WIDTH),
            ("gelu_fraction_bits", 1, WIDTH - 1),
            ("gelu_output_bits", 2, WIDTH),
            ("root_iterations", 1, 64),
        ):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= greatest:
                raise BitmillError(f"{field} must be an integer from {least} to {greatest}, not {value!r}")
        for field, choices in (
            ("reciprocal_rounding", ReciprocalRounding),
            ("gelu_maximum", GeluMaximum),
            ("mean_rounding", MeanRounding),
            ("ties", TieRule),
        ):
            value = getattr(self, field)
            if value not in get_args(choices):
                raise BitmillError(f"{field} must be one of {', '.join(get_args(choices))}, not {value!r}")


PROFILES = {
    # The authors' PyTorch code for DeiT; their Swin has 8 bits of softmax output, their TVM code other values.
    "ivit": NonlinearProfile(
        name="ivit",
        softmax_fraction_bits=15,
        softmax_output_bits=16,
        gelu_fraction_bits=23,
        gelu_output_bits=8,
        reciprocal_rounding="floor",
        gelu_maximum="row",
        mean_rounding="nearest-even",
        root_iterations=10,
        ties="even",
    ),
}
"""Profiles by name; ``dataclasses.replace`` makes variants."""
