"""One lane of two PEs side by side: a weight and two activations in, the terms of both PEs out."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class
from ..mac import formulations
from ..mac.decoder import Decoder
from ..mac.layouts import flags_layout, product_layout
from ..mac.specials import special_flags
from ..products.packed_multiplier import PackedMultiplier
from .pe import lane_layout


class PairLane(wiring.Component):
    """As two ``Lane``s that share their weight, with one multiplication for both.

    Parameters
    ----------
    config
        The array's configuration.
    shift
        As a ``Lane``'s.

    Members
    -------
    enable : In(1)
    weight : In(codes)
    activation : In(data.ArrayLayout(codes, 2))
    lane : Out(data.ArrayLayout(lane_layout, 2))
        Terms and flags, as many enabled cycles later as a ``Lane``'s.
    """

    def __init__(self, *, config: MacConfig, shift: bool) -> None:
        check_class(config, MacConfig, "PairLane")
        self.config = config
        self.shift = shift
        super().__init__({
            "enable": In(1),
            "weight": In(config.weight_format.bits),
            "activation": In(data.ArrayLayout(config.activation_format.bits, 2)),
            "lane": Out(data.ArrayLayout(lane_layout(config), 2)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts = self.config.product
        m.submodules.decode_weight = weight = Decoder(fmt=facts.a)
        m.submodules.multiply = multiply = PackedMultiplier(product=facts)
        m.d.comb += [weight.code.eq(self.weight), multiply.weight.eq(weight.decoded)]
        for place in range(2):
            m.submodules[f"decode_activation{place}"] = activation = Decoder(fmt=facts.b)
            m.d.comb += [activation.code.eq(self.activation[place]), multiply.activation[place].eq(activation.decoded)]
            registered = self.config.registers("multiply")
            product = Signal(product_layout(facts), name=f"product{place}", reset_less=registered)
            flags = Signal(flags_layout(self.config), name=f"flags{place}", reset_less=registered)
            multiplied = [
                product.eq(multiply.product[place]),
                flags.eq(special_flags(self.config, weight.decoded, activation.decoded)),
            ]
            if registered:
                with m.If(self.enable):
                    m.d.sync += multiplied
            else:
                m.d.comb += multiplied
            align = formulations.aligner(self.config, shift=self.shift)
            assert align is not None, "packed products are no terms yet"
            m.submodules[f"align{place}"] = align
            m.d.comb += [
                align.product.eq(product),
                self.lane[place].term.eq(align.term),
                self.lane[place].flags.eq(flags),
            ]
        return m
