"""The traffic of a parallel PE behind its decoders: products in, a sum for each of their rows out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..config.parallel import ParallelConfig
from ..formats import Format
from ..system.errors import BitmillError
from .row_payload import pack
from .traffic import Traffic

if TYPE_CHECKING:
    from ..golden.parallel.unit import UnitSum

_LONGEST_RANDOM = 64
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sum:
    """Weights ``[K]`` as they are stored and activation codes ``[K]``, and what the sum is for."""

    weights: Integers
    activations: Integers
    label: str

    def __len__(self) -> int:
        return len(self.weights)


@dataclass(frozen=True)
class SumPayload:
    """Packs products: weight, activation, ``last``; and sums: total, exponent, ``invalid``, ``too_long``."""

    config: ParallelConfig

    @property
    def _inputs(self) -> tuple[int, int, int]:
        return self.config.weight_code_bits, self.config.activation_format.bits, 1

    @property
    def _outputs(self) -> tuple[int, int, int, int]:
        return self.config.bits, self.config.exponent_bits, 1, 1

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        return sum(self._inputs)

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        return sum(self._outputs)

    def pack_sum(self, item: Sum) -> list[int]:
        """Input payloads of a sum's products."""
        ends = np.arange(len(item)) == len(item) - 1
        fields = zip(item.weights.tolist(), item.activations.tolist(), ends.tolist(), strict=True)
        return [pack(product, self._inputs) for product in fields]

    def pack_output(self, output: UnitSum) -> int:
        """The output payload that states a sum."""
        return pack((output.total, output.exponent, output.invalid, output.too_long), self._outputs)

    def unpack_output(self, payload: int) -> UnitSum:
        """The sum that an output payload states."""
        from ..golden.parallel.unit import UnitSum

        fields: list[int] = []
        for width in self._outputs:
            fields.append(payload & (1 << width) - 1)
            payload >>= width
        total = fields[0] - (fields[0] >> self.config.bits - 1 << self.config.bits)
        return UnitSum(total, fields[1], bool(fields[2]), bool(fields[3]))


class ParallelTraffic(Traffic[ParallelConfig, SumPayload, Sum]):
    """Work items are ``Sum``.

    Parameters
    ----------
    config
        The PE.
    """

    def __init__(self, config: ParallelConfig) -> None:
        self.config: ParallelConfig = config
        self.layout: SumPayload = SumPayload(config)

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[Sum]:
        """Extremes, zeros, specials, lengths to ``k_max`` and one more, exponents near and far, random codes."""
        if count < 0:
            raise BitmillError(f"dot_products must be at least 0, not {count!r}")
        if corner_steps < 1:
            raise BitmillError(f"corner_steps must be at least 1, not {corner_steps!r}")
        return [*self._corners(rng, corner_steps), *self._random(rng, count)]

    def steps(self, item: Sum) -> int:
        """A product each."""
        return len(item)

    def products(self, work: Sequence[Sum]) -> int:
        """All of them."""
        return sum(len(item) for item in work)

    def results(self, work: Sequence[Sum]) -> int:
        """Sums."""
        return len(work)

    def inputs(self, work: Sequence[Sum]) -> Sequence[int]:
        """Input payloads of sums one after the other."""
        return [payload for item in work for payload in self.layout.pack_sum(item)]

    def expected(self, work: Sequence[Sum]) -> list[list[int]]:
        """One output payload for each sum, by golden."""
        from ..golden.families import GOLDEN

        of_golden = GOLDEN.of(self.config)
        return [[self.layout.pack_output(of_golden(self.config, item.weights, item.activations))] for item in work]

    def _corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[Sum]:
        config = self.config
        ends = [self._ends(config.weight_code_bits), self._ends(config.activation_format.bits)]
        for weight in ends[0]:
            for activation in ends[1]:
                yield Sum(np.array([weight]), np.array([activation]), "one product")
        longest = min(config.k_max, corner_steps)
        greatest = self._greatest(config.carrier), self._greatest(config.activation_format)
        if config.scheme is None:
            for sign in (0, 1):
                weight = greatest[0] | sign << config.carrier.bits - 1
                yield Sum(np.full(longest, weight), np.full(longest, greatest[1]), "the greatest product repeated")
        yield self._drawn(rng, longest, "the longest")
        if config.k_max < corner_steps:
            yield self._drawn(rng, config.k_max + 1, "one more than k_max")
            yield self._drawn(rng, 2, "a short one after too_long")
        for length in (1, 2, 3, 4):
            yield from (self._drawn(rng, min(length, config.k_max), f"length {length}") for _ in range(3))

    def _random(self, rng: np.random.Generator, count: int) -> Iterator[Sum]:
        longest = min(self.config.k_max, _LONGEST_RANDOM)
        for index in range(count):
            length = max(1, int(np.exp(rng.uniform(0, np.log(longest + 1)))))
            yield self._drawn(rng, length, "random", finite=index % 4 != 0)

    def _drawn(self, rng: np.random.Generator, length: int, label: str, *, finite: bool = True) -> Sum:
        config = self.config
        weights = (
            self._codes(rng, config.carrier, length, finite=finite)
            if config.scheme is None
            else rng.integers(0, 1 << config.weight_code_bits, length)
        )
        return Sum(weights, self._codes(rng, config.activation_format, length, finite=finite), label)

    def _codes(self, rng: np.random.Generator, fmt: Format, length: int, *, finite: bool) -> Integers:
        """Uniform codes, or codes whose upper bits, and so exponents, are near one another."""
        codes = rng.integers(0, 1 << fmt.bits, length)
        if rng.random() < 0.5:
            free = (1 << int(rng.integers(1, fmt.bits))) - 1 | 1 << fmt.bits - 1
            codes = codes & free | int(rng.integers(0, 1 << fmt.bits)) & ~free
        codes[rng.random(length) < 0.1] = 0
        if finite and (fmt.has_nan or fmt.has_inf):
            special = np.array([fmt.decode(int(code)).special is not None for code in codes], dtype=bool)
            codes[special] = self._greatest(fmt)
        return codes

    @staticmethod
    def _greatest(fmt: Format) -> int:
        """Code of the greatest number: all ones below the sign that are no special."""
        code = (1 << fmt.bits - 1) - 1
        while fmt.decode(code).special is not None:
            code -= 1
        return code

    @staticmethod
    def _ends(bits: int) -> list[int]:
        """Codes of all zeros or ones, and next to them, with and without the highest bit."""
        return sorted({0, 1, (1 << bits) - 1, (1 << bits - 1) - 1, 1 << bits - 1, (1 << bits - 1) + 1})
