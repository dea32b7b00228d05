"""The configuration of a quantizer to DialectFP4: a block of FP16 numbers in, codes, dialect and shared exponent out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .. import formats
from ..formats import Format
from .stepped import StepField, SteppedConfig

SOURCE = "FP16"
INVALID_SCALE = 31
"""Code of UE5M0 that is no number."""
ZERO_SCALE = 15
"""Code of the scale 1, which blocks of zeros have."""


class DialectQuantizerConfig(SteppedConfig, frozen=True):
    """A unit that takes a block of FP16 numbers a cycle and gives what ``golden.dialect.quantize_online`` makes of it.

    The block's maximum picks two dialects, counts of numbers in each one's better range one of them (BlockDialect, arXiv
    2501.01144, section 3.3; ties as ``golden.dialect`` has them).

    Parameters
    ----------
    group
        Numbers of a block, 1 to 128.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.
    """

    unit: Literal["dialect-quantizer"] = "dialect-quantizer"
    group: Annotated[int, Field(ge=1, le=128)] = 32

    counted: ClassVar[tuple[str, str]] = ("blocks", "numbers")

    @property
    def lanes(self) -> int:
        """Numbers of a block."""
        return self.group

    @property
    def source_format(self) -> Format:
        """Catalog row of the numbers."""
        return formats.get(SOURCE)

    @property
    def tensor_scale_bits(self) -> int:
        """There is no scale of a tensor."""
        return 0

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """The numbers of a block."""
        return (StepField(name="numbers", bits=16, count=self.group, words=f"codes of {SOURCE}"),)

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """What unit ``dialect`` takes of a block, and whether it is one."""
        return (
            StepField(name="codes", bits=4, count=self.group, words="codes of the dialect; 0 where invalid"),
            StepField(name="dialect", bits=4, words="the block's dialect; 0 where invalid"),
            StepField(
                name="exponent", bits=5, words=f"the shared exponent: e stands for 2**(e - 15); {INVALID_SCALE} where invalid"
            ),
            StepField(name="invalid", bits=1, words="a number was NaN or infinite"),
        )  # fmt: skip

    @property
    def max_steps(self) -> None:
        """Every block gives its own codes."""
        return None

    @property
    def macs(self) -> int:
        """Numbers a cycle."""
        return self.group

    @property
    def throughput(self) -> str:
        """``1 block of 32 number(s) a cycle``."""
        return f"1 block of {self.group} number(s) a cycle"

    @property
    def title(self) -> str:
        """``DialectFP4 quantizer of FP16, 32 a block``."""
        return f"DialectFP4 quantizer of {SOURCE}, {self.group} a block"


DIALECT_QUANTIZERS: dict[str, DialectQuantizerConfig] = {
    "dialect-quantizer8": DialectQuantizerConfig(group=8),
    "dialect-quantizer": DialectQuantizerConfig(),
}
"""Presets."""
