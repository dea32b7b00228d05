"""The hardware units whose cost the study states: one row each, and how many cycles they take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from amaranth.lib import wiring

from ...hdl.verilog import emit_component

PART_TOP = "bitmill_part"
"""Name of the top module of a unit that is measured alone."""

DEFAULT_PERIOD_NS = 10.0


@dataclass(frozen=True, kw_only=True)
class HardwareUnit:
    """A unit of a profile in several widths.

    Attributes
    ----------
    key, title
        What records and readers call it.
    unit
        What it computes: ``softmax``, ``gelu``, ``layernorm``, ``requantize``, ``exp``, ``reciprocal``. Published figures are of
        these.
    profile
        Whose rule it is built by; a suffix tells builds with fixed constants apart.
    lanes
        Elements a cycle, each one a component.
    build
        Makes the component of so many lanes.
    cycles
        Row length and lanes to the cycles from one row's first beat to the next one's, as the unit documents them; None where
        rows are nothing to it, so that it takes ``ceil(L / lanes)``.
    formula
        The same in words, for tables.
    latency
        Lanes to the cycles from a row's last beat to its first result, or for units without rows from beat to beat.
    period_ns
        Clock period at which standard cells are mapped: that of the published unit it is compared with.
    routed
        Of the lanes, those that are placed and routed on ECP5.
    """

    key: str
    title: str
    unit: str
    profile: str
    lanes: tuple[int, ...]
    build: Callable[[int], wiring.Component]
    latency: Callable[[int], int]
    cycles: Callable[[int, int], int] | None = None
    formula: str = "ceil(L / lanes)"
    period_ns: float = DEFAULT_PERIOD_NS
    routed: tuple[int, ...] = ()

    def parts(self) -> Iterator[HardwarePart]:
        """The unit in every width."""
        for lanes in self.lanes:
            yield HardwarePart(of=self, lanes=lanes)

    def row_cycles(self, length: int, lanes: int) -> int:
        """Cycles that a row of ``length`` takes when rows follow each other."""
        return -(-length // lanes) if self.cycles is None else self.cycles(length, lanes)


@dataclass(frozen=True, kw_only=True)
class HardwarePart:
    """A unit in one width."""

    of: HardwareUnit
    lanes: int

    @property
    def key(self) -> str:
        """``softmax-accurate/x16``."""
        return f"{self.of.key}/x{self.lanes}"

    @cached_property
    def verilog(self) -> str:
        """Its Verilog; the top module is ``PART_TOP``."""
        return emit_component(self.of.build(self.lanes), top=PART_TOP)


UNITS: tuple[HardwareUnit, ...] = ()
"""All that is measured, in the order of tables and pictures."""
