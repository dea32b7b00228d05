"""What every accumulator has: its ports, and the term it takes from one lane or from the adder tree."""

from __future__ import annotations

from typing import ClassVar

from amaranth.hdl import Shape
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import AcceleratorConfig
from .adder_tree import AdderTree
from .aligner import Aligner
from .layouts import flags_layout


class Accumulator(wiring.Component):
    """Adds one term a step and shows the total, this step's included, in the same cycle.

    Parameters
    ----------
    config
        The unit's configuration.
    total
        Shape of the total.

    Attributes
    ----------
    ALIGNED
        Whether a single lane's term must be fixed point; if not, it keeps the product's exponent.
    ZERO_WHEN_INVALID
        Whether a result with ``invalid`` set is reported as 0; if not, the total itself says what it is.

    Members
    -------
    step, last : In(1)
        A step is taken in this cycle; it is the last of its dot product.
    term : In(term_layout)
    flags : In(flags_layout)
    total : Out(total)
        Combinational, valid with ``step``.
    invalid : Out(1)
        A NaN or Inf operand was met in this dot product.
    """

    ALIGNED: ClassVar[bool]
    ZERO_WHEN_INVALID: ClassVar[bool]

    def __init__(self, *, config: AcceleratorConfig, total: Shape) -> None:
        self.config = config
        super().__init__({
            "step": In(1),
            "last": In(1),
            "term": In(self.term_layout(config)),
            "flags": In(flags_layout(config)),
            "total": Out(total),
            "invalid": Out(1),
        })  # fmt: skip

    @classmethod
    def term_layout(cls, config: AcceleratorConfig) -> data.StructLayout:
        """Layout of the term: one lane's own, or the adder tree's fixed-point sum."""
        if config.lanes == 1:
            return Aligner.layout(config.product, shift=cls.ALIGNED)
        return AdderTree.layout(config.product, config.lanes)
