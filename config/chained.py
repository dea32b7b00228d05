"""The configuration of a dot product of fixed-point numbers in chains: short integer sums, each added to a float or wider one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..formats import signed_bits
from ..system.errors import BitmillError
from .stepped import StepField, SteppedConfig

EXPONENT_BITS = 7
"""Of the exponent of a chain, signed: with it no chain in FP32 is subnormal, and no sum of 2**20 products overflows."""


class ChainedConfig(SteppedConfig, frozen=True):
    """``total = sum over chains of 2**exponent * (sum over the chain's steps and lanes of weight * activation)``.

    The inner sums are integers of ``chain_bits``; after ``chain`` steps, or the sum's last one, a chain is rounded to FP32,
    multiplied by its power of two and added to the FP32 total, rounded once; or, exactly, to a wider integer. Word lengths of
    either side are told step by step: a number is the low bits of its field, in two's complement.

    Parameters
    ----------
    bits
        The longest words, 2 to 16.
    lanes
        Products a cycle, 1 to 64.
    chain
        Steps of a chain, 1 to 256.
    chain_bits
        Width of its sum, 8 to 48. Where a chain could leave it, it wraps and the result says ``overflowed``.
    total
        ``FP32``; or ``exact``, an integer that always suffices, without exponents.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Sources: pairs of INT16 in chains of INT32 that are added up in FP32, because INT32 overflows: Das et al., "Mixed Precision
    Training of Convolutional Neural Networks using Integer Operations" (arXiv 1802.00930); word and fraction lengths that
    change at run time: AdaPT (arXiv 2107.13490). Fields, exponents by chain and the flag are defined here.
    """

    unit: Literal["chained"] = "chained"
    bits: Annotated[int, Field(ge=2, le=16)] = 16
    lanes: Annotated[int, Field(ge=1, le=64)] = 2
    chain: Annotated[int, Field(ge=1, le=256)] = 8
    chain_bits: Annotated[int, Field(ge=8, le=48)] = 32
    total: Literal["FP32", "exact"] = "FP32"
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="after")
    def _consistent(self) -> ChainedConfig:
        if self.chain_bits < 2 * self.bits:
            raise BitmillError(
                f"chain_bits must be at least {2 * self.bits}, for a product of {self.bits} bits by {self.bits}, "
                f"not {self.chain_bits!r}"
            )
        return self

    @property
    def is_float(self) -> bool:
        """Whether chains are added in FP32."""
        return self.total == "FP32"

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    def sum_bits(self, products: int) -> int:
        """Signed width of a sum of so many products."""
        return signed_bits(0, products << 2 * self.bits - 2)

    @property
    def can_overflow(self) -> bool:
        """Whether a chain can leave its width."""
        return self.sum_bits(self.lanes * min(self.chain, self.max_steps)) > self.chain_bits

    @property
    def total_bits(self) -> int:
        """Width of the total: of FP32, or of as many of the greatest chains as there can be."""
        if self.is_float:
            return 32
        greatest = min(self.chain * self.lanes << 2 * self.bits - 2, 1 << self.chain_bits - 1)
        return signed_bits(0, greatest * -(-self.max_steps // self.chain))

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Operands, their word lengths less one, and the chain's exponent where totals are floats."""
        words = "signed; bits above the step's word length do not matter"
        longest = self.bits - 1
        return (
            StepField(name="weights", bits=self.bits, count=self.lanes, signed=True, words=words),
            StepField(name="activations", bits=self.bits, count=self.lanes, signed=True, words=words),
            *(
                StepField(
                    name=f"{name}_length",
                    bits=longest.bit_length(),
                    least=1,
                    greatest=longest,
                    words=f"word length of the {name}s less one: 1 to {longest}",
                )
                for name in ("weight", "activation")
            ),
            *self._exponents,
        )

    @property
    def _exponents(self) -> tuple[StepField, ...]:
        if not self.is_float:
            return ()
        words = "of the chain, signed: it is multiplied by 2**exponent; read in its last step"
        return (StepField(name="exponent", bits=EXPONENT_BITS, signed=True, words=words),)

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The total, and whether a chain overflowed."""
        words = "code of FP32" if self.is_float else "signed, exact"
        return (
            StepField(name="total", bits=self.total_bits, signed=not self.is_float, words=words),
            StepField(name="overflowed", bits=1, words=f"a chain left {self.chain_bits} bits, and was wrapped"),
        )

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.lanes

    @property
    def throughput(self) -> str:
        """``2 product(s) a cycle``."""
        return f"{self.lanes} product(s) a cycle"

    @property
    def title(self) -> str:
        """``dot product of 2 INT16 x INT16 in chains of 8, FP32``."""
        return f"dot product of {self.lanes} INT{self.bits} x INT{self.bits} in chains of {self.chain}, {self.total}"


CHAINED: dict[str, ChainedConfig] = {
    "int8-chain-exact": ChainedConfig(bits=8, total="exact"),
    "int16-chain-exact": ChainedConfig(total="exact"),
    "int16-chain-fp32": ChainedConfig(),
    "int12-chain-fp32": ChainedConfig(bits=12, chain=64),
}
"""Presets: pairs of INT16 in INT32, added exactly or in FP32; and of words that no chain of 128 products overflows."""
