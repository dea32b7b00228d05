"""Sparse side paths: rows of single weights beside a low-bit product, times activations that a memory holds."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from .. import formats
from ..system.errors import BitmillError
from .accumulators import FloatAccumulator
from .mac import MacConfig
from .pipeline import STAGES, Pipeline
from .stepped import StepField, StepMemory, SteppedConfig
from .user_formats import NamesFormats


class SidePathConfig(NamesFormats, SteppedConfig, frozen=True):
    """A product of a sparse row with a vector: ``value = sum(weight[n] * activation[column[n]])`` over the row's non-zeros.

    The vector stands in a memory; a step brings ``lanes`` weights and their columns, as compressed sparse rows have them (SpQR,
    arXiv 2306.03078; SqueezeLLM, arXiv 2306.07629). Steps that are not whole are filled up with weights of zero.

    Parameters
    ----------
    weight, activation
        Names of formats with a zero.
    lanes
        Non-zeros a cycle, 1 to 32; the memory is there as often, since each lane reads a place of its own.
    length
        Activations of the vector, 2 to 65,536.
    k_max
        The most non-zeros of a row.
    accumulator
        Format of the sum, ``FP32``, ``FP16`` or ``BF16``, rounded to nearest even once a step.
    pipeline
        Registers of its dot product, as of any.

    Raises
    ------
    pydantic.ValidationError
        From the constructor; ``from_toml`` and ``from_dict`` turn it into a one-line ``BitmillError``.
    """

    FORMAT_FIELDS: ClassVar[tuple[str, ...]] = ("weight", "activation")

    weight: str = "FP16"
    activation: str = "FP16"
    unit: Literal["side-path"] = "side-path"
    lanes: Annotated[int, Field(ge=1, le=32)] = 1
    length: Annotated[int, Field(ge=2, le=1 << 16)] = 4096
    k_max: Annotated[int, Field(ge=1, le=1 << 24)] = 4096
    accumulator: Literal["FP32", "FP16", "BF16"] = "FP32"
    pipeline: Pipeline = len(STAGES)

    @field_validator("weight", "activation")
    @classmethod
    def _with_a_zero(cls, name: str, info: ValidationInfo) -> str:
        fmt = formats.get(name, info.data.get("formats", ()))
        if fmt.zero_code is None:
            # A step that is not whole would have nothing to fill it up with.
            raise BitmillError(f"must be a format with a zero, not {name!r}")
        return fmt.name

    @model_validator(mode="after")
    def _dot_product_is_one(self) -> SidePathConfig:
        _ = self.dot_product
        return self

    @property
    def dot_product(self) -> MacConfig:
        """What sums the products."""
        return MacConfig(
            weight=self.weight, activation=self.activation, unit="mac" if self.lanes == 1 else "dot", lanes=self.lanes,
            k_max=self.k_max, accumulator=FloatAccumulator(format=self.accumulator), pipeline=self.pipeline, formats=self.formats,
        )  # fmt: skip

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Weights, and the columns that they stand in."""
        weight = self.format_of(self.weight)
        column = f"of each weight, 0 to {self.length - 1}; any where the weight is zero"
        return (
            StepField(name="weight", bits=weight.bits, count=self.lanes,
                      words=f"codes of {self.weight}, lane 0 lowest; lanes that are not needed hold codes of zero"),
            StepField(name="column", bits=(self.length - 1).bit_length(), count=self.lanes, greatest=self.length - 1,
                      words=column),
        )  # fmt: skip

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """As of a dot product."""
        bits = self.dot_product.accumulator_bits
        return (
            StepField(name="value", bits=bits, words=f"a code of {self.accumulator}"),
            StepField(name="invalid", bits=1, words="an operand was NaN or infinite"),
        )

    @property
    def max_steps(self) -> int:
        """Steps of the longest row."""
        return self.dot_product.max_steps

    @property
    def memory(self) -> StepMemory:
        """The activations."""
        bits = self.format_of(self.activation).bits
        words = f"the activation of that column, a code of {self.activation}"
        return StepMemory(depth=self.length, word=StepField(name="activation", bits=bits, words=words))

    @property
    def title(self) -> str:
        """``sparse side path of FP16 x INT8, 2 non-zeros a cycle, FP32 accumulator``."""
        pair = self.weight if self.weight == self.activation else f"{self.weight} x {self.activation}"
        count = f"{self.lanes} non-zero{'s' * (self.lanes > 1)} a cycle"
        return f"sparse side path of {pair}, {count}, {self.accumulator} accumulator"

    @property
    def throughput(self) -> str:
        """``2 product(s) a cycle``."""
        return f"{self.lanes} product(s) a cycle"

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.lanes

    share: ClassVar[str] = "MAC"


SIDE_PATHS: dict[str, SidePathConfig] = {
    "side-path-fp16": SidePathConfig(length=32, k_max=64),
    "side-path-fp16xint8-2": SidePathConfig(activation="INT8", lanes=2, length=64, k_max=128),
}
"""Presets, of short vectors: ``length`` is that of a layer's inputs, 384 in MiniLM-L6."""
