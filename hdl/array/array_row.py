# amaranth: UnusedElaboratable=no
# Where a PE is an instance, the component itself is only asked for its ports.
"""One row of an array's PEs: the weights travel along it, the activations pass through it."""

from __future__ import annotations

from amaranth import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac.layouts import carried_bits
from ..wires.instances import connected
from .pe import PE


class ArrayRow(wiring.Component):
    """``cols`` PEs side by side, each handing its weights to the next one. Ports are those of its PEs, PE 0 lowest.

    Parameters
    ----------
    config
        The array's configuration.
    pe_module
        If given, PEs are instances of an external module of that name instead of submodules.

    Members
    -------
    enable : In(1)
    weight : In(carried_bits)
        Of PE 0.
    activation, activation_next : In, Out(cols * carried_bits)
    step, last : In(cols)
    result : Out(cols * PE.result_layout)
    """

    def __init__(self, *, config: MacConfig, pe_module: str | None = None) -> None:
        self.config = config
        self.pe_module = pe_module
        weight, activation = carried_bits(config)
        activation *= config.cols
        super().__init__({
            "enable": In(1),
            "weight": In(weight),
            "activation": In(activation),
            "activation_next": Out(activation),
            "step": In(config.cols),
            "last": In(config.cols),
            "result": Out(config.cols * PE.result_layout(config).size),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cols, weight = self.config.cols, self.weight
        activations, results = [], []
        for col in range(cols):
            ports = {
                "enable": self.enable,
                "weight": weight,
                "activation": self.activation.word_select(col, len(self.activation) // cols),
                "step": self.step[col],
                "last": self.last[col],
            }
            weight, activation, result = self._placed(m, f"pe{col}", ports)
            activations.append(activation)
            results.append(result)
        m.d.comb += [self.activation_next.eq(Cat(activations)), self.result.eq(Cat(results))]
        return m

    def _placed(self, m: Module, name: str, ports: dict[str, Value]) -> tuple[Value, Value, Value]:
        """One PE: its registered operands and its result."""
        outputs = {
            f"{operand}_next": Signal(len(ports[operand]), name=f"{operand}_of_{name}")
            for operand in ("weight", "activation")
        }
        # Nothing reads the fields of a result here: as one number it takes a wire in the text, not one for each.
        outputs["result"] = Signal(PE.result_layout(self.config).size, name=f"result_of_{name}")
        pe = connected(m, name, PE(config=self.config), self.pe_module, ports, outputs=outputs)
        return pe.weight_next, pe.activation_next, Value.cast(pe.result)
