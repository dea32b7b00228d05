"""What every unit of rows is: beats of rows in, as many beats out, and how many cycles rows take."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ..unit import Unit


@dataclass(frozen=True)
class Cycles:
    """``per_beat * B + constant`` clock cycles for a row of B beats, without stalls."""

    per_beat: int
    constant: int

    def of(self, beats: int) -> int:
        """For a row of so many beats."""
        return self.per_beat * beats + self.constant

    def __str__(self) -> str:
        parts = [f"{self.per_beat} * B" if self.per_beat > 1 else "B" * self.per_beat, str(self.constant or "")]
        return " + ".join(part for part in parts if part) or "0"


class RowUnit(Unit):
    """A unit that takes rows in beats of ``lanes`` elements; ``keep`` and ``last`` leave as they came.

    Attributes
    ----------
    LATENCY
        ``first_result`` of a row of one beat.
    """

    ORDER = "Results leave beat by beat as elements came, with the same keep and last; what keep leaves out is 0."

    @property
    @abstractmethod
    def first_result(self) -> Cycles:
        """Cycles from the transfer of a row's first beat to o_valid with its first results."""

    @property
    @abstractmethod
    def row_period(self) -> Cycles:
        """Cycles from the transfer of a row's first beat to that of the next row's, where rows follow each other."""

    @property
    def LATENCY(self) -> int:
        return self.first_result.of(1)
