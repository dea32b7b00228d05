"""The way out of a column: the OR of its PEs' results, of which one at a time is not zero."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..wires.handshake import free_before

FAN_IN = 4
"""Registers joined before the next one: what one LUT4 takes."""
FAN_IN_OF_PES = 2
"""PEs joined before the first register, behind their accumulators' adders: each brings a total and whether it is one."""
LAST = 2
"""So many registers are joined without another one behind them."""


class ColumnBus(wiring.Component):
    """``o = OR of all rows``, ``latency(rows)`` moves later.

    Two PEs share the first register, which is all that holds their results: a PE has none. Their values count where they are
    ``shown``, which is decided here, so that each bit of two PEs takes one LUT4.

    Parameters
    ----------
    rows
        Number of results, at least 1.
    bits
        Width of a result.
    values
        Low bits of a result that count only where it is ``shown``; 0 for results that are zero by themselves where none is.
    first
        Results that are joined before the first register.

    Members
    -------
    ready, arrived : In(1)
        Of the array's output stream, see ``free_before``.
    rows : In(rows * bits)
        Row 0 lowest.
    shown : In(rows)
        If there are ``values``.
    o : Out(bits)
    moves : Out(1)
        The registers move in this cycle.
    """

    def __init__(self, *, rows: int, bits: int, values: int = 0, first: int = FAN_IN_OF_PES) -> None:
        if rows < 1:
            raise ValueError(f"ColumnBus rows must be at least 1, not {rows!r}")
        self.row_count = rows
        self.bits = bits
        self.values = values
        self.first = first
        super().__init__({
            "ready": In(1),
            "arrived": In(1),
            "rows": In(rows * bits),
            **({"shown": In(rows)} if values else {}),
            "o": Out(bits),
            "moves": Out(1),
        })  # fmt: skip

    @staticmethod
    def latency(rows: int, *, first: int = FAN_IN_OF_PES) -> int:
        """Moves from rows to output: the levels of a tree with ``FAN_IN`` branches, behind a level of ``first``."""
        levels, registers = 1, -(-rows // first)
        while registers > LAST:
            levels, registers = levels + 1, -(-registers // FAN_IN)
        return levels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        moves = free_before(m, self.ready, self.arrived)
        level = [self._shown(index) for index in range(self.row_count)]
        for stage in range(self.latency(self.row_count, first=self.first)):
            fan_in = FAN_IN if stage else self.first
            groups = [level[start : start + fan_in] for start in range(0, len(level), fan_in)]
            joined = [Signal(self.bits, name=f"joined{stage}_{index}", reset_less=True) for index in range(len(groups))]
            with m.If(moves):
                m.d.sync += [register.eq(reduce(or_, group)) for register, group in zip(joined, groups, strict=True)]
            level = list(joined)
        m.d.comb += [self.o.eq(reduce(or_, level)), self.moves.eq(moves)]
        return m

    def _shown(self, index: int) -> Value:
        """A row's result, its value zero where it is not shown."""
        row: Value = self.rows.word_select(index, self.bits)
        if not self.values:
            return row
        return Cat(row[: self.values] & self.shown[index].replicate(self.values), row[self.values :])
