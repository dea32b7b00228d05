"""The balanced sum of a step's aligned terms."""

from __future__ import annotations

from amaranth import Module, Shape, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..formats import Product, signed_bits
from .adders import add
from .aligner import Aligner
from .layouts import term_layout


class AdderTree(wiring.Component):
    """Sum ``lanes`` terms pairwise, each level one bit wider where the range needs it. Combinational.

    Every adder takes one lane's carry at its carry input; ``lanes`` terms have one carry more than the tree has adders, and
    that one goes out with the sum.

    Parameters
    ----------
    product
        Facts about the operand formats.
    lanes
        Number of terms, at least 1.

    Members
    -------
    terms : In(ArrayLayout(term_layout, lanes))
    sum : Out(term_layout)
    """

    def __init__(self, *, product: Product, lanes: int) -> None:
        if lanes < 1:
            raise ValueError(f"AdderTree lanes must be at least 1, not {lanes!r}")
        self.facts = product
        self.lanes = lanes
        super().__init__({
            "terms": In(data.ArrayLayout(Aligner.layout(product, shift=True), lanes)),
            "sum": Out(self.layout(product, lanes)),
        })  # fmt: skip

    @staticmethod
    def _bits(product: Product, lanes: int) -> int:
        low, high = product.sum_range(lanes)
        return signed_bits(low - int(product.sign_bit), high)

    @classmethod
    def layout(cls, product: Product, lanes: int) -> data.StructLayout:
        return term_layout(cls._bits(product, lanes), carry=product.sign_bit)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        nodes: list[tuple[int, Value, Value]] = [(1, term.significand, term.carry) for term in self.terms]
        while len(nodes) > 1:
            pairs = zip(nodes[0::2], nodes[1::2], strict=False)
            nodes = [self._joined(m, left, right) for left, right in pairs] + nodes[len(nodes) & ~1 :]
        _, total, carry = nodes[0]
        m.d.comb += [self.sum.significand.eq(total), self.sum.carry.eq(carry)]
        return m

    def _joined(self, m: Module, left: tuple[int, Value, Value], right: tuple[int, Value, Value]) -> tuple[int, Value, Value]:
        lanes = left[0] + right[0]
        shape = Shape(self._bits(self.facts, lanes), signed=True)
        return lanes, add(m, left[1], right[1], shape, carry=left[2], name=f"sum{lanes}"), right[2]
