"""The exit of an array: counts a tile's rows out, and keeps the one that was shown while the array had not yet stopped."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac.layouts import result_layout
from ..wires.handshake import free_before
from .pe import PE


class Exit(wiring.Component):
    """Show the rows that arrive as the beats of ``o``, ``rows`` of them from the one on that ``first`` announces.

    While the array moves, ``o`` is what has just arrived; while it stands, what had arrived a move before (see ``free_before``).

    Parameters
    ----------
    config
        The array's configuration.

    Members
    -------
    first, too_long : In(1)
        Row 0 of a tile arrives with the next move; the tile was too long.
    columns : In(cols * PE.result_layout)
        What has arrived, column 0 lowest.
    moves : In(cols)
        Each column's ``free_before``.
    arrived : Out(1)
        A row has, by registers that move with the array.
    o : Out(stream.Signature(result_layout))
    """

    def __init__(self, *, config: MacConfig) -> None:
        self.config = config
        super().__init__({
            "first": In(1),
            "too_long": In(1),
            "columns": In(config.cols * PE.result_layout(config).size),
            "moves": In(config.cols),
            "arrived": Out(1),
            "o": Out(stream.Signature(result_layout(config))),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        moves = free_before(m, self.o.ready, self.arrived)
        self._count(m, moves)
        layout = PE.result_layout(self.config)
        for col in range(self.config.cols):
            now = self.columns.word_select(col, layout.size)
            before = Signal(layout.size, name=f"before{col}", reset_less=True)
            with m.If(self.moves[col]):
                m.d.sync += before.eq(now)
            shown = layout(Mux(self.moves[col], now, before))
            m.d.comb += self.o.payload.value[col].eq(shown.value)
            if layout["invalid"].width:
                m.d.comb += self.o.payload.invalid[col].eq(shown.invalid)
            if self.config.saturated:
                m.d.comb += self.o.payload.saturated[col].eq(shown.saturated)
        m.d.comb += self.o.valid.eq(~moves | self.arrived)
        return m

    def _count(self, m: Module, moves: Signal) -> None:
        """Which row has arrived, and what is said of it besides its values."""
        arrived, following = Signal(), Signal(range(self.config.rows))
        too_long = Signal(reset_less=True)
        ends = Signal()
        m.d.comb += [self.arrived.eq(arrived), ends.eq(following == 0)]
        with m.If(moves):
            with m.If(self.first):
                m.d.sync += [arrived.eq(1), following.eq(self.config.rows - 1), too_long.eq(self.too_long)]
            with m.Elif(ends):
                m.d.sync += arrived.eq(0)
            with m.Else():
                m.d.sync += following.eq(following - 1)
        for name, now in (("last", ends), ("too_long", too_long)):
            before = Signal(name=f"{name}_before", reset_less=True)
            with m.If(moves):
                m.d.sync += before.eq(now)
            m.d.comb += getattr(self.o.payload, name).eq(Mux(moves, now, before))
