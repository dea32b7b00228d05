"""Two PEs side by side that share their weights and their multiplications."""

from __future__ import annotations

from amaranth import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class
from ..mac.layouts import carried_bits
from .pair_lane import PairLane
from .pe import PE, aligned


class PEPair(wiring.Component):
    """Two ``PE``s of a row that take the same weight in the same cycle; each lane multiplies both activations by it at once.

    Parameters
    ----------
    config
        The array's configuration.

    Members
    -------
    As a ``PE``'s, ``activation``, ``activation_next``, ``result`` and ``shown`` of both, the left PE's lowest.
    """

    def __init__(self, *, config: MacConfig) -> None:
        check_class(config, MacConfig, "PEPair")
        self.config = config
        weight, activation = carried_bits(config)
        super().__init__({
            "enable": In(1),
            "weight": In(weight),
            "activation": In(2 * activation),
            "activation_next": Out(2 * activation),
            "step": In(1),
            "last": In(1),
            "result": Out(2 * PE.result_layout(config).size),
            "shown": Out(2),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        activations = [self.activation.word_select(place, len(self.activation) // 2) for place in range(2)]
        pes = [PE(config=config, fed=True) for _ in range(2)]
        for lane in range(config.lanes):
            m.submodules[f"lane{lane}"] = multiply = PairLane(config=config, shift=aligned(config))
            bits = config.activation_format.bits
            m.d.comb += [
                multiply.enable.eq(self.enable),
                multiply.weight.eq(self.weight.word_select(lane, config.weight_format.bits)),
                *(
                    multiply.activation[place].eq(codes.word_select(lane, bits))
                    for place, codes in enumerate(activations)
                ),
                *(pe.lane[lane].eq(multiply.lane[place]) for place, pe in enumerate(pes)),
            ]
        for place, pe in enumerate(pes):
            m.submodules[f"pe{place}"] = pe
            m.d.comb += [
                pe.enable.eq(self.enable),
                pe.activation.eq(activations[place]),
                pe.step.eq(self.step),
                pe.last.eq(self.last),
            ]
        m.d.comb += [
            self.activation_next.eq(Cat(pe.activation_next for pe in pes)),
            self.result.eq(Cat(Value.cast(pe.result) for pe in pes)),
            self.shown.eq(Cat(pe.shown for pe in pes)),
        ]
        return m
