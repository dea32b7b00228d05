"""Configurations of softmax: ours, by a table of powers of two, and I-ViT's Shiftmax."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...system.errors import BitmillError
from ..nonlinear.reciprocals import exponent_slope, shift_reciprocal
from ..nonlinear.softmax_rules import INPUT_BITS, ReciprocalRounding, ShiftmaxRule, TableSoftmaxRule
from ..nonlinear.widths import WIDTH
from .base import Bits, Lanes, RowConfig, RowLength, Scale


class SoftmaxConfig(RowConfig, frozen=True):
    """Softmax by a short table of powers of two that the reciprocal of the row's sum scales; int8 in.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    max_length
        Elements of the longest row, 1 to 65536.
    scale
        What one step of the input is worth. It is told to the unit at run time, so that it decides only about ``constants.json``,
        unless ``scale_is_fixed``.
    scale_is_fixed
        Whether the scale is built in, which spares port ``constants``; a scale of ``ln(2) / 2**n`` spares adders as well.
    fraction_bits, guard_bits, slope_bits, table_bits, reciprocal_bits, entry_bits, output_bits
        Widths: see ``config.nonlinear.TableSoftmaxRule``. 1.0 is ``2**output_bits`` in the output, which saturates one below.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    PASSES: ClassVar[int] = 3
    TOLD: ClassVar[tuple[str, ...]] = ("scale",)

    unit: Literal["softmax"] = "softmax"
    lanes: Lanes = 16
    max_length: RowLength = 384
    scale: Scale = 1 / 16
    scale_is_fixed: bool = False
    fraction_bits: int = 3
    guard_bits: int = 4
    slope_bits: int = 13
    table_bits: int = 6
    reciprocal_bits: int = 11
    entry_bits: int = 9
    output_bits: int = 8

    @model_validator(mode="after")
    def _consistent(self) -> SoftmaxConfig:
        exponent_slope(self.rule, self.scale)
        return self

    @property
    def rule(self) -> TableSoftmaxRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return TableSoftmaxRule(
            fraction_bits=self.fraction_bits,
            guard_bits=self.guard_bits,
            slope_bits=self.slope_bits,
            table_bits=self.table_bits,
            reciprocal_bits=self.reciprocal_bits,
            entry_bits=self.entry_bits,
            output_bits=self.output_bits,
        )

    @property
    def slope(self) -> int:
        """What stands for the scale: ``K`` of ``golden.nonlinear.table_softmax``."""
        return exponent_slope(self.rule, self.scale)

    @property
    def longest_row(self) -> int:
        return self.max_length

    @property
    def element_fields(self) -> dict[str, int]:
        return {"element": INPUT_BITS}

    @property
    def result_bits(self) -> int:
        return self.output_bits

    @property
    def result_signed(self) -> bool:
        return False

    @property
    def constant_fields(self) -> dict[str, int]:
        return {} if self.scale_is_fixed else {"slope": self.slope_bits}

    @property
    def tables(self) -> dict[str, tuple[int, tuple[int, ...]]]:
        powers = self.rule.powers
        return {"powers": (max(powers).bit_length(), powers)}

    @property
    def told_fields(self) -> tuple[str, ...]:
        return () if self.scale_is_fixed else self.TOLD

    @property
    def title(self) -> str:
        """``softmax, 8 bits, 16 lanes, rows to 384``."""
        fixed = f", scale {self.scale:.6g} built in" * self.scale_is_fixed
        return f"softmax, {self.output_bits} bits, {self.sizes}{fixed}"


class ShiftmaxConfig(RowConfig, frozen=True):
    """Softmax by I-ViT's Shiftmax.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    max_length
        Elements of the longest row, 1 to 65536.
    input_bits
        Width of the signed elements, 2 to 16.
    scale
        What one step of the input is worth; told to the unit at run time as ``x0``.
    x0_bits
        Width of the magnitude of ``x0``, which stands for ``-1/scale``: 1 to ``31 - fraction_bits``.
    fraction_bits, output_bits, reciprocal_rounding
        See ``config.nonlinear.ShiftmaxRule``. 1.0 is ``2**(output_bits - 1)`` in the output.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax".
    """

    PASSES: ClassVar[int] = 3
    TOLD: ClassVar[tuple[str, ...]] = ("scale",)

    unit: Literal["shiftmax"] = "shiftmax"
    lanes: Lanes = 16
    max_length: RowLength = 384
    input_bits: Bits = 8
    scale: Scale = 1 / 16
    x0_bits: Annotated[int, Field(ge=1)] = 9
    fraction_bits: int = 15
    output_bits: int = 16
    reciprocal_rounding: ReciprocalRounding = "floor"

    @model_validator(mode="after")
    def _consistent(self) -> ShiftmaxConfig:
        check_x0(self.rule.fraction_bits, self.x0_bits, self.x0)
        return self

    @property
    def rule(self) -> ShiftmaxRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return ShiftmaxRule(
            fraction_bits=self.fraction_bits,
            output_bits=self.output_bits,
            reciprocal_rounding=self.reciprocal_rounding,
        )

    @property
    def x0(self) -> int:
        """Magnitude of the integer that stands for ``-1/scale``."""
        return -shift_reciprocal(self.scale, fraction_bits=self.fraction_bits, rounding=self.reciprocal_rounding)

    @property
    def longest_row(self) -> int:
        return self.max_length

    @property
    def element_fields(self) -> dict[str, int]:
        return {"element": self.input_bits}

    @property
    def result_bits(self) -> int:
        return self.output_bits - 1

    @property
    def result_signed(self) -> bool:
        return False

    @property
    def constant_fields(self) -> dict[str, int]:
        return {"x0": self.x0_bits}

    @property
    def title(self) -> str:
        """``Shiftmax, 8 bits to 15, 16 lanes, rows to 384``."""
        return f"Shiftmax, {self.input_bits} bits to {self.result_bits}, {self.sizes}"


def check_x0(fraction_bits: int, x0_bits: int, x0: int) -> None:
    """Refuses a width that is too great for 31 bits of 1.0, or too small for the scale's ``x0``.

    Raises
    ------
    BitmillError
        With the limit.
    """
    most = WIDTH - fraction_bits
    if x0_bits > most:
        raise BitmillError(f"x0_bits must be 1 to {most} for {fraction_bits} fraction bits, not {x0_bits!r}")
    if x0 >> x0_bits:
        raise BitmillError(f"x0_bits must be at least {x0.bit_length()} for x0 = {x0} of this scale, not {x0_bits!r}")
