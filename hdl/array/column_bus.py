"""The way out of a column: the OR of its PEs' results, of which one at a time is not zero."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

FAN_IN = 4
"""Results joined between two registers: what one LUT4 takes."""


class ColumnBus(wiring.Component):
    """``o = OR of all rows``, ``latency(rows)`` enabled cycles later.

    Parameters
    ----------
    rows
        Number of results, at least 2.
    bits
        Width of a result.

    Members
    -------
    enable : In(1)
    rows : In(rows * bits)
        Row 0 lowest.
    o : Out(bits)
    """

    def __init__(self, *, rows: int, bits: int) -> None:
        if rows < 2:
            raise ValueError(f"ColumnBus rows must be at least 2, not {rows!r}")
        self.row_count = rows
        self.bits = bits
        super().__init__({"enable": In(1), "rows": In(rows * bits), "o": Out(bits)})

    @staticmethod
    def latency(rows: int) -> int:
        """Enabled cycles from rows to output: the levels of a tree with ``FAN_IN`` branches."""
        levels = 0
        while rows > 1:
            rows, levels = -(-rows // FAN_IN), levels + 1
        return levels

    def elaborate(self, platform: object) -> Module:
        m = Module()
        level: list[Value] = [self.rows.word_select(index, self.bits) for index in range(self.row_count)]
        for stage in range(self.latency(self.row_count)):
            groups = [level[start : start + FAN_IN] for start in range(0, len(level), FAN_IN)]
            joined = [Signal(self.bits, name=f"joined{stage}_{index}", reset_less=True) for index in range(len(groups))]
            with m.If(self.enable):
                m.d.sync += [register.eq(reduce(or_, group)) for register, group in zip(joined, groups, strict=True)]
            level = list(joined)
        m.d.comb += self.o.eq(level[0])
        return m
