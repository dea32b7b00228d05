"""The aligned window's sum in full adders: products are cut to the window as by early signs, and summed bit by bit."""

from __future__ import annotations

from amaranth import Module, Shape, Value
from amaranth.lib import data

from ..wires.adders import add
from .adder_tree import TermRange
from .bit_heap import BitHeap
from .compressed_tree import gathered_layout
from .early_window_tree import EarlyWindowTree
from .weights import Weights, add_terms


def window_weights(terms: TermRange, *, place: int = 0) -> Weights:
    """What the bits of an aligned term are worth: it is a one's complement, whose sign and carry are the same bit."""
    found = Weights.of_number(terms, place)
    if not terms.carry:
        return found
    *low, sign, carry = found.bits
    return Weights((*low, 0, sign + carry))


class CompressedWindowTree(EarlyWindowTree):
    """The same sum as ``EarlyWindowTree``, in full adders over the bits of all lanes, with one carry chain at the end.

    Parameters and members are those of ``WindowTree``; products have signs, magnitudes and exponents. With registers, one is
    behind the search, one behind the shifts and one behind the sum.
    """

    KEY = "compressed window"

    @property
    def LATENCY(self) -> int:
        return self._search_latency + int(self._selects and self.registered) + int(self.registered)

    def _summed(self, m: Module, terms: list[data.View], greatest: Value) -> None:
        width = len(self.sum.significand)
        heap = BitHeap(m, width)
        add_terms(m, heap, terms, window_weights(self.terms))
        first, second = heap.rows(waits=False)
        total: Value = add(m, first, second, Shape(width), name="total")
        if self.registered:
            total = self._registered(m, total, "total")
        waits = range(self.LATENCY - self._search_latency)
        m.d.comb += [
            self.sum.significand.eq(total),
            self.sum.exponent.eq(self._delayed(m, greatest, "sum_exponent", waits)),
        ]


class GatheredWindow(EarlyWindowTree):
    """The terms of all lanes cut to the window, side by side, for an accumulator that sums them with what it holds.

    Parameters and members are those of ``WindowTree``; ``sum`` has a field for each term, and the exponent.
    """

    KEY = "gathered window"

    def _sum_layout(self, lanes: int, exponent_bits: int) -> data.StructLayout:
        return gathered_layout([self.terms.layout(1)] * lanes, exponent_bits=exponent_bits)

    def _summed(self, m: Module, terms: list[data.View], greatest: Value) -> None:
        m.d.comb += [self.sum[f"term{lane}"].eq(term) for lane, term in enumerate(terms)]
        m.d.comb += self.sum.exponent.eq(greatest)
