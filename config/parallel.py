"""The configuration of a parallel PE: one whole product a cycle, of the kinds of weights that bit-serial PEs compete with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .. import formats
from ..formats import Format, Minifloat, Product
from ..formats.block import BLOCKS, Block
from ..formats.octal import greatest_digits
from ..system.errors import BitmillError
from .bit_serial import MAX_STATE_BITS
from .document import UnitConfig

Weight = Literal["FP16", "BF16", "INT8", "ANT", "OLIVE"]
Activation = Literal["FP16", "BF16", "INT8"]


@dataclass(frozen=True, kw_only=True)
class WeightKind:
    """What a PE's weights are.

    Attributes
    ----------
    carrier
        Format that holds all values of the kind, in scale steps: its significand and exponent are what a PE gets.
    scheme
        How the weights are stored, where a decoder turns their codes into numbers of the carrier; None where they are codes
        of the carrier.
    """

    carrier: Format
    scheme: Block | None = None


def _steps(name: str, *, exponent_bits: int, mantissa_bits: int) -> Minifloat:
    """A finite minifloat whose least subnormal is 1."""
    return Minifloat(name=name, exponent_bits=exponent_bits, mantissa_bits=mantissa_bits, bias=1 - mantissa_bits)


WEIGHTS: dict[str, WeightKind] = {
    **{name: WeightKind(carrier=formats.get(name)) for name in ("FP16", "BF16", "INT8")},
    # Integers to 7 and flint to 16: 0 .. 7 times 1, 2 or 4.
    "ANT": WeightKind(carrier=_steps("ANT_STEPS", exponent_bits=2, mantissa_bits=2), scheme=BLOCKS["ant4"]),
    # Flint to 16 and outliers to 192: 0 .. 3 times 1, 2, .. 64.
    "OLIVE": WeightKind(carrier=_steps("OLIVE_STEPS", exponent_bits=3, mantissa_bits=1), scheme=BLOCKS["olive4"]),
}
STORED_BITS = {"ANT": 5, "OLIVE": 9}
"""Of weights that are stored as codes of another kind: 4 bits and the group's type; a pair of 4 bits each, and which of it."""


class ParallelConfig(UnitConfig, frozen=True):
    """A PE that multiplies a weight by an activation every cycle and sums the products under a running largest exponent.

    Parameters
    ----------
    weight
        Kind of the weights: a catalog format, ``ANT`` (4-bit codes of INT4 or flint) or ``OLIVE`` (pairs of 4-bit codes, flint
        or an outlier and its victim).
    activation
        ``FP16``, ``BF16`` or ``INT8``.
    headroom
        Bits of the accumulator above a product, 0 to 32: ``2**headroom`` products always fit. 7, a group of 128, and
        for INT8 x INT8 16, which makes the accumulator 32 bits.
    guard
        Bits below a product of the largest exponent, 1 to 16; 0 for INT8 x INT8, where nothing is shifted.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.
    """

    unit: Literal["parallel"] = "parallel"
    weight: Weight = "FP16"
    activation: Activation = "FP16"
    headroom: Annotated[int, Field(ge=0, le=32)] = 7
    guard: Annotated[int, Field(ge=0, le=16)] = 2

    @model_validator(mode="before")
    @classmethod
    def _of_integers(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("weight") == fields.get("activation") == "INT8":
            return {"headroom": 16, "guard": 0, **fields}
        return fields

    @model_validator(mode="after")
    def _consistent(self) -> ParallelConfig:
        if (self.guard > 0) == self.is_integer:
            accepted = "0" if self.is_integer else "1 to 16"
            raise BitmillError(f"guard must be {accepted} for {self.title}, not {self.guard!r}")
        if self.bits > MAX_STATE_BITS:
            raise BitmillError(f"headroom and guard must need at most {MAX_STATE_BITS} bits, not {self.bits!r}")
        return self

    @property
    def carrier(self) -> Format:
        """Format of the weights as the PE gets them."""
        return WEIGHTS[self.weight].carrier

    @property
    def scheme(self) -> Block | None:
        """Block of the weights, whose decoder makes them the carrier's; None where they are the carrier's codes."""
        return WEIGHTS[self.weight].scheme

    @property
    def digits(self) -> tuple[int, ...]:
        """The greatest of every octal digit of a significand, lowest first."""
        fmt = self.carrier
        return greatest_digits(
            1 << fmt.significand_bits - 1 if fmt.significand_signed else (1 << fmt.significand_bits) - 1
        )

    @property
    def activation_format(self) -> Format:
        """Catalog row of the activations."""
        return formats.get(self.activation)

    @property
    def product(self) -> Product:
        """Facts about the exact product."""
        return Product(self.carrier, self.activation_format)

    @property
    def is_integer(self) -> bool:
        """Whether products have no exponent."""
        return self.product.exponent_span == 0

    @property
    def product_bits(self) -> int:
        """Signed width of a product of significands."""
        return self.product.significand_product_bits + 1

    @property
    def bits(self) -> int:
        """Signed width of the accumulator.

        A product's magnitude is below ``2**(product_bits - 1 + guard)``, so that of ``2**headroom`` of them is below
        ``2**(bits - 1)``. Moving one of the two down by a place or more, rounded half up, never makes its magnitude greater:
        no order of exponents needs more.
        """
        return self.headroom + self.product_bits + self.guard

    @property
    def exponent_bits(self) -> int:
        """Width of a product's exponent, counted from the least."""
        return self.product.exponent_span.bit_length()

    @property
    def k_max(self) -> int:
        """The most products that are sure to fit."""
        return 1 << self.headroom

    @property
    def unit_offset(self) -> int:
        """A sum's unit is ``2**(exponent + unit_offset)``."""
        return self.product.min_exponent - self.guard

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return 1

    @property
    def throughput(self) -> str:
        """``1 product a cycle``."""
        return "1 product a cycle"

    @property
    def weight_code_bits(self) -> int:
        """Width of a weight as it is stored: a code, of ANT with its group's type above it, of OliVe the pair."""
        return STORED_BITS.get(self.weight, self.carrier.bits)

    @property
    def title(self) -> str:
        """``parallel FP16 x ANT PE``, activation first."""
        return f"parallel {self.activation} x {self.weight} PE"
