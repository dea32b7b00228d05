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
from ..mac import formulations, step_terms
from ..mac.layouts import carried_bits, operands_layout, result_layout
from ..unit import Unit
from ..wires.delay import delayed
from ..wires.delay import stages as delay_stages
from ..wires.delay_line import DelayLine, powers
from ..wires.handshake import free_before
from ..wires.instances import connected, placed
from .array_row import ArrayRow, hops
from .block import BLOCK_ROWS, ArrayBlock, block_sizes, of_pes
from .column_bus import FAN_IN, ColumnBus
from .entry import Entry
from .exit import Exit
from .pe import PE
from .pe_pair import PEPair


class Array(Unit):
    """``value[r, c] = sum(weight[r, k] * activation[c, k])`` for every tile of ``rows`` x ``cols`` results.

    A step brings one code per lane for every row and every column; ``last`` ends the tile, after any number of steps up to
    ``max_steps``. The step reaches PE ``(r, c)`` ``r + hops(c)`` cycles after PE (0, 0): row and column vectors are skewed on
    entry and handed from PE to PE, weights to two columns at once. Results leave as ``rows`` beats, row 0 first,
    while the next tile computes.

    The array moves as a whole whenever its output was free a cycle before, so any stall pattern on either side is safe and no
    combinational path leads from one stream to the other. Every row and every column has its own register that says so: what it
    drives does not grow with the array (see ``free_before``).

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
        Cycles from the transfer of a ``last`` step to ``o.valid`` of row 0, without stalls: entry, ``hops`` of the last column,
        the PE's pipeline, and the registers that columns share on their way out: one to two rows, two to 16, then one more for
        every factor of four.
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
        lane, pe, pair, row, bus = (f"{self.module_prefix}.{part}" for part in ("lane", "pe", "pair", "row", "bus"))
        paired, alone = formulations.pairs_of_columns(self.config), formulations.columns_alone(self.config)
        of_one = {lane: step_terms.lane(self.config), pe: PE(config=self.config, lane_module=lane)}
        return {
            **(of_one if alone else {}),
            **({pair: PEPair(config=self.config)} if paired else {}),
            row: ArrayRow(config=self.config, pe_module=pe, pair_module=pair),
            **(self._of_blocks(row) if self._in_blocks else {}),
            bus: self._bus(),
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
            f"{self.module_prefix}.{_line_name(bits, 1 << place)}": DelayLine(bits=bits, stages=1 << place)
            for bits in widths
            for place in range(longest.bit_length())
        }
        return {bus: ArrayBlock.bus(config), **blocks, **lines}

    @property
    def _in_blocks(self) -> bool:
        return self.config.rows > BLOCK_ROWS

    def _bus(self) -> ColumnBus:
        """Of one column: it joins rows, or blocks whose own buses end in registers."""
        if not self._in_blocks:
            return of_pes(self.config, self.config.rows)
        bits = PE.result_layout(self.config).size
        return ColumnBus(rows=len(block_sizes(self.config.rows)), bits=bits, first=FAN_IN)

    @property
    def _bus_latency(self) -> int:
        """Moves from a row's results to the end of its columns' way out."""
        if self._in_blocks:
            return ArrayBlock.LATENCY + ColumnBus.latency(len(block_sizes(self.config.rows)), first=FAN_IN)
        return ColumnBus.latency(self.config.rows)

    @property
    def _accumulated(self) -> int:
        """Moves from a step's entry to the accumulation in the last column's PE of row 0."""
        return step_terms.latency(self.config) + hops(self.config.cols - 1)

    @property
    def LATENCY(self) -> int:
        return 1 + self._accumulated + self._bus_latency

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
        m.submodules.way_out = out = Exit(config=self.config)
        moves = free_before(m, self.o.ready, out.arrived)
        m.d.comb += [entry.advance.eq(moves), self.error.eq(entry.error)]
        wiring.connect(m, wiring.flipped(self.i), entry.i)
        wiring.connect(m, out.o, wiring.flipped(self.o))
        steps, lasts = self._controls(m, moves, entry)
        m.d.comb += [
            out.first.eq(lasts[self.LATENCY - 2]),
            out.too_long.eq(delayed(m, moves, entry.too_long, self.LATENCY - 2, "too_long_{}", shape=1)),
        ]
        columns = [Signal(name=f"column{col}_moves") for col in range(self.config.cols)]
        results = self._place(m, out, entry, columns, steps, lasts)
        m.d.comb += [out.moves.eq(Cat(columns)), out.columns.eq(Cat(self._join(m, out, columns, results)))]
        return m

    def _controls(self, m: Module, moves: Signal, entry: Entry) -> tuple[list[Value], list[Value]]:
        """For each move since the entry: whether a step is so far on, and whether it is a tile's last."""
        depth = step_terms.latency(self.config)
        steps = delay_stages(m, moves, entry.step, depth + self.config.rows - 1, "step{}", shape=1, init=0)
        count = max(len(steps), self._accumulated + self._bus_latency - 1)
        lasts = delay_stages(m, moves, entry.last, count, "last{}", shape=1, init=0)
        return [entry.step, *steps], [entry.last, *lasts]

    def _place(
        self,
        m: Module,
        out: Exit,
        entry: Entry,
        columns: list[Signal],
        steps: list[Value],
        lasts: list[Value],
    ) -> list[dict[str, Value]]:
        """Place rows or blocks of them, each fed by the one above; what their columns' buses take."""
        config, depth = self.config, step_terms.latency(self.config)
        activation: Value = Cat(
            self._late(m, moves, _carried(config, entry, "activation", col), hops(col), f"activation{col}")
            for col, moves in enumerate(columns)
        )
        parts: list[Any] = []
        sizes = block_sizes(config.rows) if self._in_blocks else [1] * config.rows
        for index, rows in enumerate(sizes):
            first = sum(sizes[:index])
            part = self._block(m, index, rows) if self._in_blocks else self._row(m, index)
            weights = [
                self._late(m, moves, _carried(config, entry, "weight", row), row, f"weight{row}")
                for row, moves in enumerate(part.moves, start=first)
            ]
            m.d.comb += [
                part.ready.eq(self.o.ready),
                part.arrived.eq(out.arrived),
                part.weight.eq(Cat(weights)),
                part.activation.eq(activation),
                part.step.eq(Cat(steps[depth + first : depth + first + rows])),
                part.last.eq(Cat(lasts[depth + first : depth + first + rows])),
            ]
            activation = part.activation_next
            parts.append(part)
        size = PE.result_layout(config).size
        buses: list[dict[str, Value]] = [
            {"rows": Cat(part.result.word_select(col, size) for part in parts)} for col in range(config.cols)
        ]
        if not self._in_blocks:
            for col, bus in enumerate(buses):
                bus["shown"] = Cat(part.shown[col] for part in parts)
        return buses

    def _row(self, m: Module, index: int) -> Any:
        return placed(m, f"row{index}", ArrayRow(config=self.config), self._module("row"))

    def _block(self, m: Module, index: int, rows: int) -> Any:
        return placed(m, f"block{index}", ArrayBlock(config=self.config, rows=rows), self._module(f"block{rows}"))

    def _module(self, part: str) -> str | None:
        """The module that the part is an instance of; None where it is elaborated here."""
        return None if self.module_prefix is None else f"{self.module_prefix}.{part}"

    def _late(self, m: Module, enable: Value, value: Value, cycles: int, name: str) -> Value:
        """``value`` some enabled cycles ago, of large arrays through lines that are modules."""
        if not self._in_blocks:
            return delayed(m, enable, value, cycles, f"{name}_{{}}", shape=len(value))
        for stages in powers(cycles):
            line = DelayLine(bits=len(value), stages=stages)
            made = placed(m, f"{name}_{stages}", line, self._module(_line_name(len(value), stages)))
            m.d.comb += [made.enable.eq(enable), made.i.eq(value)]
            value = made.o
        return value

    def _join(self, m: Module, out: Exit, columns: list[Signal], results: list[dict[str, Value]]) -> list[Value]:
        """Join the rows of each column, and bring the columns of a row together."""
        joined = []
        for col, (moves, column) in enumerate(zip(columns, results, strict=True)):
            ports: dict[str, Value] = {"ready": self.o.ready, "arrived": out.arrived, **column}
            bus = connected(m, f"bus{col}", self._bus(), self._module("bus"), ports)
            m.d.comb += moves.eq(bus.moves)
            joined.append(self._late(m, moves, bus.o, hops(self.config.cols - 1) - hops(col), f"result{col}"))
        return joined


def _line_name(bits: int, stages: int) -> str:
    return f"delay{stages}x{bits}"


def _carried(config: MacConfig, entry: Entry, operand: Literal["weight", "activation"], index: int) -> Value:
    """The codes of a row or a column, and above them that of their scale."""
    codes: Value = getattr(entry, operand)
    part = codes.word_select(index, len(codes) // (config.rows if operand == "weight" else config.cols))
    scale = config.scale_format
    return part if scale is None else Cat(part, getattr(entry, f"{operand}_scale").word_select(index, scale.bits))
