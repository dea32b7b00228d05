"""The configuration of a tile that multiplies integers of 1 to 8 bits plane by plane, with the precision told step by step."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..system.errors import BitmillError
from .stepped import StepField, SteppedConfig

Encoding = Literal["signed", "unsigned", "bipolar"]
"""What the bits of an operand mean."""


class BitPlanesConfig(SteppedConfig, frozen=True):
    """``total[r][c] = sum of weight[r][k] * activation[c][k]`` from one plane of either operand at a time.

    Operands of w and a bits take ``w * a`` cycles a step, one for each pair of planes: the planes' bits are joined by AND, or by
    XNOR where they are bipolar, counted over the lanes, shifted by the pair's place and added. Steps follow each other
    without a gap whatever their precisions are, so that every cycle uses all ``rows * cols * lanes`` products of planes.

    Parameters
    ----------
    weight, activation
        What the bits of an operand mean. ``unsigned``: ``sum of 2**i * bit[i]``. ``signed``: two's complement, the highest bit of
        the step's precision counts negatively. ``bipolar``: bits are 1 and -1, ``sum of 2**i * (2 * bit[i] - 1)``; either both
        operands or none.
    weight_bits, activation_bits
        The widest operands, 1 to 8; a step may have any precision up to that.
    rows, cols
        Vectors of weights, and of activations, whose products are all taken, each 1 to 16.
    lanes
        Products of planes of each of them in a cycle, 1 to 256.
    k_max
        The longest sum, in products of whole operands, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Sources: BISMO (FPL 2018), planes in time; ABQ-LLM (arXiv 2408.08554), planes of weights and activations; bipolar integers as
    of "Efficient Arbitrary Precision Acceleration for Large Language Models on GPU Tensor Cores" (arXiv 2409.17870).
    """

    unit: Literal["bit-planes"] = "bit-planes"
    weight: Encoding = "signed"
    activation: Encoding = "signed"
    weight_bits: Annotated[int, Field(ge=1, le=8)] = 8
    activation_bits: Annotated[int, Field(ge=1, le=8)] = 8
    rows: Annotated[int, Field(ge=1, le=16)] = 1
    cols: Annotated[int, Field(ge=1, le=16)] = 1
    lanes: Annotated[int, Field(ge=1, le=256)] = 32
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="after")
    def _consistent(self) -> BitPlanesConfig:
        if (self.weight == "bipolar") != (self.activation == "bipolar"):
            accepted = "bipolar" if self.weight == "bipolar" else "signed or unsigned"
            raise BitmillError(f"activation must be {accepted} where weight is {self.weight}, not {self.activation!r}")
        return self

    @property
    def is_bipolar(self) -> bool:
        """Whether planes are joined by XNOR."""
        return self.weight == "bipolar"

    @property
    def is_signed(self) -> bool:
        """Whether a plane of either operand counts negatively."""
        return "signed" in (self.weight, self.activation)

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def extremes(self) -> tuple[int, int]:
        """The least and the greatest product of operands of full width; those of fewer bits are between them."""
        ends = [
            _ends(encoding, bits)
            for encoding, bits in ((self.weight, self.weight_bits), (self.activation, self.activation_bits))
        ]
        products = [weight * activation for weight in ends[0] for activation in ends[1]]
        return min(0, *products), max(0, *products)

    @property
    def total_bits(self) -> int:
        """Signed width of a sum: no sum of ``max_steps`` steps leaves it.

        Lanes that are padding are taken off as the greatest product each, once more than what they may have added.
        """
        least, greatest = self.extremes
        lanes = self.lanes * self.max_steps
        least = least * lanes - (greatest * (self.lanes - 1) * self.max_steps if self.is_bipolar else 0)
        return 1 + max((greatest * lanes).bit_length(), (-least - 1).bit_length() if least else 0)

    @property
    def places(self) -> int:
        """Sums of the places of two planes: 0 to this less one."""
        return self.weight_bits + self.activation_bits - 1

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Operands, their precisions less one, and of bipolar ones the lanes that are padding."""
        fields = [
            StepField(
                name="weights", bits=self.weight_bits, count=self.rows * self.lanes,
                words=f"{self.weight}, the first row's lanes first; bits above the step's precision do not matter",
            ),
            StepField(
                name="activations", bits=self.activation_bits, count=self.cols * self.lanes,
                words=f"{self.activation}, the first column's lanes first; bits above the step's precision do not matter",
            ),
        ]  # fmt: skip
        for name, bits in (("weight", self.weight_bits), ("activation", self.activation_bits)):
            if bits > 1:
                words = f"precision of the step's {name}s less one: 0 to {bits - 1}"
                fields.append(
                    StepField(name=f"{name}_planes", bits=(bits - 1).bit_length(), greatest=bits - 1, words=words)
                )
        if self.is_bipolar and self.lanes > 1:
            words = (
                "lanes that are no operands, for which bipolar has no zero: their bits must be alike in both, such as 0"
            )
            fields.append(
                StepField(name="padding", bits=(self.lanes - 1).bit_length(), greatest=self.lanes - 1, words=words)
            )
        return tuple(fields)

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """A sum for each row and column."""
        words = "sums, those of the first row first"
        return (StepField(name="totals", bits=self.total_bits, count=self.rows * self.cols, signed=True, words=words),)

    @property
    def cycles_per_step(self) -> int:
        """Of the greatest precisions; ``step_cycles`` of others."""
        return self.step_cycles(self.weight_bits, self.activation_bits)

    @staticmethod
    def step_cycles(weight_bits: int, activation_bits: int) -> int:
        """Cycles of a step of those precisions: a product of planes each."""
        return weight_bits * activation_bits

    def sum_cycles(self, length: int, *, weight_bits: int, activation_bits: int) -> int:
        """Cycles of sums of ``length`` products of those precisions: ``ceil(length / lanes) * weight_bits * activation_bits``."""
        return -(-length // self.lanes) * self.step_cycles(weight_bits, activation_bits)

    @property
    def macs(self) -> int:
        """Products of planes a cycle."""
        return self.rows * self.cols * self.lanes

    @property
    def throughput(self) -> str:
        """``32 products of planes a cycle, w * a cycles a step of w and a bits``."""
        return f"{self.macs} product(s) of planes a cycle, w * a cycles a step of w and a bits"

    @property
    def title(self) -> str:
        """``bit planes W1-8 x A1-8, signed x unsigned, 32 lanes``."""
        tile = f" of {self.rows} x {self.cols}" if self.rows * self.cols > 1 else ""
        widths = f"W1-{self.weight_bits} x A1-{self.activation_bits}"
        return f"bit planes{tile} {widths}, {self.weight} x {self.activation}, {self.lanes} lanes"


def _ends(encoding: str, bits: int) -> tuple[int, int]:
    """The least and the greatest number of those bits."""
    highest = (1 << bits) - 1
    return {
        "signed": (-(1 << bits - 1), (1 << bits - 1) - 1),
        "unsigned": (0, highest),
        "bipolar": (-highest, highest),
    }[encoding]


BIT_PLANES: dict[str, BitPlanesConfig] = {
    "bit-planes-4": BitPlanesConfig(lanes=4, k_max=32),
    "bit-planes-32": BitPlanesConfig(),
    "bit-planes-4x4": BitPlanesConfig(rows=4, cols=4, lanes=8, k_max=1024),
    "bit-planes-w4a4": BitPlanesConfig(weight_bits=4, activation_bits=4, activation="unsigned", lanes=16),
    "bit-planes-bipolar": BitPlanesConfig(weight="bipolar", activation="bipolar", lanes=8, k_max=256),
}
"""Presets."""
