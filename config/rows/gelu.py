"""Configurations of GELU: ours, by straight lines from a table, and I-ViT's ShiftGELU."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...system.errors import BitmillError
from ..nonlinear.gelu_rules import GeluMaximum, PiecewiseGeluRule, ShiftGeluRule
from ..nonlinear.reciprocals import SIGMOID_SLOPE, shift_reciprocal
from ..nonlinear.softmax_rules import INPUT_BITS, ReciprocalRounding
from .base import Bits, Lanes, RowConfig, RowLength, Scale
from .softmax import check_x0

LineTable = Literal["registers", "memory"]
"""Where the lines stand."""


class GeluConfig(RowConfig, frozen=True):
    """GELU, or any function of an int8, by straight lines from a table that is written at run time; int8 out.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    scale
        What one step of the input is worth: decides about the lines in ``constants.json`` and ``lines.hex``.
    output_scale
        What one step of the output is worth; by default such that the greatest GELU of an int8 is 127.
    table
        ``registers`` that all lanes share, or a ``memory`` for each lane, for FPGAs, which have small ones.
    segment_bits, value_fraction_bits, slope_fraction_bits, slope_bits
        Segments and widths of lines: see ``config.nonlinear.PiecewiseGeluRule``.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    LOOKS_AROUND: ClassVar[bool] = False
    TOLD: ClassVar[tuple[str, ...]] = ("scale", "output_scale")

    unit: Literal["gelu"] = "gelu"
    lanes: Lanes = 16
    scale: Scale = 1 / 16
    output_scale: Scale | None = None
    table: LineTable = "registers"
    segment_bits: int = 3
    value_fraction_bits: int = 1
    slope_fraction_bits: int = 3
    slope_bits: int = 5

    @model_validator(mode="after")
    def _consistent(self) -> GeluConfig:
        rule = self.rule
        size, steepest = 1 << rule.segment_bits, ((1 << rule.slope_bits - 1) - 1) / 2**rule.slope_fraction_bits
        targets = _targets(self.scale, self.output_scale)
        rises = [abs(targets[at + size - 1] - targets[at]) / (size - 1) for at in range(0, len(targets), size)]
        if max(rises) > steepest:
            raise BitmillError(
                f"scale and output_scale must let outputs rise by at most {steepest:.6g} a step for slopes of "
                f"{rule.slope_bits} bits, not {max(rises):.6g}"
            )
        return self

    @property
    def rule(self) -> PiecewiseGeluRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return PiecewiseGeluRule(
            segment_bits=self.segment_bits,
            value_fraction_bits=self.value_fraction_bits,
            slope_fraction_bits=self.slope_fraction_bits,
            slope_bits=self.slope_bits,
        )

    @property
    def line_fields(self) -> dict[str, int]:
        return {"value": self.rule.value_bits, "slope": self.slope_bits}

    @property
    def keeps_memories(self) -> bool:
        return self.table == "memory"

    @property
    def line_count(self) -> int:
        return self.rule.segments

    @property
    def title(self) -> str:
        """``GELU, 32 lines in registers, 16 lanes``."""
        return f"GELU, {self.rule.segments} lines in {self.table}, {self.sizes}"


class ShiftGeluConfig(RowConfig, frozen=True):
    """GELU by I-ViT's ShiftGELU, in units of ``scale * 2**(1 - output_bits)``.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    maximum
        What is subtracted: ``max(x, 0)`` of each ``element``, or the maximum of the ``row``, as I-ViT has it.
    max_length
        ``row`` only, where it must be given: elements of the longest row, 1 to 65536.
    input_bits
        Width of the signed elements, 2 to 16.
    scale
        What one step of the input is worth; told to the unit at run time as ``x0``.
    x0_bits
        Width of the magnitude of ``x0``, which stands for ``-1/(1.702 * scale)``: 1 to ``31 - fraction_bits``.
    fraction_bits, output_bits, reciprocal_rounding
        See ``config.nonlinear.ShiftGeluRule``. 1.0 is ``2**(output_bits - 1)`` in the sigmoid.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only GELU: ShiftGELU"; ``element`` is ours.
    """

    TOLD: ClassVar[tuple[str, ...]] = ("scale",)

    unit: Literal["shift-gelu"] = "shift-gelu"
    lanes: Lanes = 16
    maximum: GeluMaximum = "element"
    max_length: RowLength | None = None
    input_bits: Bits = 8
    scale: Scale = 1 / 16
    x0_bits: Annotated[int, Field(ge=1)] = 9
    fraction_bits: int = 16
    output_bits: int = 8
    reciprocal_rounding: ReciprocalRounding = "floor"

    @model_validator(mode="after")
    def _consistent(self) -> ShiftGeluConfig:
        if self.by_row and self.max_length is None:
            raise BitmillError("max_length must be given with maximum 'row', not left out")
        if not self.by_row and self.max_length is not None:
            raise BitmillError(f"max_length must be left out with maximum 'element', not {self.max_length!r}")
        check_x0(self.rule.fraction_bits, self.x0_bits, self.x0)
        return self

    @property
    def by_row(self) -> bool:
        """Whether the maximum of the row is subtracted, so that rows are kept."""
        return self.maximum == "row"

    @property
    def rule(self) -> ShiftGeluRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return ShiftGeluRule(
            fraction_bits=self.fraction_bits,
            output_bits=self.output_bits,
            reciprocal_rounding=self.reciprocal_rounding,
            maximum=self.maximum,
        )

    @property
    def x0(self) -> int:
        """Magnitude of the integer that stands for ``-1/(1.702 * scale)``."""
        n, rounding = self.fraction_bits, self.reciprocal_rounding
        return -shift_reciprocal(self.scale, slope=SIGMOID_SLOPE, fraction_bits=n, rounding=rounding)

    @property
    def longest_row(self) -> int | None:
        return self.max_length

    @property
    def element_fields(self) -> dict[str, int]:
        return {"element": self.input_bits}

    @property
    def result_bits(self) -> int:
        return self.input_bits + self.output_bits - 1

    @property
    def constant_fields(self) -> dict[str, int]:
        return {"x0": self.x0_bits}

    @property
    def throughput(self) -> str:
        return f"{self.lanes} element(s) a cycle" + " in each of 2 passes over a row" * self.by_row

    @property
    def title(self) -> str:
        """``ShiftGELU by element, 8 bits to 15, 4 lanes``."""
        return f"ShiftGELU by {self.maximum}, {self.input_bits} bits to {self.result_bits}, {self.sizes}"


def _targets(scale: float, output_scale: float | None) -> list[float]:
    """What GELU of every int8 is in output steps, as far as an int8 holds it."""
    limit = 1 << (INPUT_BITS - 1)
    reals = [x * scale * 0.5 * (1 + math.erf(x * scale / math.sqrt(2))) for x in range(-limit, limit)]
    if not all(map(math.isfinite, reals)):
        raise BitmillError(f"scale must leave GELU finite, not {scale!r}")
    step = max(map(abs, reals)) / (limit - 1) if output_scale is None else output_scale
    if not step:
        raise BitmillError(f"scale must be great enough for GELU not to vanish, not {scale!r}")
    targets = [real / step for real in reals]
    if not all(map(math.isfinite, targets)):
        raise BitmillError(f"output_scale must leave GELU finite, not {output_scale!r}")
    return [min(max(target, -limit), limit - 1) for target in targets]
