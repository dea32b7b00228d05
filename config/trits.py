"""The configuration of units whose weights are -1, 0 and 1, or less: activations are added, subtracted or left out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..formats.trit_bytes import TRITS, TritCode
from ..system.errors import BitmillError
from .stepped import StepField, SteppedConfig

Weights = Literal["binary", "ternary", "ternary-bytes", "dual-binary"]


@dataclass(frozen=True, kw_only=True)
class StoredWeights:
    """How weights are stored.

    Attributes
    ----------
    bits
        Of a code.
    per_code
        Weights in a code.
    sums
        Sums of each row.
    negative
        Whether there are weights of -1.
    words
        What a code is.
    """

    bits: int
    words: str
    per_code: int = 1
    sums: int = 1
    negative: bool = True


WEIGHTS: dict[Weights, StoredWeights] = {
    "binary": StoredWeights(bits=1, words="bits, 0 for -1 and 1 for 1"),
    "ternary": StoredWeights(bits=2, words="0, 1 and, as 3, -1; 2 is 0 as well"),
    "ternary-bytes": StoredWeights(bits=8, per_code=TRITS, words="bytes of five trits, the first one's byte first"),
    "dual-binary": StoredWeights(
        bits=2,
        sums=2,
        negative=False,
        words="two bits, 0 or 1 each: of the first plane, and of the second one above it",
    ),
}
"""By the key ``weight``."""


class TritsConfig(SteppedConfig, frozen=True):
    """``total[r] = sum of weight[r][k] * activation[k]`` without a multiplier, all lanes in a cycle.

    Dual-binary weights have two planes of 0 and 1, each with a scale of its own, ``scale[0] * bit[0] + scale[1] * bit[1]``: two
    sums of activations for each row, which the scales join behind the unit.

    Parameters
    ----------
    weight
        ``binary`` (1 bit), ``ternary`` (2 bits), ``ternary-bytes`` (1.6 bits, five in a byte) or ``dual-binary`` (2 bits).
    trit_code
        Which code the bytes of ``ternary-bytes`` are in, ``astc`` or ``base3`` (see ``formats.trit_bytes``); left out of others.
    activation_bits
        Width of the activations, in two's complement, 2 to 8.
    rows
        Vectors of weights that share the activations, 1 to 64.
    lanes
        Products of each of them in a cycle, 1 to 256; of five trits in a byte a multiple of five. Lanes beyond the end of a
        vector have activations of 0.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Sources: BitNet b1.58 (arXiv 2402.17764), ternary weights and 8-bit activations; DB-LLM (arXiv 2402.11960), dual binarization;
    PB-LLM (arXiv 2310.00034) in ``golden.trits.partial``.
    """

    unit: Literal["trits"] = "trits"
    weight: Weights = "ternary-bytes"
    trit_code: TritCode | None = None
    activation_bits: Annotated[int, Field(ge=2, le=8)] = 8
    rows: Annotated[int, Field(ge=1, le=64)] = 1
    lanes: Annotated[int, Field(ge=1, le=256)] = 20
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="after")
    def _consistent(self) -> TritsConfig:
        if self.trit_code is not None and self.stored.per_code == 1:
            raise BitmillError(f"trit_code must be left out for {self.weight} weights, not {self.trit_code!r}")
        if self.lanes % self.stored.per_code:
            raise BitmillError(
                f"lanes must be a multiple of {self.stored.per_code} for {self.weight}, not {self.lanes!r}"
            )
        return self

    @property
    def stored(self) -> StoredWeights:
        """How weights are stored."""
        return WEIGHTS[self.weight]

    @property
    def byte_code(self) -> TritCode:
        """The code of bytes of trits: ``astc`` where none is stated."""
        return self.trit_code or "astc"

    @property
    def bits_per_weight(self) -> Fraction:
        """Without scales."""
        return Fraction(self.stored.bits, self.stored.per_code)

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def total_bits(self) -> int:
        """Signed width of a sum of ``max_steps`` steps: the least activation may be subtracted everywhere."""
        greatest = self.max_steps * self.lanes << self.activation_bits - 1
        return 1 + (greatest if self.stored.negative else greatest - 1).bit_length()

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Weights as they are stored, and the activations."""
        count = self.rows * self.lanes // self.stored.per_code
        code = f" in code {self.byte_code}" if self.stored.per_code > 1 else ""
        return (
            StepField(
                name="weights", bits=self.stored.bits, count=count, words=f"{self.stored.words}{code}; the first row's first"
            ),
            StepField(
                name="activations", bits=self.activation_bits, count=self.lanes, signed=True,
                words="integers, the first lane's first, 0 beyond the end of the vectors",
            ),
        )  # fmt: skip

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """The rows' sums."""
        each = "for each row, the first plane's and the second plane's" if self.stored.sums > 1 else "for each row"
        return (
            StepField(
                name="totals",
                bits=self.total_bits,
                count=self.rows * self.stored.sums,
                signed=True,
                words=f"sums, {each}",
            ),
        )

    @property
    def macs(self) -> int:
        """Products a cycle; of dual-binary weights both planes are one."""
        return self.rows * self.lanes

    @property
    def throughput(self) -> str:
        """``20 product(s) a cycle``."""
        return f"{self.macs} product(s) a cycle"

    @property
    def title(self) -> str:
        """``ternary-bytes (astc) x INT8, 20 lanes``."""
        code = f" ({self.byte_code})" if self.stored.per_code > 1 else ""
        rows = f"{self.rows} rows of " if self.rows > 1 else ""
        return f"{rows}{self.weight}{code} x INT{self.activation_bits}, {self.lanes} lanes"


TRIT_UNITS: dict[str, TritsConfig] = {
    "trits-bytes": TritsConfig(lanes=10, k_max=320),
    "trits-bytes-base3": TritsConfig(trit_code="base3"),
    "trits-bytes-8x20": TritsConfig(rows=8),
    "trits-2bit": TritsConfig(weight="ternary", lanes=32),
    "trits-binary": TritsConfig(weight="binary", lanes=32),
    "trits-binary-int4": TritsConfig(weight="binary", activation_bits=4, lanes=32),
    "trits-dual": TritsConfig(weight="dual-binary", lanes=32),
}
"""Presets."""
