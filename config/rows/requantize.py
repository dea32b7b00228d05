"""The configuration of a requantizer."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...system.errors import BitmillError
from ..nonlinear.reciprocals import dyadic_ratio
from ..nonlinear.widths import MULTIPLIER_BITS, TieRule
from .base import Lanes, RowConfig


class RequantizeConfig(RowConfig, frozen=True):
    """``round(z * m / 2**e)``, saturated at signed integers of ``output_bits``; each element brings its ``m`` and ``e``.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    input_bits, output_bits
        Widths of the signed ``z``, 2 to 33, and of the result, 2 to 32.
    multiplier_bits
        Width of the magnitude of ``m``, which has a sign beside, 1 to 31.
    shift_bits
        Width of ``e``, 1 to 8.
    ties
        Where halves go: ``even``, or ``up`` to plus infinity.
    ratio
        Step of the input over step of the output, whose ``m`` and ``e`` stand in ``constants.json``; negative where a channel's
        gamma is.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Dyadic arithmetic".
    """

    LOOKS_AROUND: ClassVar[bool] = False

    unit: Literal["requantize"] = "requantize"
    lanes: Lanes = 16
    input_bits: Annotated[int, Field(ge=2, le=33)] = 32
    output_bits: Annotated[int, Field(ge=2, le=32)] = 8
    multiplier_bits: Annotated[int, Field(ge=1, le=MULTIPLIER_BITS)] = MULTIPLIER_BITS
    shift_bits: Annotated[int, Field(ge=1, le=8)] = 8
    ties: TieRule = "even"
    ratio: Annotated[float, Field(allow_inf_nan=False)] = 2.0**-16

    @model_validator(mode="after")
    def _consistent(self) -> RequantizeConfig:
        if not self.ratio:
            raise BitmillError(f"ratio must not be 0, not {self.ratio!r}")
        greatest = (1 << self.shift_bits) - 1
        if not 0 <= self.dyadic[1] <= greatest:
            ends = [math.ldexp(1, self.multiplier_bits - 1 - shift) for shift in (greatest, 0)]
            raise BitmillError(
                f"ratio must be of about {ends[0]:.3g} to {2 * ends[1]:.3g} in magnitude for a multiplier of "
                f"{self.multiplier_bits} bits and a shift of {self.shift_bits}, not {self.ratio!r}"
            )
        return self

    @property
    def dyadic(self) -> tuple[int, int]:
        """``m`` and ``e`` of the ratio."""
        return dyadic_ratio(self.ratio, bits=self.multiplier_bits)

    @property
    def element_fields(self) -> dict[str, int]:
        return {"value": self.input_bits, "multiplier": self.multiplier_bits + 1, "shift": self.shift_bits}

    @property
    def result_bits(self) -> int:
        return self.output_bits

    @property
    def title(self) -> str:
        """``requantizer, 32 bits by 31 to 8, ties even, 16 lanes``."""
        widths = f"{self.input_bits} bits by {self.multiplier_bits} to {self.output_bits}"
        return f"requantizer, {widths}, ties {self.ties}, {self.sizes}"
