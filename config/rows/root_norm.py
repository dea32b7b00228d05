"""The configuration of LayerNorm and RMSNorm by an exact square root."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PlainSerializer, model_validator

from ...system.errors import BitmillError
from ..nonlinear.layernorm_rules import RootNormRule
from ..nonlinear.norm_widths import NormWidths
from ..nonlinear.widths import TieRule
from .base import Bits, Lanes, RowConfig, RowLength, Scale

Channels = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=False)], ...], Field(strict=False), PlainSerializer(list)
]
"""A number for each channel, or one for all."""
MultiplierStyle = Literal["logic", "operator"]
"""How a lane's products are built: of adders, or as ``*``, which synthesis may map to DSP blocks."""


class RootNormConfig(RowConfig, frozen=True):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``; RMSNorm without the mean. Requantized in the same step.

    Parameters
    ----------
    unit
        ``layernorm`` or ``rmsnorm``.
    lanes
        Elements of a beat, 1 to 256.
    max_length
        Elements of the longest row, a multiple of ``lanes``, 1 to 65536.
    input_bits, output_bits
        Of signed elements, 2 to 16, and signed results, 2 to 32.
    multiplier
        How the lanes' products are built: ``logic`` or ``operator``.
    scale, output_scale
        What one step of input and output is worth.
    epsilon
        What the model adds to the variance, at least 0.
    gamma, beta
        One for all channels, or one for each of ``max_length``. They, the scales and the epsilon are told to the unit at run time
        and decide only about ``constants.json`` and ``channels.hex``.
    epsilon_fraction_bits, root_fraction_bits, factor_guard_bits, normalized_fraction_bits, multiplier_bits, shift_bits, ties
        Widths and rounding: see ``config.nonlinear.RootNormRule``.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    PASSES: ClassVar[int] = 2
    TOLD: ClassVar[tuple[str, ...]] = ("scale", "output_scale", "epsilon", "gamma", "beta")

    unit: Literal["layernorm", "rmsnorm"] = "layernorm"
    lanes: Lanes = 8
    max_length: RowLength = 384
    input_bits: Bits = 8
    output_bits: Annotated[int, Field(ge=2, le=32)] = 8
    multiplier: MultiplierStyle = "logic"
    scale: Scale = 1 / 16
    output_scale: Scale = 1 / 16
    epsilon: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-5
    gamma: Channels = (1.0,)
    beta: Channels = (0.0,)
    epsilon_fraction_bits: int = 16
    root_fraction_bits: int = 10
    factor_guard_bits: int = 9
    normalized_fraction_bits: int = 9
    multiplier_bits: int = 14
    shift_bits: int = 3
    ties: TieRule = "up"

    @model_validator(mode="after")
    def _consistent(self) -> RootNormConfig:
        widths = self.widths
        check_channels(self.lanes, self.max_length, gamma=self.gamma, beta=self.beta)
        least = widths.least_shift
        limits = {
            "gamma": ((1 << widths.rule.multiplier_bits - 1) - 1, least - widths.rule.normalized_fraction_bits),
            "beta": ((1 << widths.bias_bits - 1) - 1, least),
        }
        for name, (greatest, places) in limits.items():
            worst = max(map(abs, getattr(self, name))) / self.output_scale
            limit = math.ldexp(greatest, -places)
            # Rounded as golden rounds it: what is less than half a step above still fits.
            if not (worst <= limit or (worst < 2 * limit and round(math.ldexp(worst, places)) <= greatest)):
                raise BitmillError(f"{name} / output_scale must be within {limit:g}, not {worst!r}")
        variance = self.epsilon / self.scale / self.scale
        limit = math.ldexp(1, widths.epsilon_bits - widths.rule.epsilon_fraction_bits)
        if not (
            variance < limit and round(math.ldexp(variance, self.epsilon_fraction_bits)) < 1 << widths.epsilon_bits
        ):
            raise BitmillError(
                f"epsilon / scale**2 must be from 0 to less than {limit:.6g}, the greatest variance, not {variance!r}"
            )
        return self

    @property
    def centred(self) -> bool:
        """Whether the mean is taken off."""
        return self.unit == "layernorm"

    @property
    def rule(self) -> RootNormRule:
        """What golden and hardware compute by: see the rule's class for the formulas."""
        return RootNormRule(
            centred=self.centred,
            epsilon_fraction_bits=self.epsilon_fraction_bits,
            root_fraction_bits=self.root_fraction_bits,
            factor_guard_bits=self.factor_guard_bits,
            normalized_fraction_bits=self.normalized_fraction_bits,
            multiplier_bits=self.multiplier_bits,
            shift_bits=self.shift_bits,
            ties=self.ties,
        )

    @property
    def widths(self) -> NormWidths:
        """Widths that suffice for every row."""
        return NormWidths(
            rule=self.rule, input_bits=self.input_bits, output_bits=self.output_bits, max_length=self.max_length
        )

    @property
    def longest_row(self) -> int:
        return self.max_length

    @property
    def element_fields(self) -> dict[str, int]:
        return {"element": self.input_bits}

    @property
    def result_bits(self) -> int:
        return self.output_bits

    @property
    def constant_fields(self) -> dict[str, int]:
        return {"epsilon": self.widths.epsilon_bits, "shift": self.shift_bits}

    @property
    def channel_fields(self) -> dict[str, int]:
        return {"multiplier": self.multiplier_bits, "bias": self.widths.bias_bits}

    @property
    def title(self) -> str:
        """``LayerNorm, 8 bits to 8, 8 lanes, rows to 384``."""
        name = "LayerNorm" if self.centred else "RMSNorm"
        return f"{name}, {self.input_bits} bits to {self.output_bits}, {self.sizes}"


def check_channels(lanes: int, max_length: int, **channels: tuple[float, ...]) -> None:
    """Refuses lanes that do not divide the longest row, and numbers of channels that are not one or all.

    Raises
    ------
    BitmillError
        With the field.
    """
    if max_length % lanes:
        raise BitmillError(f"max_length must be a multiple of lanes = {lanes}, not {max_length!r}")
    for name, values in channels.items():
        if len(values) not in (1, max_length):
            raise BitmillError(f"{name} must hold 1 or max_length = {max_length} values, not {len(values)}")
