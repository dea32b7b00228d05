# amaranth: UnusedElaboratable=no
# Where a PE is an instance, the component itself is only asked for its ports.
"""One row of an array's PEs: the weights travel along it, the activations pass through it."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac import formulations
from ..mac.layouts import carried_bits
from ..wires.delay import delayed
from ..wires.handshake import free_before
from ..wires.instances import connected
from .pe import PE
from .pe_pair import PEPair

COLS_PER_HOP = 2
"""Neighbours that take a weight in the same cycle: half the registers on its way, and half the skew."""
COLS_PER_ENABLE = 16
"""Columns that one register lets move."""


def hops(col: int) -> int:
    """Moves by which a column's PEs are later than column 0's of the same row."""
    return col // COLS_PER_HOP


class ArrayRow(wiring.Component):
    """``cols`` PEs side by side; their weights, steps and lasts come from the left, ``hops`` moves later.

    Parameters
    ----------
    config
        The array's configuration.
    pe_module, pair_module
        If given, PEs, and pairs of PEs that share their multiplications, are instances of external modules of these names
        instead of submodules.

    Members
    -------
    ready, arrived : In(1)
        Of the array's output stream, see ``free_before``.
    moves : Out(1)
        The row moves in this cycle.
    weight : In(carried_bits)
        Of PE 0.
    step, last : In(1)
        As of PE 0.
    activation, activation_next : In, Out(cols * carried_bits)
        PE 0 lowest.
    result, shown : Out(cols * PE.result_layout), Out(cols)
    """

    def __init__(self, *, config: MacConfig, pe_module: str | None = None, pair_module: str | None = None) -> None:
        self.config = config
        self.pair_module = pair_module
        self.pe_module = pe_module
        weight, activation = carried_bits(config)
        activation *= config.cols
        super().__init__({
            "ready": In(1),
            "arrived": In(1),
            "weight": In(weight),
            "activation": In(activation),
            "activation_next": Out(activation),
            "step": In(1),
            "last": In(1),
            "result": Out(config.cols * PE.result_layout(config).size),
            "shown": Out(config.cols),
            "moves": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cols = self.config.cols
        weight, step, last = Value.cast(self.weight), Value.cast(self.step), Value.cast(self.last)
        moves = [free_before(m, self.ready, self.arrived) for _ in range(0, cols, COLS_PER_ENABLE)]
        activations, results, shown = [], [], []
        at_once = formulations.columns_at_once(self.config)
        for col in range(0, cols, at_once):
            together = min(at_once, cols - col)
            enable = moves[col // COLS_PER_ENABLE]
            if col and hops(col) > hops(col - 1):
                weight = delayed(m, enable, weight, 1, f"weight_to_pe{col}_{{}}", shape=len(weight))
                # A step that was under way at a reset must not come to a PE after it.
                step = delayed(m, enable, step, 1, f"step_to_pe{col}_{{}}", shape=1, init=0)
                last = delayed(m, enable, last, 1, f"last_to_pe{col}_{{}}", shape=1, init=0)
            ports = {
                "enable": enable,
                "weight": weight,
                "activation": self._of_columns(self.activation, col, together),
                "step": step,
                "last": last,
            }
            pe = self._placed(m, f"pe{col}", ports, together)
            activations.append(pe.activation_next)
            results.append(Value.cast(pe.result))
            shown.append(pe.shown)
        m.d.comb += [
            self.activation_next.eq(Cat(activations)),
            self.result.eq(Cat(results)),
            self.shown.eq(Cat(shown)),
            self.moves.eq(moves[0]),
        ]
        return m

    def _of_columns(self, carried: Value, col: int, count: int) -> Value:
        """What ``count`` columns from ``col`` on are brought."""
        size = len(carried) // self.config.cols
        return carried[col * size : (col + count) * size]

    def _placed(self, m: Module, name: str, ports: dict[str, Value], together: int) -> Any:
        """One PE, or two that share their multiplications."""
        outputs = {
            "activation_next": Signal(len(ports["activation"]), name=f"activation_of_{name}"),
            # Nothing reads the fields of a result here: as one number it takes a wire in the text, not one for each.
            "result": Signal(together * PE.result_layout(self.config).size, name=f"result_of_{name}"),
        }
        component = PE(config=self.config) if together == 1 else PEPair(config=self.config)
        module = self.pe_module if together == 1 else self.pair_module
        return connected(m, name, component, module, ports, outputs=outputs)
