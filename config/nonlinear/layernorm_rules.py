"""How LayerNorm is computed in integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from ...system.errors import BitmillError
from .widths import TieRule, check_choice, check_integer

MeanRounding = Literal["nearest-even", "floor"]
"""How LayerNorm's ``sum / N`` becomes an integer."""


@dataclass(frozen=True, kw_only=True)
class LayerNormRule:
    """I-ViT's I-LayerNorm.

    Attributes
    ----------
    mean_rounding
        ``nearest-even`` or ``floor``.
    root_iterations
        Newton steps from ``2**16`` of the square root; the count is observable where they have not converged. 1 to 64.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "newton-norm"

    mean_rounding: MeanRounding
    root_iterations: int

    def __post_init__(self) -> None:
        check_choice("mean_rounding", self.mean_rounding, MeanRounding)
        check_integer("root_iterations", self.root_iterations, 1, 64)


@dataclass(frozen=True, kw_only=True)
class RootNormRule:
    """LayerNorm or RMSNorm by an exact square root and fixed-point factors; the result is requantized in the same step.

    Where a width is bits of fraction, what stands above the point follows from the inputs and the longest row:
    ``NormWidths``. The values that are given here err at most 0.6 output steps at 8 bits in and out; more bits of output
    need as many more of everything but the epsilon.

    Attributes
    ----------
    centred
        Whether the mean is taken off: LayerNorm; RMSNorm does not.
    epsilon_fraction_bits
        What is added to the variance is an integer in units of ``2**-epsilon_fraction_bits``, in squares of input steps.
        0 to twice ``root_fraction_bits``.
    root_fraction_bits
        Of the root of ``N**2 * (variance + epsilon)``. 2 to 31.
    factor_guard_bits
        Bits of fraction of ``N / root`` beyond the bits of an input. 1 to 16.
    normalized_fraction_bits
        Of the normalized element that meets gamma. 1 to less than ``root_fraction_bits``, and at most ``factor_guard_bits``.
    multiplier_bits
        Width of a channel's signed multiplier. 2 to 31.
    shift_bits
        Of the choice of how far products are moved down to the output, which a layer makes once: from where a gamma of
        ``2**output_bits`` output steps has a multiplier that just does not fit, to ``2**shift_bits - 1`` further. 0 to 5.
    ties
        ``even`` or ``up``: rounding to the output.

    Raises
    ------
    BitmillError
        If a value is not one of those listed.
    """

    KEY: ClassVar[str] = "root-norm"

    centred: bool = True
    epsilon_fraction_bits: int = 16
    root_fraction_bits: int = 10
    factor_guard_bits: int = 9
    normalized_fraction_bits: int = 9
    multiplier_bits: int = 14
    shift_bits: int = 3
    ties: TieRule = "up"

    def __post_init__(self) -> None:
        if not isinstance(self.centred, bool):
            raise BitmillError(f"centred must be True or False, not {self.centred!r}")
        check_integer("root_fraction_bits", self.root_fraction_bits, 2, 31)
        check_integer("epsilon_fraction_bits", self.epsilon_fraction_bits, 0, 2 * self.root_fraction_bits)
        check_integer("factor_guard_bits", self.factor_guard_bits, 1, 16)
        greatest = min(self.root_fraction_bits - 1, self.factor_guard_bits)
        check_integer("normalized_fraction_bits", self.normalized_fraction_bits, 1, greatest)
        check_integer("multiplier_bits", self.multiplier_bits, 2, 31)
        check_integer("shift_bits", self.shift_bits, 0, 5)
        check_choice("ties", self.ties, TieRule)
