# amaranth: UnusedElaboratable=no
# A part may be made only to be asked for its ports, and placed as an instance of a module that is emitted once.
"""The output-stationary array: row and column vectors of codes in, the results of a tile out row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class, check_unit
from ..mac import step_terms
from ..mac.layouts import carried_bits, operands_layout, result_layout
from ..unit import Unit
from ..wires.delay import delayed
from ..wires.delay_line import DelayLine, powers
from ..wires.handshake import free
from ..wires.instances import connected, placed
from .array_row import ArrayRow
from .block import BLOCK_ROWS, ArrayBlock, block_sizes
from .column_bus import ColumnBus
from .entry import Entry
from .pe import PE


class Array(Unit):
    """``value[r, c] = sum(weight[r, k] * activation[c, k])`` for every tile of ``rows`` x ``cols`` results.

    A step brings one code per lane for every row and every column; ``last`` ends the tile, after any number of steps up to
    ``max_steps``. The step reaches PE ``(r, c)`` ``r + c`` cycles after PE (0, 0), row and column vectors being skewed on
    entry and handed from PE to PE. Results leave as ``rows`` beats, row 0 first, while the next tile computes.

    The array moves as a whole whenever its output register is free or being taken, so any stall pattern on either side is
    safe. The one combinational path between the streams leads from ``o.ready`` to ``i.ready``.

    More than ``BLOCK_ROWS`` rows are built as blocks of that many, and long delays as lines of 1, 2, 4, ... registers: the same
    circuit, of modules that are elaborated once.

    Throughput: one step (``rows * cols * lanes`` products) a cycle. Tiles of at least ``rows`` steps follow one another
    without a lost cycle; a shorter one takes ``rows`` cycles, as many as its results. Without stalls, from the first step's
    transfer to the last result's, both included, tiles of ``K[0], K[1], ...`` steps take::

        K[0] + sum(max(K[t], rows) for t >= 1) + LATENCY + rows - 1

    Parameters
    ----------
    config
        Formats, ``rows``, ``cols``, ``lanes``, ``k_max``, accumulator and multiplier style.
    module_prefix
        If given, PEs and their lanes are instances of the modules ``repeated`` names instead of submodules. Verilog emission
        uses this to elaborate a PE once; the circuit is the same.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a ``last`` step to ``o.valid`` of row 0, without stalls: entry, ``cols - 1`` of skew,
        the PE's pipeline, accumulator, and one for every factor of four in the number of rows.
    FILL
        Cycles from the transfer of a step to its accumulation in the last PE, ``(rows - 1, cols - 1)``.

    Members
    -------
    i : In(stream.Signature(operands_layout))
    o : Out(stream.Signature(result_layout))
    error : Out(1)
        A tile of more than ``max_steps`` steps was met; stays until reset.

    Raises
    ------
    TypeError
        If ``config`` is not an ``MacConfig``.
    BitmillError
        If its unit is not ``array``.

    Source: output-stationary dataflow, Kung, "Why systolic architectures?", IEEE Computer 15(1), 1982.
    """

    ORDER = (
        "A tile's results leave as one beat a row, row 0 first, tiles in order; steps of the next tile may follow at once. "
        "error: a tile of too many steps was met; stays until reset."
    )

    def __init__(self, *, config: MacConfig, module_prefix: str | None = None) -> None:
        check_class(config, MacConfig, "Array")
        check_unit(config, "array", "for an Array")
        self.config = config
        self.module_prefix = module_prefix
        super().__init__({
            "i": In(stream.Signature(operands_layout(config))),
            "o": Out(stream.Signature(result_layout(config))),
            "error": Out(1),
        })  # fmt: skip

    def repeated(self) -> dict[str, wiring.Component]:
        """Modules that are instantiated instead of elaborated in place, by name: lane, PE, row and bus, if they are."""
        if self.module_prefix is None:
            return {}
        lane, pe, row, bus = (f"{self.module_prefix}.{part}" for part in ("lane", "pe", "row", "bus"))
        return {
            lane: step_terms.lane(self.config),
            pe: PE(config=self.config, lane_module=lane),
            row: ArrayRow(config=self.config, pe_module=pe),
            **(self._of_blocks(row) if self._in_blocks else {}),
            **({bus: self._bus()} if self.config.rows > 1 else {}),
        }

    def _of_blocks(self, row: str) -> dict[str, wiring.Component]:
        """Modules that large arrays have besides."""
        config, bus = self.config, f"{self.module_prefix}.block_bus"
        blocks = {
            f"{self.module_prefix}.block{rows}": ArrayBlock(config=config, rows=rows, row_module=row, bus_module=bus)
            for rows in block_sizes(config.rows)
        }
        widths = dict.fromkeys((*carried_bits(config), PE.result_layout(config).size))
        longest = max(config.rows, config.cols) - 1
        lines = {
            self._line_module(bits, 1 << place): DelayLine(bits=bits, stages=1 << place)
            for bits in widths
            for place in range(longest.bit_length())
        }
        return {bus: ArrayBlock.bus(config), **blocks, **lines}

    def _line_module(self, bits: int, stages: int) -> str:
        return f"{self.module_prefix}.delay{stages}x{bits}"

    @property
    def _in_blocks(self) -> bool:
        return self.config.rows > BLOCK_ROWS

    def _bus(self) -> ColumnBus:
        rows = len(block_sizes(self.config.rows)) if self._in_blocks else self.config.rows
        return ColumnBus(rows=rows, bits=PE.result_layout(self.config).size)

    @property
    def _accumulated(self) -> int:
        """Advances from a step's entry to the accumulation in the last column's PE of row 0."""
        return step_terms.latency(self.config) + self.config.cols - 1

    @property
    def LATENCY(self) -> int:
        return 1 + self._accumulated + 1 + ColumnBus.latency(self.config.rows)

    @property
    def FILL(self) -> int:
        return 1 + self._accumulated + self.config.rows - 1

    def cycles(self, steps: Sequence[int]) -> int:
        """Cycles that tiles of ``steps`` steps each take without stalls, by the class's formula."""
        rows = self.config.rows
        return steps[0] + sum(max(count, rows) for count in steps[1:]) + self.LATENCY + rows - 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.entry = entry = Entry(config=self.config)
        advance = Signal()
        m.d.comb += [
            advance.eq(free(self.o)),
            entry.advance.eq(advance),
            self.error.eq(entry.error),
        ]
        wiring.connect(m, wiring.flipped(self.i), entry.i)
        steps, lasts = self._controls(m, advance, entry)
        results = self._place(m, advance, entry, steps, lasts)
        self._drain(m, advance, lasts, entry, results)
        return m

    def _controls(self, m: Module, advance: Signal, entry: Entry) -> tuple[list[Value], list[Value]]:
        """For each diagonal of PEs: whether a step is at its accumulators, and whether it is a tile's last."""
        depth = step_terms.latency(self.config)
        diagonals = self.config.rows + self.config.cols - 1
        # One advance more than the accumulators need: the drain starts a cycle after the last column's.
        stages = depth + diagonals
        steps = Signal(stages)
        lasts = Signal(stages)
        with m.If(advance):
            m.d.sync += [steps.eq(Cat(entry.step, steps)), lasts.eq(Cat(entry.last, lasts))]
        now = [Signal(name=f"step{diagonal}") for diagonal in range(diagonals)]
        late = [[entry.step, *steps], [entry.last, *lasts]]
        m.d.comb += [signal.eq(late[0][depth + diagonal] & advance) for diagonal, signal in enumerate(now)]
        return now, [late[1][depth + diagonal] for diagonal in range(diagonals)]

    def _place(
        self, m: Module, advance: Signal, entry: Entry, steps: list[Value], lasts: list[Value]
    ) -> list[list[Value]]:
        """Place the rows, each fed by the one above; the results of their PEs ``[cols][rows]``."""
        config = self.config
        weights = [
            self._late(m, advance, _carried(config, entry, "weight", row), row, f"weight{row}")
            for row in range(config.rows)
        ]
        activation: Value = Cat(
            self._late(m, advance, _carried(config, entry, "activation", col), col, f"activation{col}")
            for col in range(config.cols)
        )
        if self._in_blocks:
            return self._place_blocks(m, advance, weights, activation, steps, lasts)
        results: list[list[Value]] = [[] for _ in range(config.cols)]
        size = PE.result_layout(config).size
        for row, weight in enumerate(weights):
            ports = {
                "enable": advance,
                "weight": weight,
                "activation": activation,
                "step": Cat(steps[row : row + config.cols]),
                "last": Cat(lasts[row : row + config.cols]),
            }
            made = self._placed(m, "row", row, ports)
            activation = made.activation_next
            for col, column in enumerate(results):
                column.append(made.result.word_select(col, size))
        return results

    def _place_blocks(
        self,
        m: Module,
        advance: Signal,
        weights: list[Value],
        activation: Value,
        steps: list[Value],
        lasts: list[Value],
    ) -> list[list[Value]]:
        """Place the blocks, each fed by the one above; the joined results of their columns ``[cols][blocks]``."""
        config, prefix = self.config, self.module_prefix
        size = PE.result_layout(config).size
        results: list[list[Value]] = [[] for _ in range(config.cols)]
        for index, rows in enumerate(block_sizes(config.rows)):
            first = index * BLOCK_ROWS
            diagonals = slice(first, first + rows + config.cols - 1)
            module = None if prefix is None else f"{prefix}.block{rows}"
            block = placed(m, f"block{index}", ArrayBlock(config=config, rows=rows), module)
            m.d.comb += [
                block.enable.eq(advance),
                block.weight.eq(Cat(weights[first : first + rows])),
                block.activation.eq(activation),
                block.step.eq(Cat(steps[diagonals])),
                block.last.eq(Cat(lasts[diagonals])),
            ]
            activation = block.activation_next
            for col, column in enumerate(results):
                column.append(block.result.word_select(col, size))
        return results

    def _late(self, m: Module, enable: Value, value: Value, cycles: int, name: str) -> Value:
        """``value`` some enabled cycles ago, of large arrays through lines that are modules."""
        if not self._in_blocks:
            return delayed(m, enable, value, cycles, f"{name}_{{}}", shape=len(value))
        for stages in powers(cycles):
            line = DelayLine(bits=len(value), stages=stages)
            module = None if self.module_prefix is None else self._line_module(len(value), stages)
            made = placed(m, f"{name}_{stages}", line, module)
            m.d.comb += [made.enable.eq(enable), made.i.eq(value)]
            value = made.o
        return value

    def _placed(self, m: Module, part: Literal["row", "bus"], index: int, inputs: dict[str, Value]) -> Any:
        """A row or a bus, elaborated here or as an instance of its module; its outputs are attributes."""
        component = ArrayRow(config=self.config) if part == "row" else self._bus()
        module = None if self.module_prefix is None else f"{self.module_prefix}.{part}"
        return connected(m, f"{part}{index}", component, module, inputs)

    def _drain(self, m: Module, advance: Signal, lasts: list[Value], entry: Entry, results: list[list[Value]]) -> None:
        """Join the rows of each column, bring the columns of a row together, and count the rows out."""
        config = self.config
        layout = PE.result_layout(config)
        for col, column in enumerate(results):
            joined = column[0]
            if config.rows > 1:
                ports: dict[str, Value] = {"enable": advance, "rows": Cat(column)}
                joined = self._placed(m, "bus", col, ports).o
            joined = layout(self._late(m, advance, joined, config.cols - 1 - col, f"result{col}"))
            m.d.comb += self.o.payload.value[col].eq(joined.value)
            if layout["invalid"].width:
                m.d.comb += self.o.payload.invalid[col].eq(joined.invalid)
            if config.saturated:
                m.d.comb += self.o.payload.saturated[col].eq(joined.saturated)

        first = delayed(m, advance, lasts[config.cols - 1], ColumnBus.latency(config.rows), "row0_{}", shape=1, init=0)
        too_long = delayed(m, advance, entry.too_long, self.LATENCY - 2, "too_long_{}", shape=1)
        following = Signal(range(config.rows), name="following_rows")
        m.d.comb += self.o.payload.last.eq(following == 0)
        with m.If(advance):
            with m.If(first):
                m.d.sync += [self.o.valid.eq(1), following.eq(config.rows - 1), self.o.payload.too_long.eq(too_long)]
            with m.Elif(following == 0):
                m.d.sync += self.o.valid.eq(0)
            with m.Else():
                m.d.sync += following.eq(following - 1)


def _carried(config: MacConfig, entry: Entry, operand: Literal["weight", "activation"], index: int) -> Value:
    """The codes of a row or a column, and above them that of their scale."""
    codes: Value = getattr(entry, operand)
    part = codes.word_select(index, len(codes) // (config.rows if operand == "weight" else config.cols))
    scale = config.scale_format
    return part if scale is None else Cat(part, getattr(entry, f"{operand}_scale").word_select(index, scale.bits))
