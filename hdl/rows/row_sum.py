"""The sum of all elements of a row, as its beats go by."""

from __future__ import annotations

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..sums.adder_tree import AdderTree, TermRange
from ..wires.at_least import check_at_least


class RowSum(wiring.Component):
    """``total = sum(terms)`` over all lanes of all beats of a row; the next row begins anew.

    Throughput: a beat a cycle.

    Parameters
    ----------
    lanes
        Terms of a beat, at least 1.
    greatest
        Greatest term, at least 1; terms are unsigned.
    beats
        Of the longest row, at least 1.

    Attributes
    ----------
    LATENCY
        Cycles from the beat with ``last`` to ``done``.

    Members
    -------
    step : In(1)
        A beat is there.
    last : In(1)
        It is its row's last.
    term0, term1, ... : In(term_bits)
        0 for an element that takes no part.
    total : Out(total_bits)
        From the cycle of ``done`` until two cycles at least after the next row's first beat.
    done : Out(1)
        In the first cycle in which ``total`` has all of the row.

    Raises
    ------
    ValueError
        If an argument is too small.
    """

    def __init__(self, *, lanes: int, greatest: int, beats: int) -> None:
        check_at_least("RowSum", 1, lanes=lanes, greatest=greatest, beats=beats)
        self.lanes = lanes
        self.greatest = greatest
        super().__init__({
            "step": In(1),
            "last": In(1),
            **{f"term{lane}": In(greatest.bit_length()) for lane in range(lanes)},
            "total": Out((greatest * lanes * beats).bit_length()),
            "done": Out(1),
        })  # fmt: skip

    @property
    def LATENCY(self) -> int:
        return 1 + self._tree_latency

    @property
    def _tree_latency(self) -> int:
        return AdderTree.latency(self.lanes) if self.lanes > 1 else 1

    def term(self, lane: int) -> Signal:
        """The input port of a lane."""
        return getattr(self, f"term{lane}")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        steps, lasts = Signal(self._tree_latency), Signal(self._tree_latency)
        first = Signal(init=1)
        beat_sum = self._beat_sum(m)
        m.d.sync += [
            steps.eq(steps << 1 | self.step),
            lasts.eq(lasts << 1 | self.last),
            self.done.eq(steps[-1] & lasts[-1]),
        ]
        with m.If(steps[-1]):
            m.d.sync += [self.total.eq(Mux(first, 0, self.total) + beat_sum), first.eq(lasts[-1])]
        return m

    def _beat_sum(self, m: Module) -> Value:
        if self.lanes == 1:
            term = Signal.like(self.term(0), reset_less=True)
            m.d.sync += term.eq(self.term(0))
            return term
        m.submodules.tree = tree = AdderTree(
            lanes=self.lanes, terms=TermRange(low=0, high=self.greatest, carry=False)
        )  # fmt: skip
        m.d.comb += [
            tree.enable.eq(1),
            *(tree.term(lane).significand.eq(self.term(lane)) for lane in range(self.lanes)),
        ]
        # The tree's sums have a sign, which terms have not.
        return tree.sum.significand.as_unsigned()
