"""The configuration of dot products of blocks in DialectFP4: decoded to half-units, multiplied as integers of 4 bits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..formats.dialect import DIALECTS
from .stepped import StepField, SteppedConfig

GREATEST_EXPONENT = 30
"""Of the codes of UE5M0; 31 is no number."""
UNIT_EXPONENT = -32
"""A product is in quarters (two half-units) and exponents are above -15: totals are in units of two to that power."""


class DialectConfig(SteppedConfig, frozen=True):
    """``total = sum of w * a`` of numbers in DialectFP4 (BlockDialect, arXiv 2501.01144), exact, in units of ``2**-32``.

    A step brings lanes of one block of weights and of one block of activations, each with its dialect and its shared exponent; a
    block longer than the lanes is brought in several steps. Lanes decode to half-units of 4 bits and a sign; their products
    are summed as integers, and the sum is shifted by both exponents into an exact fixed-point register.

    Parameters
    ----------
    lanes
        Products in a cycle, 1 to 128. Lanes beyond the end of a block have codes of 0.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.
    """

    unit: Literal["dialect"] = "dialect"
    lanes: Annotated[int, Field(ge=1, le=128)] = 32
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def greatest_sum(self) -> int:
        """Of a step, in quarters."""
        return self.lanes * max(max(numbers) for numbers in DIALECTS) ** 2

    @property
    def step_sum_bits(self) -> int:
        """Signed width of the sum of a step before it is shifted."""
        return 1 + self.greatest_sum.bit_length()

    @property
    def total_bits(self) -> int:
        """Signed width of a sum of ``max_steps`` steps of the greatest exponents."""
        return 1 + (self.max_steps * self.greatest_sum << 2 * GREATEST_EXPONENT).bit_length()

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Codes of both operands, their dialects and their exponents."""
        return (
            StepField(name="weights", bits=4, count=self.lanes, words="codes of the weights, the first lane's first"),
            StepField(
                name="activations", bits=4, count=self.lanes,
                words="codes of the activations, the first lane's first; 0 beyond the end of the vectors",
            ),
            StepField(name="weight_dialect", bits=4, words="the dialect of the weights' block"),
            StepField(name="activation_dialect", bits=4, words="the dialect of the activations' block"),
            StepField(
                name="weight_exponent", bits=5, greatest=GREATEST_EXPONENT,
                words="the weights' shared exponent: e stands for 2**(e - 15); 31 is not to be given",
            ),
            StepField(
                name="activation_exponent", bits=5, greatest=GREATEST_EXPONENT,
                words="the activations' shared exponent, likewise",
            ),
        )  # fmt: skip

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The sum."""
        words = f"the sum of products, exact, in units of 2**{UNIT_EXPONENT}"
        return (StepField(name="total", bits=self.total_bits, signed=True, words=words),)

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``32 product(s) a cycle``."""
        return f"{self.lanes} product(s) a cycle"

    @property
    def title(self) -> str:
        """``DialectFP4 x DialectFP4, 32 lanes``."""
        return f"DialectFP4 x DialectFP4, {self.lanes} lanes"


DIALECT_UNITS: dict[str, DialectConfig] = {
    "dialect-dot8": DialectConfig(lanes=8, k_max=64),
    "dialect-dot32": DialectConfig(),
}
"""Presets."""
