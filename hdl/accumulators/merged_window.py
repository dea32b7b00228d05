# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their widths.
"""The aligned window's accumulator that sums the lanes' terms and its own significand in one tree, with one carry chain."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Shape, Signal, Value

from ...config import MacConfig
from ..mac import formulations
from ..sums.bit_heap import LANE, BitHeap
from ..sums.compressed_window_tree import GatheredWindow, window_weights
from ..sums.weights import add_terms
from ..wires.adders import add
from .lean_float import LeanWindowAccumulator
from .window_accumulator import WindowAccumulator

_PLACED = LANE + 2
"""When the accumulator's bits are in place: its shift is longer than the lanes'."""


class MergedWindowAccumulator(LeanWindowAccumulator):
    """The same totals as ``WindowAccumulator``.

    No sum of the lanes is known before the accumulator is added to it: full adders take the bits of all terms and those of the
    accumulator, which is shifted to its place meanwhile, as a one's complement where it is negative.

    Parameters
    ----------
    config
        The unit's configuration.

    Members
    -------
    As ``Accumulator``; ``term`` has the terms of all lanes, cut to the window.
    """

    @classmethod
    def reduction(cls, config: MacConfig) -> GatheredWindow:
        tree = formulations.window_tree(config, raised=cls.raised(config), component=GatheredWindow)
        assert isinstance(tree, GatheredWindow)
        return tree

    @classmethod
    def term_bits(cls, config: MacConfig) -> int:
        reduction = WindowAccumulator.reduction(config)
        assert reduction is not None
        return reduction.sum.shape()["significand"].width

    def _in_sign(self, m: Module, significand: Value, negative: Value, shift: Value) -> Signal:
        """The sum in the window, in its own sign."""
        w, width = self.window, self.window.bits + 2
        placed = self._placed(m, significand, negative, shift)
        heap = BitHeap(m, width)
        weights = window_weights(self.reduction(self.config).terms, place=w.low + w.sticky)
        add_terms(m, heap, [self.term[f"term{lane}"] for lane in range(self.config.lanes)], weights)
        for place, bit in enumerate(placed):
            heap.add(place, bit, _PLACED)
        heap.add(0, negative)
        heap.subtract(len(placed), negative)
        first, second = heap.rows(waits=False)
        total = Signal(Shape(width, signed=True), name="window_total")
        m.d.comb += total.eq(add(m, first, second, Shape(width), name="window_sum"))
        if w.sticky:
            own = Cat(placed, negative, negative)
            self._moved = Signal(name="any_term")
            m.d.comb += self._moved.eq((total.as_unsigned() - own - negative)[:width].any())
        return total

    def _placed(self, m: Module, significand: Value, negative: Value, shift: Value) -> Value:
        """The accumulator's significand shifted to its place, what is beside it being its sign."""
        w = self.window
        spare = w.significand + 1
        amount = Signal(range(w.gap_shift + spare + 1))
        field: Value = Signal(len(significand), name="significand_signed")
        m.d.comb += [amount.eq(shift + spare), field.eq(significand ^ negative.replicate(len(field)))]
        above = spare + w.bits - w.sticky
        for index in range(len(amount)):
            fill = negative.replicate(1 << index)
            moved = Signal(min(above, len(field) + (1 << index)), name=f"placed{1 << index}")
            m.d.comb += moved.eq(Mux(amount[index], Cat(fill, field), Cat(field, fill)))
            field = moved
        if not w.sticky:
            return field[spare:]
        lost = (field[:spare] ^ negative.replicate(spare)).any()
        return Cat(lost ^ negative, field[spare:])

    def _sign(self, total: Value, negative: Value) -> Value:
        return total[-1]

    def _any_term(self) -> Value:
        return self._moved
