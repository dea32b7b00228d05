"""The balanced, pipelined sum of a step's aligned terms."""

from __future__ import annotations

from dataclasses import dataclass

from amaranth import Cat, Module, Shape, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..formats import Product, signed_bits
from .adders import add
from .aligner import Aligner, aligned_bits, term_has_carry, term_is_biased
from .layouts import term_layout

LEVELS_PER_STAGE = 2
"""Adders in a row between two registers."""


@dataclass(frozen=True)
class _Node:
    lanes: int
    total: Value
    carry: Value


class AdderTree(wiring.Component):
    """Sum ``lanes`` terms pairwise, each level as wide as its range needs, a register after every second one.

    Every adder takes one lane's carry at its carry input; ``lanes`` terms have one carry more than the tree has adders, and
    that one goes out with the sum. Biased terms (``term_is_biased``) are summed as unsigned numbers, and the bias of all of them
    is taken off the sum's upper bits, for a power of two by inverting the top one.

    Parameters
    ----------
    product
        Facts about the operand formats.
    lanes
        Number of terms, at least 2.

    Members
    -------
    enable : In(1)
    term0, term1, ... : In(term_layout)
        One port per lane: simulators re-evaluate every reader of a vector when any part of it changes.
    sum : Out(term_layout)
        Registered, ``latency(lanes)`` enabled cycles after the terms.
    """

    def __init__(self, *, product: Product, lanes: int) -> None:
        if lanes < 2:
            raise ValueError(f"AdderTree lanes must be at least 2, not {lanes!r}")
        self.facts = product
        self.lanes = lanes
        super().__init__({
            "enable": In(1),
            **{f"term{index}": In(Aligner.layout(product, shift=True)) for index in range(lanes)},
            "sum": Out(self.layout(product, lanes)),
        })  # fmt: skip

    def term(self, lane: int) -> data.View:
        """The input port of a lane."""
        return getattr(self, f"term{lane}")

    @staticmethod
    def latency(lanes: int) -> int:
        """Enabled cycles from terms to sum."""
        levels = (lanes - 1).bit_length()
        return -(-levels // LEVELS_PER_STAGE)

    @staticmethod
    def _bits(product: Product, lanes: int) -> int:
        low, high = product.sum_range(lanes)
        return signed_bits(low - int(term_has_carry(product)), high)

    @classmethod
    def layout(cls, product: Product, lanes: int) -> data.StructLayout:
        """Layout of the sum of ``lanes`` terms."""
        return term_layout(cls._bits(product, lanes), carry=term_has_carry(product))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        terms = [self.term(lane) for lane in range(self.lanes)]
        biased = term_is_biased(self.facts)
        nodes = [_Node(1, term.significand.as_unsigned() if biased else term.significand, term.carry) for term in terms]
        level = 0
        while len(nodes) > 1:
            pairs = zip(nodes[0::2], nodes[1::2], strict=False)
            nodes = [self._joined(m, left, right) for left, right in pairs] + nodes[len(nodes) & ~1 :]
            level += 1
            if level % LEVELS_PER_STAGE == 0 or len(nodes) == 1:
                nodes = [self._registered(m, node) for node in nodes]
        m.d.comb += [self.sum.significand.eq(self._unbiased(nodes[0])), self.sum.carry.eq(nodes[0].carry)]
        return m

    def _unbiased(self, node: _Node) -> Value:
        if not term_is_biased(self.facts):
            return node.total
        place = aligned_bits(self.facts) - 1
        return Cat(node.total[:place], node.total[place:] - node.lanes).as_signed()

    def _joined(self, m: Module, left: _Node, right: _Node) -> _Node:
        lanes = left.lanes + right.lanes
        if term_is_biased(self.facts):
            shape = Shape(aligned_bits(self.facts) + (lanes - 1).bit_length())
        else:
            shape = Shape(self._bits(self.facts, lanes), signed=True)
        return _Node(lanes, add(m, left.total, right.total, shape, carry=left.carry, name=f"sum{lanes}"), right.carry)

    def _registered(self, m: Module, node: _Node) -> _Node:
        total = Signal.like(node.total, name=f"sum{node.lanes}_register", reset_less=True, attrs={})
        carry = Signal(len(node.carry), name=f"carry{node.lanes}_register", reset_less=True)
        with m.If(self.enable):
            m.d.sync += [total.eq(node.total), carry.eq(node.carry)]
        return _Node(node.lanes, total, carry)
