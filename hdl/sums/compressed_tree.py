"""The sum of a step's terms in full adders, bit by bit over all lanes, with one adder of numbers at the end."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth import Module, Shape, Signal
from amaranth.lib import data

from ..wires.adders import add
from .bit_heap import BitHeap
from .reduction import Reduction
from .weights import Weights, add_terms


class CompressedTree(Reduction):
    """``sum = sum over lanes of the bits of a term, each times its weight``.

    No carry runs along a number before the end: bits of all lanes that are worth the same are taken together. For standard cells,
    whose full adders are no dearer alone than in a row; on an FPGA carry chains are cheaper.

    Parameters
    ----------
    lanes
        Number of terms, at least 2.
    term
        Layout of a term.
    weights
        What its bits are worth.
    negated
        Whether that is the negation of the term.
    sum_layout
        Layout of the sum; it is wide enough for the sum.
    waits
        Whether a place's last bits may wait for the carry of the place below; if not, the sum's adder may be a fast one.
    registered
        Whether the sum is registered.

    Members
    -------
    As ``Reduction``.
    """

    KEY = "compressed"

    def __init__(
        self,
        *,
        lanes: int,
        term: data.StructLayout,
        weights: Weights,
        sum_layout: data.StructLayout,
        negated: bool = False,
        waits: bool = True,
        registered: bool = True,
    ) -> None:
        if lanes < 2:
            raise ValueError(f"CompressedTree lanes must be at least 2, not {lanes!r}")
        if len(weights.bits) != term.size:
            raise ValueError(f"CompressedTree weights must have {term.size} bits, as a term has, not {weights!r}")
        self.weights = weights
        self.negated = negated
        self.waits = waits
        self.registered = registered
        super().__init__(lanes=lanes, term=term, sum_layout=sum_layout)

    @property
    def LATENCY(self) -> int:
        return int(self.registered)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        width = len(self.sum.significand)
        heap = BitHeap(m, width)
        add_terms(m, heap, [self.term(lane) for lane in range(self.lanes)], self.weights)
        if self.negated:
            # The complement of x - 1 is -x.
            heap.add_constant(-1)
        first, second = heap.rows(waits=self.waits)
        total = add(m, first, second, Shape(width), name="total")
        found = Signal(Shape(width), name="sum_register", reset_less=True) if self.registered else total
        m.d.comb += self.sum.significand.eq(~found if self.negated else found)
        if self.registered:
            with m.If(self.enable):
                m.d.sync += found.eq(total)
        return m


class Gathered(Reduction):
    """The terms of all lanes side by side, for accumulators that sum them together with what they hold.

    Parameters
    ----------
    lanes
        Number of terms, at least 2.
    term
        Layout of a term.

    Members
    -------
    As ``Reduction``; ``sum`` has a field for each term.
    """

    KEY = "gathered"
    LATENCY = 0  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self, *, lanes: int, term: data.StructLayout) -> None:
        super().__init__(lanes=lanes, term=term, sum_layout=gathered_layout([term] * lanes))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.sum[f"term{lane}"].eq(self.term(lane)) for lane in range(self.lanes)]
        return m


def gathered_layout(terms: Sequence[data.StructLayout], *, exponent_bits: int | None = None) -> data.StructLayout:
    """``term0`` and so on, and the exponent that they share, if they do."""
    exponent = {} if exponent_bits is None else {"exponent": exponent_bits}
    return data.StructLayout({f"term{lane}": term for lane, term in enumerate(terms)} | exponent)
