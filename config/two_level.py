"""The configuration of dot products of two-level weights: INT4 of a group to INT8 of a channel, times 8-bit activations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .stepped import StepField, SteppedConfig

GREATEST_SCALE = 16
"""Of a group within the protective range: ``round(2 * 119 / 15)``."""


class TwoLevelConfig(SteppedConfig, frozen=True):
    """``total = sum of (q - z) * s * (a - za)``: unsigned ``q`` and ``z`` of 4 bits, ``a`` and ``za`` of 8; ``s`` a group's.

    A step brings lanes of one group: ``(q - z) * s`` is INT8 of the channel, as the protective range ensures, and is
    multiplied by the activation; the zero point of the activations is corrected by ``za`` times the sum of the step's weights.

    Parameters
    ----------
    lanes
        Products in a cycle, 1 to 128. Lanes beyond the end of a group have codes of ``z``.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Sources: QServe (arXiv 2405.04532), progressive group quantization; DGQ (arXiv 2310.04836).
    """

    unit: Literal["two-level"] = "two-level"
    lanes: Annotated[int, Field(ge=1, le=128)] = 16
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def total_bits(self) -> int:
        """Signed width of a sum of ``max_steps`` steps of weights of -128 and activations that are 255 from their zero point."""
        return 1 + (self.max_steps * self.lanes * 128 * 255).bit_length()

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Codes, the group's integers, activations and their zero point."""
        return (
            StepField(
                name="weights", bits=4, count=self.lanes,
                words="codes of the weights, the first lane's first; (code - zero_point) * scale must be within -128 to 127",
            ),
            StepField(name="scale", bits=5, greatest=GREATEST_SCALE, words=f"the group's integer scale, 0 to {GREATEST_SCALE}"),
            StepField(name="zero_point", bits=4, words="the group's zero point"),
            StepField(name="activations", bits=8, count=self.lanes, words="unsigned integers, the first lane's first"),
            StepField(name="activation_zero", bits=8, words="the activations' zero point"),
        )  # fmt: skip

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The sum."""
        words = "the sum of products, in units of the channel's scale times the activations'"
        return (StepField(name="total", bits=self.total_bits, signed=True, words=words),)

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``16 product(s) a cycle``."""
        return f"{self.lanes} product(s) a cycle"

    @property
    def title(self) -> str:
        """``INT4 of INT8 x UINT8, 16 lanes``."""
        return f"INT4 of INT8 x UINT8, {self.lanes} lanes"


TWO_LEVEL_UNITS: dict[str, TwoLevelConfig] = {
    "two-level-dot2": TwoLevelConfig(lanes=2, k_max=64),
    "two-level-dot8": TwoLevelConfig(lanes=8, k_max=64),
    "two-level-dot16": TwoLevelConfig(),
}
"""Presets."""
