"""The configuration of a quantizer to fixed point whose word and fraction lengths are told at run time."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import formats
from ..formats import Format
from .block_quantizer import Source
from .stepped import StepField, SteppedConfig

FRACTION_BITS = 6
"""Of a fraction length, signed: -32 to 31."""


class FixedQuantizerConfig(SteppedConfig, frozen=True):
    """A unit that takes some floats a cycle and gives integers: ``x * 2**fraction_length`` to nearest, ties to even, saturated.

    Integers are of ``word_length`` bits, in two's complement, sign-extended to ``bits``. Both lengths come with each step, so
    that the precision changes without a gap.

    Parameters
    ----------
    source
        Format of the numbers: ``FP16``, ``BF16`` or ``FP32``.
    bits
        The longest word, 2 to 16.
    lanes
        Numbers a cycle, 1 to 128.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Source: AdaPT (arXiv 2107.13490) has words of a length and a fraction length that change while a network is trained; ties,
    saturation and what is not finite are defined here.
    """

    unit: Literal["fixed-quantizer"] = "fixed-quantizer"
    source: Source = "FP16"
    bits: Annotated[int, Field(ge=2, le=16)] = 16
    lanes: Annotated[int, Field(ge=1, le=128)] = 4

    counted: ClassVar[tuple[str, str]] = ("steps", "numbers")

    @property
    def source_format(self) -> Format:
        """Catalog row of the numbers."""
        return formats.get(self.source)

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Numbers, and the lengths of their words and fractions."""
        longest = self.bits - 1
        return (
            StepField(name="numbers", bits=self.source_format.bits, count=self.lanes, words=f"codes of {self.source}"),
            StepField(
                name="word_length",
                bits=longest.bit_length(),
                least=1,
                greatest=longest,
                words=f"word length less one: 1 to {longest}",
            ),
            StepField(
                name="fraction_length", bits=FRACTION_BITS, signed=True, words="signed; a step is 2**-fraction_length"
            ),
        )

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """Integers, and what happened to them."""
        return (
            StepField(
                name="integers", bits=self.bits, count=self.lanes, signed=True, words="signed; 0 where a number was NaN"
            ),
            StepField(name="invalid", bits=1, words="a number was NaN"),
            StepField(name="saturated", bits=1, words="a number was beyond the longest integer, or infinite"),
        )

    @property
    def max_steps(self) -> None:
        """Every step gives its own integers."""
        return None

    @property
    def macs(self) -> int:
        """Numbers a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``4 number(s) a cycle``."""
        return f"{self.lanes} number(s) a cycle"

    @property
    def title(self) -> str:
        """``fixed-point quantizer of 4 FP16 to 16 bits``."""
        return f"fixed-point quantizer of {self.lanes} {self.source} to {self.bits} bits"


FIXED_QUANTIZERS: dict[str, FixedQuantizerConfig] = {
    "fixed-quantizer": FixedQuantizerConfig(),
    "fixed-quantizer-fp32": FixedQuantizerConfig(source="FP32", lanes=16),
}
"""Presets: of FP16, and of a float accumulator's results."""
