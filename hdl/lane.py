"""One lane of a unit: two codes in, one term out, registered after the multiplier and after the aligner."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .aligner import Aligner, term_is_biased
from .decoder import Decoder
from .layouts import flags_layout, product_layout
from .multiplier import Multiplier
from .specials import special_flags


class Lane(wiring.Component):
    """Decode, multiply, align. A new pair of codes every enabled cycle.

    The lanes of a unit with an adder tree give biased terms where ``term_is_biased``.

    Parameters
    ----------
    config
        The unit's configuration.
    shift
        Align to fixed point; if false the term keeps the product's exponent.

    Members
    -------
    enable : In(1)
    weight, activation : In(codes)
    term : Out(term_layout)
    flags : Out(flags_layout)
    """

    def __init__(self, *, config: AcceleratorConfig, shift: bool) -> None:
        if not isinstance(config, AcceleratorConfig):
            raise TypeError(f"Lane config must be an AcceleratorConfig, not {config!r}")
        self.config = config
        self.shift = shift
        super().__init__({
            "enable": In(1),
            "weight": In(config.weight_format.bits),
            "activation": In(config.activation_format.bits),
            "term": Out(Aligner.layout(config.product, shift=shift)),
            "flags": Out(flags_layout(config)),
        })  # fmt: skip

    @staticmethod
    def latency(config: AcceleratorConfig, *, shift: bool) -> int:
        """Enabled cycles from codes to term and flags: 2 where the aligner shifts, else 1."""
        return 1 + int(shift and config.product.exponent_span > 0)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts = self.config.product
        m.submodules.decode_weight = decode_weight = Decoder(fmt=facts.a)
        m.submodules.decode_activation = decode_activation = Decoder(fmt=facts.b)
        m.submodules.multiply = multiply = Multiplier(product=facts, style=self.config.multiplier)
        m.submodules.align = align = Aligner(product=facts, shift=self.shift)

        product = Signal(product_layout(facts), reset_less=True)
        flags = Signal(flags_layout(self.config), reset_less=True)
        m.d.comb += [
            decode_weight.code.eq(self.weight),
            decode_activation.code.eq(self.activation),
            multiply.weight.eq(decode_weight.decoded),
            multiply.activation.eq(decode_activation.decoded),
            align.product.eq(product),
        ]
        with m.If(self.enable):
            m.d.sync += [
                product.eq(multiply.product),
                flags.eq(special_flags(self.config, decode_weight.decoded, decode_activation.decoded)),
            ]
        if self.latency(self.config, shift=self.shift) == 1:
            m.d.comb += [self.term.eq(align.term), self.flags.eq(flags)]
            return m
        aligned = Signal(align.term.shape(), reset_less=True)
        aligned_flags = Signal(flags.shape(), reset_less=True)
        with m.If(self.enable):
            m.d.sync += [aligned.eq(align.term), aligned_flags.eq(flags)]
            if self.config.lanes > 1 and term_is_biased(facts):
                m.d.sync += aligned.significand[-1].eq(~align.term.significand[-1])
        m.d.comb += [self.term.eq(aligned), self.flags.eq(aligned_flags)]
        return m
