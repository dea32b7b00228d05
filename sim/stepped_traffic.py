"""The traffic of units of steps: corners and random items that follow from the fields that their configurations state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Self

import numpy as np

from ..config.stepped import SteppedConfig
from ..system.errors import BitmillError
from .stepped_memory import drawn_memory, memory_writes, write_bits
from .stepped_payload import Integers, StepItem, SteppedPayload
from .traffic import Traffic

_LONGEST_RANDOM = 64
_MOST_ENDS = 6
"""Fields of which all combinations of ends are tried; of more, the ends of each beside random others."""


class SteppedTraffic(Traffic[SteppedConfig, SteppedPayload, StepItem]):
    """Work items are ``StepItem``. A family with corners of its own derives a class and adds ``own_corners``.

    Parameters
    ----------
    config
        The unit.
    rng
        Draws what its memory holds, where it has one.
    """

    def __init__(self, config: SteppedConfig, rng: np.random.Generator | None = None) -> None:
        self.config: SteppedConfig = config
        self.layout: SteppedPayload = SteppedPayload(config)
        self.cycles_per_input: int = config.cycles_per_step
        self.every_input: bool = config.max_steps is None
        self.memory: Integers | None = None
        if config.memory is not None:
            self.memory = self.legal_memory(drawn_memory(config.memory, rng or np.random.default_rng(0)))
            self.controls = memory_writes(config.memory, self.memory)
            self.control_widths = {"write": write_bits(config.memory)}

    def retold(self, rng: np.random.Generator) -> Self:
        """The same unit with other words in its memory."""
        return self if self.memory is None else self.__class__(self.config, rng)

    def legal_memory(self, words: Integers) -> Integers:
        """Words ``[depth, elements]`` made such as the unit's memory takes."""
        return words

    def own_corners(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        """What the family tries beside ends of fields and lengths."""
        yield from ()

    def legal(self, steps: Integers) -> Integers:
        """Steps ``[K, columns]`` made such as the unit takes, where its fields depend on each other."""
        return steps

    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[StepItem]:
        """Ends of every field, lengths to ``max_steps`` and one more, the family's own corners, random steps."""
        if count < 0:
            raise BitmillError(f"dot_products must be at least 0, not {count!r}")
        if corner_steps < 1:
            raise BitmillError(f"corner_steps must be at least 1, not {corner_steps!r}")
        items = [
            *self._ends(rng),
            *self._lengths(rng, corner_steps),
            *self.own_corners(rng, corner_steps),
            *self._random(rng, count),
        ]
        return [StepItem(self.legal(item.steps), item.label) for item in items]

    def steps(self, item: StepItem) -> int:
        """Its steps."""
        return len(item)

    def products(self, work: Sequence[StepItem]) -> int:
        """All places of all steps."""
        return self.config.macs * sum(len(item) for item in work)

    def results(self, work: Sequence[StepItem]) -> int:
        """One for each item."""
        return len(work)

    def inputs(self, work: Sequence[StepItem]) -> Sequence[int]:
        """Input payloads of items one after the other."""
        return [payload for item in work for payload in self.layout.pack_item(item)]

    def expected(self, work: Sequence[StepItem]) -> list[list[int]]:
        """One output payload for each item, by golden."""
        return [[self.layout.pack_result(self._result(item))] for item in work]

    def _result(self, item: StepItem) -> Any:
        from ..golden.families import GOLDEN  # Not at the top: the bench imports this package in the simulator.

        longest = self.config.max_steps
        if longest is not None and len(item) > longest:
            return {"too_long": 1}
        told = {} if self.memory is None or self.config.memory is None else {
            "memory": self.memory if self.config.memory.word.count is not None else self.memory[:, 0]
        }  # fmt: skip
        return GOLDEN.of(self.config)(self.config, item.fields(self.config) | told)

    def drawn(self, rng: np.random.Generator, length: int, label: str, *, extreme: float = 0.25) -> StepItem:
        """Random steps; each number is an end of its field's range, or 0, with probability ``extreme``."""
        columns: list[Integers] = []
        for field in self.config.step_fields:
            values = rng.integers(field.low, field.high, (length, field.elements), endpoint=True)
            ends = np.array([field.low, field.high, min(max(0, field.low), field.high)])
            at_end = rng.random(values.shape) < extreme
            columns.append(np.where(at_end, rng.choice(ends, values.shape), values))
        return StepItem(np.concatenate(columns, axis=1), label)

    def constant(self, values: Sequence[int], length: int, label: str) -> StepItem:
        """Steps that are all alike, with one number for all elements of each field."""
        fields = self.config.step_fields
        row = [value for field, value in zip(fields, values, strict=True) for _ in range(field.elements)]
        return StepItem(np.tile(np.array(row, dtype=np.int64), (length, 1)), label)

    def _ends(self, rng: np.random.Generator) -> Iterator[StepItem]:
        fields = self.config.step_fields
        ends = [sorted({field.low, field.high, min(max(0, field.low), field.high)}) for field in fields]
        if len(fields) <= _MOST_ENDS:
            for values in product(*((found[0], found[-1]) for found in ends)):
                yield self.constant(values, 1, "ends of fields")
        for place, found in enumerate(ends):
            for value in found:
                item = self.drawn(rng, 1, f"an end of {fields[place].name}")
                start = sum(field.elements for field in fields[:place])
                item.steps[:, start : start + fields[place].elements] = value
                yield item

    def _lengths(self, rng: np.random.Generator, corner_steps: int) -> Iterator[StepItem]:
        if self.config.max_steps is None:
            return
        longest = min(self.config.max_steps, corner_steps)
        fields = self.config.step_fields
        highest, lowest = [field.high for field in fields], [field.low for field in fields]
        yield self.constant(highest, longest, "the greatest of every field repeated")
        yield self.constant(lowest, longest, "the least of every field repeated")
        yield self.constant([*highest[:1], *lowest[1:]], longest, "the greatest by the least repeated")
        yield self.drawn(rng, longest, "the longest", extreme=1.0)
        if self.config.max_steps < corner_steps:
            yield self.drawn(rng, self.config.max_steps + 1, "one more than max_steps")
            yield self.drawn(rng, 2 if self.config.max_steps > 1 else 1, "a short one after too_long")
        for length in (1, 2, 3, 4):
            yield from (self.drawn(rng, min(length, self.config.max_steps), f"length {length}") for _ in range(2))

    def _random(self, rng: np.random.Generator, count: int) -> Iterator[StepItem]:
        longest = min(self.config.max_steps or 1, _LONGEST_RANDOM)
        for index in range(count):
            length = max(1, int(np.exp(rng.uniform(0, np.log(longest + 1)))))
            yield self.drawn(rng, length, "random", extreme=(0.0, 0.25, 0.9)[index % 3])
