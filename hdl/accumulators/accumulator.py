# amaranth: UnusedElaboratable=no
# Reductions and rounders may be built only to be asked for their latency and their ports.
"""What every accumulator has: its ports, the term it takes, and the lanes and the reduction that give it that term."""

from __future__ import annotations

from typing import ClassVar

from amaranth import Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...config import MacConfig
from ..mac import formulations
from ..mac.layouts import step_flags_layout, value_shape
from ..sums.reduction import Reduction


class Accumulator(wiring.Component):
    """Adds one term a step and shows the total, this step's included, in the same cycle.

    Parameters
    ----------
    config
        The unit's configuration.

    Attributes
    ----------
    ALIGNED
        Whether a single lane's term must be fixed point; if not, it keeps the product's exponent.
    LATENCY
        Enabled cycles from a step to the total with it.
    ZERO_WHEN_INVALID
        Whether a result with ``invalid`` set is reported as 0; if not, the total itself says what it is.

    Members
    -------
    step, last : In(1)
        A step is taken in this cycle; it is the last of its dot product.
    term : In(term_layout)
    flags : In(step_flags_layout)
    enable : In(1)
        Of those with a latency: what they hold for the step before moves on.
    total : Out(config.accumulator_bits)
        Signed fixed point or a float's code. Combinational, valid with ``step``, or ``LATENCY`` enabled cycles later.
    invalid : Out(1)
        A NaN or Inf operand, or a scale that is NaN, was met in this dot product.
    saturated : Out(1)
        If the configuration asks for it: a sum of this dot product was clamped, wrapped or overflowed, and it is not invalid.
    """

    ALIGNED: ClassVar[bool]
    LATENCY: ClassVar[int] = 0

    def __init__(self, *, config: MacConfig) -> None:
        self.config = config
        super().__init__({
            "step": In(1),
            "last": In(1),
            **({"enable": In(1)} if self.LATENCY else {}),
            "term": In(self.term_layout(config)),
            "flags": In(step_flags_layout(config)),
            "total": Out(value_shape(config)),
            "invalid": Out(1),
            **({"saturated": Out(1)} if config.saturated else {}),
        })  # fmt: skip

    def _flag(self, m: Module, beyond: Value) -> None:
        """Show and keep whether a sum was ``beyond`` the accumulator's range, if that is asked for; ``last`` forgets it."""
        if not self.config.saturated:
            return
        met, now = Signal(name="met_saturation"), Signal(name="saturation")
        m.d.comb += [now.eq(met | beyond), self.saturated.eq(now & ~self.invalid)]
        step, last, _ = self._step_shown
        with m.If(step):
            m.d.sync += met.eq(now & ~last)

    @property
    def _step_shown(self) -> tuple[Value, Value, data.View]:
        """``step``, ``last`` and ``flags`` of the step whose total is shown."""
        return self.step, self.last, self.flags

    @property
    def ZERO_WHEN_INVALID(self) -> bool:
        return self.config.accumulator.zero_when_invalid

    @property
    def overflow_possible(self) -> bool:
        """Whether a sum can pass the greatest number, as far as widths tell."""
        return True

    @property
    def group_steps(self) -> int:
        """Steps whose terms are summed apart before the accumulator takes them."""
        return 1

    @classmethod
    def aligned(cls, config: MacConfig) -> bool:
        """Whether the lanes that feed this accumulator align their products to fixed point."""
        return cls.ALIGNED or config.lanes > 1

    @classmethod
    def reduction(cls, config: MacConfig) -> Reduction | None:
        """A new component that makes one term of a step's lanes; None if the accumulator takes the only lane's own."""
        if config.lanes == 1:
            return None
        return formulations.reduction(config)

    @classmethod
    def term_layout(cls, config: MacConfig) -> data.StructLayout:
        """Layout of the term: the reduction's sum, or the only lane's own."""
        reduction = cls.reduction(config)
        if reduction is None:
            return formulations.term_layout(config, shift=cls.aligned(config))
        layout = reduction.sum.shape()
        assert isinstance(layout, data.StructLayout)
        return layout
