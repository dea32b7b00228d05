# amaranth: UnusedElaboratable=no
# Reductions may be built only to be asked for their ports.
"""Exact accumulation that sums the lanes' terms and its own register in one tree, with one carry chain a step."""

from __future__ import annotations

from amaranth import Module, Shape, Signal, Value

from ...config import MacConfig
from ..mac import formulations
from ..sums.bit_heap import REGISTERED, BitHeap
from ..sums.compressed_tree import Gathered
from ..sums.reduction import Reduction
from ..sums.weights import add_terms
from ..wires.adders import add
from .exact_accumulator import ExactAccumulator


class MergedAccumulator(ExactAccumulator):
    """``total = register + sum over lanes of the bits of their terms``, modulo ``2**accumulator_bits``.

    Where lanes give negated products, the register holds the total's complement: ``~(total + x) = ~total - x``.

    Parameters
    ----------
    config
        The unit's configuration.

    Members
    -------
    As ``Accumulator``; ``term`` has the terms of all lanes.
    """

    @classmethod
    def reduction(cls, config: MacConfig) -> Reduction:
        term = formulations.term_layout(config, shift=cls.aligned(config))
        return Gathered(lanes=config.lanes, term=term)

    @property
    def _cleared(self) -> int:
        return -1 if formulations.negated(self.config) else 0

    def _next(self, m: Module, register: Signal) -> Value:
        heap = BitHeap(m, len(register))
        add_terms(
            m, heap, [self.term[f"term{lane}"] for lane in range(self.config.lanes)], formulations.weights(self.config)
        )
        for place, bit in enumerate(register):
            heap.add(place, bit, REGISTERED)
        first, second = heap.rows(waits=formulations.waits(self.config))
        return add(m, first, second, Shape(len(register)), name="total").as_signed()

    def _shown(self, held: Value) -> Value:
        return ~held if formulations.negated(self.config) else held
