"""Exact fixed-point accumulation (Kulisch): nothing is rounded, nothing is lost."""

from __future__ import annotations

from amaranth import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .adder_tree import AdderTree
from .adders import add
from .aligner import Aligner
from .layouts import flags_layout


class ExactAccumulator(wiring.Component):
    """``total = sum of the dot product's terms so far, this step's included``; 0 once a special was met.

    One adder; its carry input takes the carry that the adder tree has left over. The register is cleared by its reset input
    after the last step, so that no multiplexer stands in the loop.

    Parameters
    ----------
    config
        The unit's configuration; the register has ``config.accumulator_bits`` bits and wraps beyond them.

    Members
    -------
    step, last : In(1)
        A step is taken in this cycle; it is the last of its dot product.
    term : In(term_layout)
        Must be zero-exponent.
    flags : In(flags_layout)
    total : Out(signed(accumulator_bits))
        Combinational, valid with ``step``.
    invalid : Out(1)
        A NaN or Inf operand was met in this dot product; ``total`` is then meaningless.
    """

    ALIGNED = True

    def __init__(self, *, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__({
            "step": In(1),
            "last": In(1),
            "term": In(self.term_layout(config)),
            "flags": In(flags_layout(config)),
            "total": Out(signed(config.accumulator_bits)),
            "invalid": Out(1),
        })  # fmt: skip

    @staticmethod
    def term_layout(config: AcceleratorConfig) -> data.StructLayout:
        if config.lanes == 1:
            return Aligner.layout(config.product, shift=True)
        return AdderTree.layout(config.product, config.lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        register = Signal(signed(self.config.accumulator_bits))
        met_special = Signal()
        total = add(m, register, self.term.significand, register.shape(), carry=self.term.carry, name="total")
        m.d.comb += [
            self.total.eq(total),
            self.invalid.eq(met_special | self.flags.nan),
        ]
        with m.If(self.step):
            m.d.sync += [register.eq(total), met_special.eq(self.invalid)]
            with m.If(self.last):
                m.d.sync += [register.eq(0), met_special.eq(0)]
        return m
