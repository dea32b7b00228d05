# amaranth: UnusedElaboratable=no
"""From a row's sums to what its elements are multiplied with, by an exact square root and one division each."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.nonlinear import NormWidths
from ..rows.divider import Divider
from .square_root import SquareRoot


class RootFactors(wiring.Component):
    """``mean``, ``factor`` and ``offset`` such that ``x`` becomes ``(x - mean) * factor - offset``.

    With ``c`` 1 where the rule takes the mean off and else 0, for which there is no total, no mean and no offset::

        mean, rest = divmod(total, count)
        root = max(isqrt((count * (squares * 2**F + count * epsilon) - c * total**2 * 2**F) << root_shift), 1)
        factor = count * 2**(f+R) // root;   offset = rest * 2**(f+R) // root

    Products are made a bit of ``count`` and of ``total`` a cycle, while these are divided; the root a bit a cycle; then both
    factors at once.

    Parameters
    ----------
    widths
        Algorithm and widths.
    total_bits, squares_bits
        Of the sums. With a mean these are of elements to which half their range was added, so that there is no sign; a
        spread is the same wherever it lies.

    Attributes
    ----------
    LATENCY
        Cycles from ``start`` to ``done``.

    Members
    -------
    start : In(1)
    count, total, squares, epsilon : In(...)
        Stay from ``start`` to ``done``.
    done : Out(1)
        Up from the cycle in which the factors are there until ``taken``.
    taken : In(1)
    mean : Out(input_bits), factor : Out(factor_bits), offset : Out(factor_bits)
        Stay until ``done`` comes again.

    Raises
    ------
    TypeError
        If ``widths`` is not a ``NormWidths``.
    """

    def __init__(self, *, widths: NormWidths, total_bits: int, squares_bits: int) -> None:
        check_class(widths, NormWidths, "RootFactors", "widths")
        self.widths = widths
        self.total_bits = total_bits if widths.rule.centred else 0
        self._root = SquareRoot(radicand_bits=widths.radicand_bits + widths.root_shift)
        self._slope = self._divider()
        self._shift = self._divider() if widths.rule.centred else None
        super().__init__({
            "start": In(1),
            "count": In(widths.length_bits),
            "total": In(self.total_bits),
            "squares": In(squares_bits),
            "epsilon": In(widths.epsilon_bits),
            "done": Out(1),
            "taken": In(1),
            "mean": Out(widths.input_bits if widths.rule.centred else 0),
            "factor": Out(widths.factor_bits),
            "offset": Out(widths.factor_bits if widths.rule.centred else 0),
        })  # fmt: skip

    @property
    def steps(self) -> int:
        """Cycles in which products are made: those with the epsilon first, which those with the count then need."""
        return max(2 * self.widths.length_bits, self.total_bits)

    @property
    def LATENCY(self) -> int:
        # A cycle to hand over to the root, and one to keep what the dividers found.
        return self.steps + 1 + self._root.LATENCY + self._slope.LATENCY + 1

    def _divider(self) -> Divider:
        widths = self.widths
        scaled = widths.length_bits + widths.factor_fraction_bits + widths.rule.root_fraction_bits
        return Divider(
            dividend_bits=max(scaled, self.total_bits),
            divisor_bits=max(widths.root_bits, widths.length_bits),
            quotient_bits=widths.factor_bits,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.root = root = self._root
        m.submodules.slope = slope = self._slope
        radicand, left = self._products(m)
        waiting, divided = Signal(), Signal()
        divisor = Mux(root.o.payload.root.any(), root.o.payload.root, 1)
        scale = self.widths.factor_fraction_bits + self.widths.rule.root_fraction_bits
        m.d.comb += [
            root.i.valid.eq(waiting & ~left.any()),
            root.i.payload.radicand.eq(radicand << self.widths.root_shift),
            divided.eq(root.o.valid & slope.i.ready),
            root.o.ready.eq(slope.i.ready),
            slope.i.valid.eq(divided),
            slope.i.payload.dividend.eq(self.count << scale),
            slope.i.payload.divisor.eq(divisor),
            slope.o.ready.eq(1),
        ]
        with m.If(self.start):
            m.d.sync += waiting.eq(1)
        with m.Elif(root.i.valid & root.i.ready):
            m.d.sync += waiting.eq(0)
        with m.If(self.taken):
            m.d.sync += self.done.eq(0)
        dividing = Signal()
        with m.If(divided):
            m.d.sync += dividing.eq(1)
        with m.If(slope.o.valid & dividing):
            m.d.sync += [self.factor.eq(slope.o.payload.quotient), self.done.eq(1), dividing.eq(0)]
        if self._shift is not None:
            self._mean(m, slope, self._shift, dividing, divided, divisor, scale)
        return m

    def _mean(
        self, m: Module, slope: Divider, shift: Divider, dividing: Signal, divided: Value, divisor: Value, scale: int
    ) -> None:
        """The mean by the divider that is idle until there is a root, and the other factor by one more."""
        m.submodules.shift = shift
        rest = Signal(self.widths.length_bits, reset_less=True)
        with m.If(self.start):
            m.d.comb += [
                slope.i.valid.eq(1),
                slope.i.payload.dividend.eq(self.total),
                slope.i.payload.divisor.eq(self.count),
            ]
        with m.If(slope.o.valid & ~dividing):
            m.d.sync += [self.mean.eq(slope.o.payload.quotient), rest.eq(slope.o.payload.remainder)]
        m.d.comb += [
            shift.i.valid.eq(divided),
            shift.i.payload.dividend.eq(rest << scale),
            shift.i.payload.divisor.eq(divisor),
            shift.o.ready.eq(1),
        ]
        with m.If(shift.o.valid):
            m.d.sync += self.offset.eq(shift.o.payload.quotient)

    def _products(self, m: Module) -> tuple[Signal, Signal]:
        """The radicand, and how many cycles it still takes: sums of shifted operands from the factors' highest bits on."""
        widths, rule = self.widths, self.widths.rule
        left = Signal(range(self.steps + 1))
        # What stands there on the way may wrap: shifts to the left and sums are exact in as many bits as the result has.
        radicand = Signal(widths.radicand_bits, reset_less=True)
        addend = Signal(widths.epsilon_bits + widths.length_bits, reset_less=True)
        bit = Signal(range(max(self.steps, 2)))
        early = Signal(range(max(widths.length_bits, 2)))
        m.d.comb += [bit.eq(left - 1), early.eq(left - 1 - (self.steps - widths.length_bits))]
        squares = Cat(Const(0, rule.epsilon_fraction_bits), self.squares) + addend
        total = Cat(Const(0, rule.epsilon_fraction_bits), self.total)
        of_count = _bit(self.count, bit) & (left <= widths.length_bits)
        of_total = (_bit(self.total, bit) & (left <= self.total_bits)) if rule.centred else Const(0)
        with m.If(self.start):
            m.d.sync += [left.eq(self.steps), radicand.eq(0), addend.eq(0)]
        with m.Elif(left.any()):
            m.d.sync += [
                left.eq(left - 1),
                radicand.eq((radicand << 1) + Mux(of_count, squares, 0) - Mux(of_total, total, 0)),
            ]
            with m.If(left > self.steps - widths.length_bits):
                of_epsilon = _bit(self.count, early)
                m.d.sync += addend.eq((addend << 1) + Mux(of_epsilon, self.epsilon, 0))
        return radicand, left


def _bit(value: Value, index: Value) -> Value:
    return value.bit_select(index, 1)
