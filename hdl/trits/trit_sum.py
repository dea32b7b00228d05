"""Activations added, subtracted or left out: the sum of a step of a row."""

from __future__ import annotations

from amaranth import Module, Shape, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.trits import TritsConfig
from ..wires.adders import add
from ..wires.balanced import balanced
from .trit_byte import TRIT


class TritSum(wiring.Component):
    """``sum of weight * activation`` over the lanes. Combinational.

    An activation that is subtracted has its bits inverted, and the 1 that it needs for that is the carry of one of the adders: of
    as many lanes there are one less, and ``carry`` is left over for the next adder.

    Parameters
    ----------
    config
        The unit.

    Members
    -------
    trits : In(ArrayLayout(TRIT, lanes))
    activations : In(ArrayLayout(signed(activation_bits), lanes))
    total : Out(signed(bits))
    carry : Out(1)
        To be added to ``total``. Where weights may be negative.
    """

    def __init__(self, *, config: TritsConfig) -> None:
        self.config = check_class(config, TritsConfig, "TritSum")
        self.bits = config.activation_bits + (config.lanes - 1).bit_length()
        super().__init__({
            "trits": In(data.ArrayLayout(TRIT, config.lanes)),
            "activations": In(data.ArrayLayout(signed(config.activation_bits), config.lanes)),
            "total": Out(signed(self.bits)),
            **({"carry": Out(1)} if config.stored.negative else {}),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.config.activation_bits
        terms: list[Value] = []
        carries: list[Value] = []
        for trit, activation in zip(self.trits, self.activations, strict=True):
            term = activation.as_unsigned() & trit.nonzero.replicate(bits)
            if self.config.stored.negative:
                term ^= trit.negative.replicate(bits)
                carries.append(trit.negative)
            terms.append(term.as_signed())

        def join(left: Value, right: Value, name: str) -> Value:
            shape = Shape(max(len(left), len(right)) + 1, signed=True)
            return add(m, left, right, shape, carry=carries.pop() if carries else 0, name=f"sum{name}")

        m.d.comb += self.total.eq(balanced(terms, join))
        if carries:
            m.d.comb += self.carry.eq(carries.pop())
        return m
