"""The configuration of a block quantizer: a block of numbers in, codes and their common scale out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from .. import formats
from ..formats import Format
from ..formats.block import BLOCKS, Block
from ..system.errors import BitmillError
from ..system.text import nearest, short
from .stepped import StepField, SteppedConfig

Source = Literal["FP16", "BF16", "FP32"]
TENSOR_SCALE = "FP32"
"""Format of the scale of a tensor, which blocks of the rule ``maximum`` are told."""

SCALES = "E8M0", "E4M3"
"""Formats of scales that the hardware makes."""
QUANTIZED: dict[str, Block] = {
    row.name: row for row in BLOCKS.values() if row.scale in SCALES and row.channel is None and len(row.elements) == 1
}
"""Blocks with scales of groups alone, by name: OCP's MX blocks by both rules, and NVFP4."""


class BlockQuantizerConfig(SteppedConfig, frozen=True):
    """A unit that takes a block of floats a cycle and gives what ``golden.blocks.quantize_blocks`` makes of it.

    Parameters
    ----------
    block
        ``mxfp4``, ``mxfp6``, ``mxfp6-e3m2``, ``mxfp8``, ``mxfp8-e5m2``, ``mxint8`` or ``mxint4``, the same with ``-up`` after it,
        which rounds scales up; or ``nvfp4``.
    source
        Format of the numbers: ``FP16``, ``BF16`` or ``FP32``, such as a float accumulator's results.
    group
        Numbers of a block, 1 to 128; the block's own, 32 or NVFP4's 16, if left out.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.
    """

    unit: Literal["block-quantizer"] = "block-quantizer"
    block: str = "mxfp4"
    source: Source = "FP16"
    group: Annotated[int, Field(ge=1, le=128)] | None = None

    counted: ClassVar[tuple[str, str]] = ("blocks", "numbers")

    @field_validator("block")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in QUANTIZED:
            raise BitmillError(f"must be one of {', '.join(QUANTIZED)}, not {short(name)}{nearest(name, QUANTIZED)}")
        return name

    @property
    def row(self) -> Block:
        """Row of the catalog of blocks."""
        return QUANTIZED[self.block]

    @property
    def lanes(self) -> int:
        """Numbers of a block."""
        return self.group or self.row.group or 1

    @property
    def source_format(self) -> Format:
        """Catalog row of the numbers."""
        return formats.get(self.source)

    @property
    def tensor_scale_bits(self) -> int:
        """Width of the tensor's scale that comes with each block, an FP32 code; 0 for blocks without one."""
        return 0 if self.row.tensor is None else formats.get(TENSOR_SCALE).bits

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """The numbers of a block, and the tensor's scale where it has one."""
        numbers = StepField(
            name="numbers", bits=self.source_format.bits, count=self.lanes, words=f"codes of {self.source}"
        )
        if not self.tensor_scale_bits:
            return (numbers,)
        words = f"code of {TENSOR_SCALE}, of a positive normal number; any other makes the block invalid"
        return numbers, StepField(name="tensor_scale", bits=self.tensor_scale_bits, words=words)

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The codes of a block and its scale, and what happened to it."""
        row = self.row
        return (
            StepField(
                name="codes", bits=row.bits, count=self.lanes, words=f"codes of {row.elements[0]}; 0 where invalid"
            ),
            StepField(name="scale", bits=row.scale_bits, words=f"code of {row.scale}; NaN where invalid"),
            StepField(name="invalid", bits=1, words="a number was NaN or infinite"),
            StepField(name="saturated", bits=1, words="a number was beyond the greatest element and took its code"),
            StepField(name="flushed", bits=1, words="a number that was not zero took the code of zero"),
        )

    @property
    def max_steps(self) -> None:
        """Every block gives its own codes."""
        return None

    @property
    def macs(self) -> int:
        """Numbers a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``1 block of 32 number(s) a cycle``."""
        return f"1 block of {self.lanes} number(s) a cycle"

    @property
    def title(self) -> str:
        """``mxfp4 quantizer of FP16, 32 a block``."""
        return f"{self.block} quantizer of {self.source}, {self.lanes} a block"


PRESETS: dict[str, BlockQuantizerConfig] = {
    f"{name}-quantizer": BlockQuantizerConfig(block=name) for name in ("mxfp4", "nvfp4", "mxfp6", "mxfp8", "mxint8")
}
"""Of FP16, for blocks of their own size."""
