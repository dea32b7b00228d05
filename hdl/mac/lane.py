"""One lane of a unit: two codes in, one term out, registered after the multiplier and after the aligner, or not."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ...config.checks import check_class
from . import formulations
from .decoder import Decoder
from .layouts import flags_layout
from .specials import special_flags


class Lane(wiring.Component):
    """Decode, multiply, align. A new pair of codes every enabled cycle.

    Which multiplier and which aligner, and the term's layout, is ``formulations``' to say; the lanes of a unit with an adder tree
    give biased terms where it says so.

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

    def __init__(self, *, config: MacConfig, shift: bool) -> None:
        check_class(config, MacConfig, "Lane")
        self.config = config
        self.shift = shift
        super().__init__({
            "enable": In(1),
            "weight": In(config.weight_format.bits),
            "activation": In(config.activation_format.bits),
            "term": Out(formulations.term_layout(config, shift=shift)),
            "flags": Out(flags_layout(config)),
        })  # fmt: skip

    @staticmethod
    def latency(config: MacConfig, *, shift: bool) -> int:
        """Enabled cycles from codes to term and flags: a register after the multiplier, another one where the aligner shifts."""
        return int(config.registers("multiply")) + int(Lane._registers_aligned(config, shift=shift))

    @staticmethod
    def _registers_aligned(config: MacConfig, *, shift: bool) -> bool:
        return config.registers("align") and shift and config.product.exponent_span > 0

    def elaborate(self, platform: object) -> Module:
        m = Module()
        facts = self.config.product
        m.submodules.decode_weight = decode_weight = Decoder(fmt=facts.a)
        m.submodules.decode_activation = decode_activation = Decoder(fmt=facts.b)
        m.submodules.multiply = multiply = formulations.multiplier(self.config)
        align = formulations.aligner(self.config, shift=self.shift)

        registered = self.config.registers("multiply")
        product = Signal(multiply.product.shape(), reset_less=registered)
        flags = Signal(flags_layout(self.config), reset_less=registered)
        m.d.comb += [
            decode_weight.code.eq(self.weight),
            decode_activation.code.eq(self.activation),
            multiply.weight.eq(decode_weight.decoded),
            multiply.activation.eq(decode_activation.decoded),
        ]
        term = product
        if align is not None:
            m.submodules.align = align
            m.d.comb += align.product.eq(product)
            term = align.term
        multiplied = [
            product.eq(multiply.product),
            flags.eq(special_flags(self.config, decode_weight.decoded, decode_activation.decoded)),
        ]
        if registered:
            with m.If(self.enable):
                m.d.sync += multiplied
        else:
            m.d.comb += multiplied
        self._align(m, term, flags)
        return m

    def _align(self, m: Module, term: data.View, flags: data.View) -> None:
        """The aligned term, biased where its tree wants that, after a register or as it is."""
        biased = self.shift and self.config.lanes > 1 and formulations.biased(self.config)
        registered = self._registers_aligned(self.config, shift=self.shift)
        if not registered and not biased:
            m.d.comb += [self.term.eq(term), self.flags.eq(flags)]
            return
        aligned = Signal(term.shape(), reset_less=registered)
        aligned_flags = Signal(flags.shape(), reset_less=registered)
        moved = [aligned.eq(term), aligned_flags.eq(flags)]
        if biased:
            moved.append(aligned.significand[-1].eq(~term.significand[-1]))
        if registered:
            with m.If(self.enable):
                m.d.sync += moved
        else:
            m.d.comb += moved
        m.d.comb += [self.term.eq(aligned), self.flags.eq(aligned_flags)]
