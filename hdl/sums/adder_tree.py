"""The balanced, pipelined sum of a step's fixed-point terms."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.lib import data

from ...formats import Product, signed_bits
from ..mac.layouts import term_layout
from ..wires.adders import add
from .aligner import term_has_carry, term_is_biased
from .reduction import Reduction

LEVELS_PER_STAGE = 2
"""Adders in a row between two registers."""


@dataclass(frozen=True)
class TermRange:
    """Bounds of a term's value, whether it is ``significand + carry`` with a carry of its own, and whether it is biased."""

    low: int
    high: int
    carry: bool
    biased: bool = False

    @classmethod
    def aligned(cls, product: Product) -> TermRange:
        """Of a product that is aligned to fixed point."""
        return cls(*product.sum_range(1), carry=term_has_carry(product), biased=term_is_biased(product))

    def layout(self, lanes: int) -> data.StructLayout:
        """Layout of the sum of ``lanes`` terms, whose significand may lie one below the sum itself."""
        return term_layout(signed_bits(self.low * lanes - int(self.carry), self.high * lanes), carry=self.carry)


@dataclass(frozen=True)
class _Node:
    lanes: int
    total: Value
    carry: Value


class AdderTree(Reduction):
    """Sum ``lanes`` terms pairwise, each level as wide as its range needs, a register after every second one.

    Every adder takes one lane's carry at its carry input; ``lanes`` terms have one carry more than the tree has adders, and
    that one goes out with the sum. Biased terms (``term_is_biased``) are summed as unsigned numbers, and the bias of all of them
    is taken off the sum's upper bits, for a power of two by inverting the top one.

    Parameters
    ----------
    lanes
        Number of terms, at least 2.
    product
        Facts about the operand formats: the terms are aligned products of them.
    terms
        Bounds of the terms, instead of ``product``.
    registered
        Whether there are registers at all.

    Members
    -------
    As ``Reduction``; terms and sum are fixed point, the sum is registered.
    """

    KEY = "tree"

    def __init__(
        self, *, lanes: int, product: Product | None = None, terms: TermRange | None = None, registered: bool = True
    ) -> None:
        if product is not None and not isinstance(product, Product):
            raise TypeError(f"AdderTree product must be a Product, not {product!r}")
        if lanes < 2:
            raise ValueError(f"AdderTree lanes must be at least 2, not {lanes!r}")
        if (product is None) == (terms is None):
            raise TypeError(f"AdderTree must have either product or terms, not {product!r} and {terms!r}")
        self.registered = registered
        self.terms = terms or TermRange.aligned(product)  # pyright: ignore[reportArgumentType]
        super().__init__(lanes=lanes, term=self.terms.layout(1), sum_layout=self.terms.layout(lanes))

    @property
    def LATENCY(self) -> int:
        return self.latency(self.lanes) if self.registered else 0

    @staticmethod
    def latency(lanes: int) -> int:
        """Enabled cycles from terms to sum."""
        levels = (lanes - 1).bit_length()
        return -(-levels // LEVELS_PER_STAGE)

    @staticmethod
    def layout(product: Product, lanes: int) -> data.StructLayout:
        """Layout of the sum of ``lanes`` aligned products."""
        return TermRange.aligned(product).layout(lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        terms = [self.term(lane) for lane in range(self.lanes)]
        nodes = [
            _Node(1, term.significand.as_unsigned() if self.terms.biased else term.significand, term.carry)
            for term in terms
        ]
        level = 0
        while len(nodes) > 1:
            pairs = zip(nodes[0::2], nodes[1::2], strict=False)
            nodes = [self._joined(m, left, right) for left, right in pairs] + nodes[len(nodes) & ~1 :]
            level += 1
            if self.registered and (level % LEVELS_PER_STAGE == 0 or len(nodes) == 1):
                nodes = [self._registered(m, node) for node in nodes]
        m.d.comb += [self.sum.significand.eq(self._unbiased(nodes[0])), self.sum.carry.eq(nodes[0].carry)]
        return m

    @property
    def _term_bits(self) -> int:
        return self.terms.layout(1)["significand"].width

    def _unbiased(self, node: _Node) -> Value:
        if not self.terms.biased:
            return node.total
        place = self._term_bits - 1
        return Cat(node.total[:place], node.total[place:] - node.lanes).as_signed()

    def _joined(self, m: Module, left: _Node, right: _Node) -> _Node:
        lanes = left.lanes + right.lanes
        if self.terms.biased:
            shape = Shape(self._term_bits + (lanes - 1).bit_length())
        else:
            shape = Shape.cast(self.terms.layout(lanes)["significand"].shape)
        return _Node(lanes, add(m, left.total, right.total, shape, carry=left.carry, name=f"sum{lanes}"), right.carry)

    def _registered(self, m: Module, node: _Node) -> _Node:
        total = Signal.like(node.total, name=f"sum{node.lanes}_register", reset_less=True, attrs={})
        carry = Signal(len(node.carry), name=f"carry{node.lanes}_register", reset_less=True)
        with m.If(self.enable):
            m.d.sync += [total.eq(node.total), carry.eq(node.carry)]
        return _Node(node.lanes, total, carry)
