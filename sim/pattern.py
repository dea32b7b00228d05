"""When a side of a stream is willing to transfer: seeded patterns of go and stall, one decision a cycle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, repeat
from typing import Literal

from ..system.errors import BitmillError

PatternKind = Literal["none", "random", "bursty", "directed"]


@dataclass(frozen=True)
class Pattern:
    """A reproducible sequence of decisions, true for go.

    Parameters
    ----------
    kind
        ``none``: go in every cycle (back-to-back traffic); ``random``: an independent stall in each cycle;
        ``bursty``: runs of go and runs of stall; ``directed``: ``decisions`` over and over.
    probability
        Share of the cycles that stall, 0 up to but not including 1, for ``random`` and ``bursty``.
    burst
        Mean length of a run of stalls in cycles, at least 1, for ``bursty``.
    decisions
        At least one go among them, for ``directed``.
    seed
        Of ``random`` and ``bursty``.

    Raises
    ------
    BitmillError
        If a field is out of range, or the directed pattern never goes.
    """

    kind: PatternKind = "none"
    probability: float = 0.5
    burst: float = 8.0
    decisions: tuple[bool, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("none", "random", "bursty", "directed"):
            raise BitmillError(f"pattern kind must be none, random, bursty or directed, not {self.kind!r}")
        if not 0 <= self.probability < 1:
            raise BitmillError(f"pattern probability must be at least 0 and less than 1, not {self.probability!r}")
        if self.burst < 1:
            raise BitmillError(f"pattern burst must be at least 1 cycle, not {self.burst!r}")
        if self.kind == "directed" and not any(self.decisions):
            raise BitmillError(f"pattern decisions must hold at least one go, not {self.decisions!r}")

    @property
    def never_stalls(self) -> bool:
        """Whether it goes in every cycle."""
        return self.kind == "none"

    def __iter__(self) -> Iterator[bool]:
        """The endless sequence of decisions, the same one each time."""
        if self.never_stalls:
            return repeat(True)
        if self.kind == "directed":
            return cycle(self.decisions)
        return self._random() if self.kind == "random" else self._bursty()

    def _random(self) -> Iterator[bool]:
        draw = random.Random(self.seed).random
        while True:
            yield draw() >= self.probability

    def _bursty(self) -> Iterator[bool]:
        # A two-state Markov chain; the rate of entering a stall makes `probability` the stationary share of stalls.
        draw = random.Random(self.seed).random
        leave = 1.0 / self.burst
        enter = min(1.0, leave * self.probability / (1.0 - self.probability))
        going = True
        while True:
            yield going
            going = draw() >= enter if going else draw() < leave


BACK_TO_BACK = Pattern()
"""Go in every cycle."""
