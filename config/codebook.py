"""The configuration of dot products of weights that are entries of a book, which is written at run time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..system.errors import BitmillError
from .stepped import StepField, StepMemory, SteppedConfig


class CodebookConfig(SteppedConfig, frozen=True):
    """``total[n] = sum over codes c and places j of book[c][j] * activation[n][..]``: a table at the edge, integers behind it.

    A code stands for ``vector`` weights, integers that a memory holds: numbers of a channel, NF4, powers (``vector = 1``),
    or vectors (VPTQ, AQLM). With two books a weight is the sum of an entry of each. Codes are decoded once and multiply all
    columns.

    Parameters
    ----------
    code_bits
        Width of a code, 1 to 8; a book has ``2**code_bits`` entries.
    entry_bits
        Width of the numbers of a book, in two's complement, 2 to 16.
    vector
        Weights of a code: 1, 2, 4 or 8.
    books
        1, or 2 whose entries are added.
    activation_bits
        Width of the activations, in two's complement, 2 to 16.
    cols
        Vectors of activations that share the weights, 1 to 32.
    lanes
        Products of each of them in a cycle, 1 to 128, a multiple of ``vector``.
    k_max
        The longest sum, in products, to 2**20.

    Raises
    ------
    pydantic.ValidationError
        From the constructor.

    Sources: KVQuant (arXiv 2401.18079), NUPES (arXiv 2308.05600), VPTQ (arXiv 2409.17066), AQLM (arXiv 2401.06118).
    """

    unit: Literal["codebook"] = "codebook"
    code_bits: Annotated[int, Field(ge=1, le=8)] = 4
    entry_bits: Annotated[int, Field(ge=2, le=16)] = 8
    vector: Literal[1, 2, 4, 8] = 1
    books: Annotated[int, Field(ge=1, le=2)] = 1
    activation_bits: Annotated[int, Field(ge=2, le=16)] = 8
    cols: Annotated[int, Field(ge=1, le=32)] = 1
    lanes: Annotated[int, Field(ge=1, le=128)] = 8
    k_max: Annotated[int, Field(ge=1, le=1 << 20)] = 4096

    @model_validator(mode="after")
    def _consistent(self) -> CodebookConfig:
        if self.lanes % self.vector:
            raise BitmillError(f"lanes must be a multiple of vector = {self.vector}, not {self.lanes!r}")
        return self

    @property
    def codes(self) -> int:
        """Codes of a book in a step."""
        return self.lanes // self.vector

    @property
    def max_steps(self) -> int:
        """``ceil(k_max / lanes)``."""
        return -(-self.k_max // self.lanes)

    @property
    def weight_bits(self) -> int:
        """Width of a weight: an entry, or a sum of two."""
        return self.entry_bits + self.books - 1

    @property
    def total_bits(self) -> int:
        """Signed width of a sum of ``max_steps`` steps of the least entries and activations."""
        greatest = self.max_steps * self.lanes * self.books << self.entry_bits + self.activation_bits - 2
        return 1 + greatest.bit_length()

    @property
    def memory(self) -> StepMemory:
        """The books one after the other."""
        word = StepField(
            name="entry",
            bits=self.entry_bits,
            count=self.vector,
            signed=True,
            words="an entry's weights, the first lane's first",
        )
        return StepMemory(depth=self.books << self.code_bits, word=word)

    @property
    def step_fields(self) -> tuple[StepField, ...]:
        """Codes, by book, and activations, by column."""
        by_book = ", those of the first book before those of the second" if self.books > 1 else ""
        by_column = ", the first column's before the second's" if self.cols > 1 else ""
        return (
            StepField(name="codes", bits=self.code_bits, count=self.books * self.codes, words=f"places in the book{by_book}"),
            StepField(
                name="activations", bits=self.activation_bits, count=self.cols * self.lanes, signed=True,
                words=f"integers, the first lane's first{by_column}; 0 beyond the end of the vectors",
            ),
        )  # fmt: skip

    @property
    def own_result_fields(self) -> tuple[StepField, ...]:
        """A sum for each column."""
        return (
            StepField(name="totals", bits=self.total_bits, count=self.cols, signed=True, words="the sum of each column"),
        )  # fmt: skip

    @property
    def macs(self) -> int:
        """Products a cycle."""
        return self.cols * self.lanes

    @property
    def throughput(self) -> str:
        """``8 product(s) a cycle``."""
        return f"{self.macs} product(s) a cycle"

    @property
    def title(self) -> str:
        """``book of 16 x 4 INT8 x INT8, 8 lanes``."""
        book = "book" if self.books == 1 else "two books"
        vectors = f" x {self.vector}" if self.vector > 1 else ""
        columns = f"{self.cols} columns of " if self.cols > 1 else ""
        entries = f"{book} of {1 << self.code_bits}{vectors} INT{self.entry_bits}"
        return f"{columns}{entries} x INT{self.activation_bits}, {self.lanes} lanes"


CODEBOOK_UNITS: dict[str, CodebookConfig] = {
    "codebook-dot2": CodebookConfig(lanes=2, k_max=64),
    "codebook-dot8": CodebookConfig(k_max=64),
    "codebook-8col": CodebookConfig(cols=8),
    "codebook-vectors4": CodebookConfig(code_bits=6, vector=4),
    "codebook-two-books": CodebookConfig(code_bits=4, vector=4, books=2, k_max=512),
}
"""Presets."""
