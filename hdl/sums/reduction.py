"""What stands between lanes and accumulator: one port per lane's term in, one sum out."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out


class Reduction(wiring.Component):
    """The sum of a step's terms, a new step every enabled cycle.

    Parameters
    ----------
    lanes
        Number of terms.
    term, sum_layout
        Layouts of a lane's term and of the sum.

    Attributes
    ----------
    KEY
        What tables know it by.
    LATENCY
        Enabled cycles from terms to sum.

    Members
    -------
    enable : In(1)
    term0, term1, ... : In(term)
        One port per lane: simulators re-evaluate every reader of a vector when any part of it changes.
    sum : Out(sum_layout)
        ``LATENCY`` enabled cycles after the terms.
    """

    KEY: ClassVar[str]

    def __init__(self, *, lanes: int, term: data.StructLayout, sum_layout: data.StructLayout) -> None:
        self.lanes = lanes
        super().__init__({
            "enable": In(1),
            **{f"term{index}": In(term) for index in range(lanes)},
            "sum": Out(sum_layout),
        })  # fmt: skip

    def term(self, lane: int) -> data.View:
        """The input port of a lane."""
        return getattr(self, f"term{lane}")

    @property
    @abstractmethod
    def LATENCY(self) -> int:
        """Enabled cycles from terms to sum."""
