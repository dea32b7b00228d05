# amaranth: UnusedElaboratable=no
# A part may be made only to be asked for its ports, and placed as an instance of a module that is emitted once.
"""Sixteen rows of a large array with the first levels of their columns' way out: elaborated once, placed as often as needed."""

from __future__ import annotations

from amaranth import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac.layouts import carried_bits
from ..wires.instances import placed
from .array_row import ArrayRow
from .column_bus import ColumnBus
from .pe import PE

BLOCK_ROWS = 16
"""Rows of a block: two levels of a column's bus."""


def block_sizes(rows: int) -> list[int]:
    """Rows of an array's blocks: full ones, and what is left."""
    return [min(BLOCK_ROWS, rows - start) for start in range(0, rows, BLOCK_ROWS)]


def of_pes(config: MacConfig, rows: int) -> ColumnBus:
    """The bus of so many PEs of a column."""
    layout = PE.result_layout(config)
    return ColumnBus(rows=rows, bits=layout.size, values=layout["value"].width)


class ArrayBlock(wiring.Component):
    """``rows`` array rows one below the other, their results joined by column, ``LATENCY`` moves later.

    A block has two levels of bus even where fewer rows would do with one, so that all blocks of an array take alike.

    Parameters
    ----------
    config
        The array's configuration.
    rows
        Of this block, 1 to ``BLOCK_ROWS``.
    row_module, bus_module
        If given, rows and buses are instances of external modules of these names instead of submodules.

    Members
    -------
    ready, arrived : In(1)
        Of the array's output stream, see ``free_before``.
    moves : Out(rows)
        Which rows move in this cycle: all or none, each by a register of its own.
    weight : In(rows * carried_bits)
        Row 0 lowest.
    activation, activation_next : In, Out(cols * carried_bits)
    step, last : In(rows)
        Of the rows' first PEs.
    result : Out(cols * PE.result_layout)
    """

    LATENCY = ColumnBus.latency(BLOCK_ROWS)

    def __init__(
        self, *, config: MacConfig, rows: int, row_module: str | None = None, bus_module: str | None = None
    ) -> None:
        if not 1 <= rows <= BLOCK_ROWS:
            raise ValueError(f"ArrayBlock rows must be 1 to {BLOCK_ROWS}, not {rows!r}")
        self.config = config
        self.row_count = rows
        self.row_module = row_module
        self.bus_module = bus_module
        weight, activation = carried_bits(config)
        activation *= config.cols
        super().__init__({
            "ready": In(1),
            "arrived": In(1),
            "weight": In(rows * weight),
            "activation": In(activation),
            "activation_next": Out(activation),
            "step": In(rows),
            "last": In(rows),
            "moves": Out(rows),
            "result": Out(config.cols * PE.result_layout(config).size),
        })  # fmt: skip

    @staticmethod
    def bus(config: MacConfig) -> ColumnBus:
        """The bus of one column; missing rows of a smaller block are zero."""
        return of_pes(config, BLOCK_ROWS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, size = self.config, PE.result_layout(self.config).size
        activation: Value = self.activation
        results: list[tuple[Value, Value]] = []
        for index in range(self.row_count):
            row = placed(m, f"row{index}", ArrayRow(config=config), self.row_module)
            m.d.comb += [
                row.ready.eq(self.ready),
                row.arrived.eq(self.arrived),
                row.weight.eq(self.weight.word_select(index, len(self.weight) // self.row_count)),
                row.activation.eq(activation),
                row.step.eq(self.step[index]),
                row.last.eq(self.last[index]),
                self.moves[index].eq(row.moves),
            ]
            activation = row.activation_next
            results.append((row.result, row.shown))
        m.d.comb += self.activation_next.eq(activation)
        for col in range(config.cols):
            bus = placed(m, f"bus{col}", self.bus(config), self.bus_module)
            m.d.comb += [
                bus.ready.eq(self.ready),
                bus.arrived.eq(self.arrived),
                bus.rows.eq(Cat(result.word_select(col, size) for result, _ in results)),
                bus.shown.eq(Cat(shown[col] for _, shown in results)),
                self.result.word_select(col, size).eq(bus.o),
            ]
        return m
