"""The configuration of a dot product whose weights are sums of a few signed powers of two: shifts, and no multiplier."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..formats import signed_bits
from ..system.errors import BitmillError
from .stepped import StepField, SteppedConfig

MAX_WEIGHTS = 1 << 20
"""Combinations of terms, of which golden keeps a table."""


class PowerTermsConfig(SteppedConfig, frozen=True):
    """``total = sum over k of (sum over t of term[k][t]) * activation[k]``, a term being 0 or a signed power of two.

    A term of code m below its sign is 0 for m = 0, and ``2**(m - 1)`` else: with one term and 3 bits, the format POT4.

    Parameters
    ----------
    terms
        Of a weight, 1 to 4.
    place_bits
        Width of a term's code below its sign, 1 to 4: the greatest term is ``2**(2**place_bits - 2)``.
    activation_bits
        Width of the signed activations, 2 to 16.
    lanes
        Products a cycle, 1 to 64.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Source: QFX (arXiv 2401.17544) multiplies without multipliers by weights that are sums of few powers of two; what terms may
    be, their codes and their signs are defined here.
    """

    unit: Literal["power-terms"] = "power-terms"
    terms: Annotated[int, Field(ge=1, le=4)] = 2
    place_bits: Annotated[int, Field(ge=1, le=4)] = 3
    activation_bits: Annotated[int, Field(ge=2, le=16)] = 8
    lanes: Annotated[int, Field(ge=1, le=64)] = 8
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="after")
    def _consistent(self) -> PowerTermsConfig:
        if self.terms * (self.place_bits + 1) > MAX_WEIGHTS.bit_length() - 1:
            most = (MAX_WEIGHTS.bit_length() - 1) // (self.place_bits + 1)
            raise BitmillError(f"terms must be at most {most} of {self.place_bits + 1} bits, not {self.terms!r}")
        return self

    @property
    def term_bits(self) -> int:
        """Of a term: its sign above its code."""
        return self.place_bits + 1

    @property
    def weight_bits(self) -> int:
        """Of a weight."""
        return self.terms * self.term_bits

    @property
    def places(self) -> int:
        """Powers that a term may be."""
        return (1 << self.place_bits) - 1

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def term_shape_bits(self) -> int:
        """Signed width of a term times an activation."""
        return self.activation_bits + self.places

    @property
    def greatest_product(self) -> int:
        """Magnitude of the greatest product."""
        return (self.terms << self.places - 1) << self.activation_bits - 1

    def sum_bits(self, products: int) -> int:
        """Signed width of a sum of so many products."""
        greatest = self.greatest_product * products
        return signed_bits(-greatest, greatest)

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Terms of the weights, and activations."""
        words = f"terms of weights, {self.terms} each: 0 or m for 2**(m - 1), and the sign above"
        return (
            StepField(name="terms", bits=self.term_bits, count=self.lanes * self.terms, words=words),
            StepField(name="activations", bits=self.activation_bits, count=self.lanes, signed=True, words="signed"),
        )

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The sum."""
        bits = self.sum_bits(self.max_steps * self.lanes)
        return (StepField(name="total", bits=bits, signed=True, words="signed, exact"),)

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``8 product(s) a cycle``."""
        return f"{self.lanes} product(s) a cycle"

    @property
    def title(self) -> str:
        """``dot product of 8 INT8 x 2 powers of two``."""
        return f"dot product of {self.lanes} INT{self.activation_bits} x {self.terms} power(s) of two"


POWER_TERMS: dict[str, PowerTermsConfig] = {
    "power-terms": PowerTermsConfig(),
    "power-terms-4": PowerTermsConfig(terms=4, activation_bits=16),
}
"""Presets: weights of two terms to 64, of a byte; and of four."""
