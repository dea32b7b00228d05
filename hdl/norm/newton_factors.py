# amaranth: UnusedElaboratable=no
"""A row's mean, and what its deviations are multiplied with by way of Newton's square root: all by one divider."""

from __future__ import annotations

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import LARGEST, NewtonWidths
from ...config.nonlinear.newton_widths import NEWTON_START
from ..rows.divider import Divider


class NewtonFactors(wiring.Component):
    """``mean = round(total / count)``; ``factor = (2**31 - 1) // k`` after the rule's count of ``k = (k + squares // k) >> 1``.

    Parameters
    ----------
    widths
        Algorithm and widths.
    total_bits
        Of the sum of a row's elements, to which half their range was added, so that there is no sign.
    bits_per_cycle
        Of the divider.

    Attributes
    ----------
    MEAN_LATENCY, FACTOR_LATENCY
        Cycles from ``start_mean`` and ``start_factor`` to ``done``.

    Members
    -------
    start_mean, start_factor : In(1)
    count, total, squares : In(...)
        Stay from their start to ``done``.
    done : Out(1)
        Up from the cycle in which a result is there until ``taken``.
    taken : In(1)
    mean : Out(input_bits), factor : Out(factor_bits)
        Stay until they are done again.

    Raises
    ------
    TypeError
        If ``widths`` is not a ``NewtonWidths``.
    """

    def __init__(self, *, widths: NewtonWidths, total_bits: int, bits_per_cycle: int = 1) -> None:
        check_class(widths, NewtonWidths, "NewtonFactors", "widths")
        self.widths = widths
        # The root's first quotient is V / 2**16, later ones are at most sqrt(V) + 2, as k is never below it.
        quotient_bits = max(widths.factor_bits, widths.root_bits)
        self._divider = Divider(
            dividend_bits=max(total_bits, widths.squares_bits, quotient_bits),
            divisor_bits=max(widths.root_bits, widths.length_bits),
            bits_per_cycle=bits_per_cycle,
            quotient_bits=quotient_bits,
        )
        super().__init__({
            "start_mean": In(1),
            "start_factor": In(1),
            "count": In(widths.length_bits),
            "total": In(total_bits),
            "squares": In(widths.squares_bits),
            "done": Out(1),
            "taken": In(1),
            "mean": Out(widths.input_bits),
            "factor": Out(widths.factor_bits),
        })  # fmt: skip

    @property
    def MEAN_LATENCY(self) -> int:
        return self._divider.LATENCY + 2

    @property
    def FACTOR_LATENCY(self) -> int:
        return (self.widths.rule.root_iterations + 1) * (self._divider.LATENCY + 1) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.divider = divider = self._divider
        iterations = self.widths.rule.root_iterations
        asking, of_mean, steps = Signal(), Signal(), Signal(range(iterations + 1))
        root = Signal(self.widths.root_bits, reset_less=True)
        operands, found = divider.i.payload, divider.o.payload
        m.d.comb += [divider.i.valid.eq(asking), divider.o.ready.eq(1)]
        with m.If(of_mean):
            m.d.comb += [operands.dividend.eq(self.total), operands.divisor.eq(self.count)]
        with m.Else():
            m.d.comb += [
                operands.dividend.eq(Mux(steps.any(), self.squares, LARGEST)),
                # A root of 0 belongs to a row of equal elements, which any quotient leaves zeros.
                operands.divisor.eq(root),
            ]
        with m.If(asking & divider.i.ready):
            m.d.sync += asking.eq(0)
        with m.If(self.taken):
            m.d.sync += self.done.eq(0)
        with m.If(divider.o.valid):
            m.d.sync += [self.done.eq(of_mean | ~steps.any()), asking.eq(~of_mean & steps.any())]
            with m.If(of_mean):
                m.d.sync += self.mean.eq(found.quotient + self._rounding(m, found.quotient[0], found.remainder))
            with m.Elif(steps.any()):
                m.d.sync += [root.eq((root + found.quotient) >> 1), steps.eq(steps - 1)]
            with m.Else():
                m.d.sync += self.factor.eq(found.quotient)
        with m.If(self.start_mean):
            m.d.sync += [asking.eq(1), of_mean.eq(1)]
        with m.If(self.start_factor):
            m.d.sync += [asking.eq(1), of_mean.eq(0), steps.eq(iterations), root.eq(NEWTON_START)]
        return m

    def _rounding(self, m: Module, odd: Signal, remainder: Signal) -> Signal | Const:
        """1 where the mean is nearer to the next integer; half the range of an element is even, so parities are its own."""
        if self.widths.rule.mean_rounding == "floor":
            return Const(0)
        up, twice = Signal(), Signal(len(remainder) + 1)
        m.d.comb += [twice.eq(remainder << 1), up.eq((twice > self.count) | ((twice == self.count) & odd))]
        return up
