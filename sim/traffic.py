"""What a verification needs of a family: items of work, what goes in for them, and what must come out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Sized
from types import MappingProxyType
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from ..config.document import UnitConfig
from ..system.errors import BitmillError
from .job import Phase
from .payload import Codes

Config = TypeVar("Config", bound=UnitConfig)
Work = TypeVar("Work", bound=Sized)
"""One item: a dot product, a tile, a row. Its length says how long it is."""


class Layout(Protocol):
    """Widths of the payloads of a unit's streams, and what an output payload states."""

    @property
    def input_bits(self) -> int:
        """Width of ``i_payload``."""
        ...

    @property
    def output_bits(self) -> int:
        """Width of ``o_payload``."""
        ...

    def unpack_output(self, payload: int) -> object:
        """What an output payload states: a dataclass, compared field by field."""
        ...


Payloads = TypeVar("Payloads", bound=Layout)


class Traffic(ABC, Generic[Config, Payloads, Work]):
    """The traffic of a unit; ``sim.families`` has the class of every family.

    Attributes
    ----------
    config
        The unit.
    layout
        Of its payloads.
    cycles_per_input
        Cycles that an input takes at the best.
    patience
        Cycles without any transfer after which the unit counts as hung.
    controls
        What tells the unit its constants: see ``Phase.controls``.
    every_input
        Each input is an item by itself, and there is no bit that says which is its item's last one.
    control_widths, level_widths
        Names and widths of the inputs that ``controls`` sets, and of the outputs in ``levels``.
    """

    config: Config
    layout: Payloads
    cycles_per_input: int = 1
    patience: int = 1000
    every_input: bool = False
    controls: tuple[Mapping[str, int], ...] = ()
    control_widths: Mapping[str, int] = MappingProxyType({})
    level_widths: Mapping[str, int] = MappingProxyType({})

    @property
    def levels(self) -> Mapping[str, int]:
        """What outputs beside the streams must be when all is over."""
        return {}

    def retold(self, rng: np.random.Generator) -> Self:
        """The traffic of the same unit told of other constants, where it is told of any at run time."""
        return self

    def further_phases(self, rng: np.random.Generator, *, corner_steps: int) -> list[Phase]:
        """What is played beside the work, before the resets."""
        return []

    def counts(self, work: Sequence[Work]) -> tuple[int, ...]:
        """Output payloads of each item, where they differ."""
        return ()

    @abstractmethod
    def stimuli(self, rng: np.random.Generator, *, count: int, corner_steps: int) -> list[Work]:
        """Directed corners of at most ``corner_steps`` steps, and ``count`` random items."""

    def given(
        self, weight_codes: Codes, activation_codes: Codes, scales: tuple[Codes, Codes] | None = None
    ) -> list[Work]:
        """Items of given codes, for units that multiply two operands; see ``sim.verify``.

        Raises
        ------
        BitmillError
            If the unit does not, or the shapes do not fit it.
        """
        raise BitmillError(f"codes must be left out for {self.config.title}")

    def closed(self, work: Sequence[Work], chosen: Sequence[int], *, fresh: bool = False) -> list[int]:
        """Indices to be played for ``chosen``: with those added that leave the unit as it was, if items change it.

        ``fresh``, for traffic that is reset in the middle: those first that show what a reset restores.
        """
        return list(chosen)

    @abstractmethod
    def steps(self, item: Work) -> int:
        """Inputs that an item takes."""

    @abstractmethod
    def products(self, work: Sequence[Work]) -> int:
        """Products, or elements of rows, that the results are made of, without padding."""

    @abstractmethod
    def results(self, work: Sequence[Work]) -> int:
        """Results that are compared."""

    @abstractmethod
    def inputs(self, work: Sequence[Work]) -> Sequence[int]:
        """Input payloads of items one after the other."""

    def ends(self, payload: int) -> bool:
        """Whether an input payload is its item's last one: the highest bit says so where not every one is."""
        return self.every_input or bool(payload >> (self.layout.input_bits - 1))

    @abstractmethod
    def expected(self, work: Sequence[Work]) -> list[list[int]]:
        """Output payloads of each item by golden."""
