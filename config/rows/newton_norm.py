"""The configuration of I-ViT's LayerNorm with Newton's square root."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ...system.errors import BitmillError
from ..nonlinear.layernorm_rules import LayerNormRule, MeanRounding
from ..nonlinear.newton_widths import NEWTON_BIAS_BITS, NewtonWidths
from ..nonlinear.reciprocals import dyadic_ratio
from .base import Bits, Lanes, RowConfig, RowLength, Scale
from .root_norm import Channels, MultiplierStyle, check_channels


class NewtonNormConfig(RowConfig, frozen=True):
    """LayerNorm with Newton's square root cut after some steps, 33 bits out, to be requantized with each channel's gamma.

    Parameters
    ----------
    lanes
        Elements of a beat, 1 to 256.
    max_length
        Elements of the longest row, a multiple of ``lanes``, 1 to 65536.
    input_bits
        Of signed elements, 2 to 16.
    bits_per_cycle
        Of the divider, 1 to 31.
    multiplier
        How the lanes' product is built: ``logic`` or ``operator``.
    output_scale
        What one step is worth behind the requantization, whose ``m`` and ``e`` stand in ``constants.json``.
    gamma, beta
        One for all channels, or one for each of ``max_length``; gamma not 0. ``beta / gamma`` is told to the unit at run time,
        in units that depend on the row's length: ``constants.json`` and ``channels.hex`` are for rows of ``max_length``.
    mean_rounding, root_iterations
        See ``config.nonlinear.LayerNormRule``.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only LayerNorm: I-LayerNorm".
    """

    PASSES: ClassVar[int] = 3
    TOLD: ClassVar[tuple[str, ...]] = ("output_scale", "gamma", "beta")

    unit: Literal["newton-norm"] = "newton-norm"
    lanes: Lanes = 8
    max_length: RowLength = 384
    input_bits: Bits = 8
    bits_per_cycle: Annotated[int, Field(ge=1, le=31)] = 1
    multiplier: MultiplierStyle = "logic"
    output_scale: Scale = 1 / 16
    gamma: Channels = (1.0,)
    beta: Channels = (0.0,)
    mean_rounding: MeanRounding = "nearest-even"
    root_iterations: int = 10

    @model_validator(mode="after")
    def _consistent(self) -> NewtonNormConfig:
        check_channels(self.lanes, self.max_length, gamma=self.gamma, beta=self.beta)
        assert self.widths
        if 0.0 in self.gamma:
            raise BitmillError("gamma must not be 0: the bias is in units of gamma, not 0.0")
        step = math.sqrt(self.max_length) / (1 << 30)
        limit = 1 << (NEWTON_BIAS_BITS - 1)
        count = max(len(self.gamma), len(self.beta))
        for channel in range(count):
            gamma, beta = self.gamma[channel % len(self.gamma)], self.beta[channel % len(self.beta)]
            if not -limit <= beta / gamma / step < limit:
                raise BitmillError(f"beta / gamma must be within {limit * step:.6g}, not {beta / gamma!r}")
            ratio = gamma * (step / self.output_scale)
            if not (ratio and math.isfinite(ratio) and dyadic_ratio(ratio)[1] >= 0):
                raise BitmillError(
                    f"gamma / output_scale must be of less than about {2**31 / step:.3g} in magnitude and not 0, "
                    f"not {gamma / self.output_scale!r}"
                )
        return self

    @property
    def rule(self) -> LayerNormRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return LayerNormRule(mean_rounding=self.mean_rounding, root_iterations=self.root_iterations)

    @property
    def widths(self) -> NewtonWidths:
        """Widths that suffice for every row."""
        return NewtonWidths(rule=self.rule, input_bits=self.input_bits, max_length=self.max_length)

    @property
    def longest_row(self) -> int:
        return self.max_length

    @property
    def element_fields(self) -> dict[str, int]:
        return {"element": self.input_bits}

    @property
    def result_bits(self) -> int:
        return self.widths.output_bits

    @property
    def channel_fields(self) -> dict[str, int]:
        return {"bias": NEWTON_BIAS_BITS}

    @property
    def title(self) -> str:
        """``Newton LayerNorm, 8 bits to 33, 8 lanes, rows to 384``."""
        return f"Newton LayerNorm, {self.input_bits} bits to {self.result_bits}, {self.sizes}"
