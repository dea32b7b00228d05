"""The greatest element of a row."""

from __future__ import annotations

from amaranth import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..balanced import balanced
from .layouts import row_layout


class RowMaximum(wiring.Component):
    """The greatest of the elements that a row keeps; the least that there is for a row that keeps nothing.

    A beat's own maximum is found first, then it joins the row's, so that ``greatest`` is there two cycles after the row's last
    beat. It starts anew with each row.

    Parameters
    ----------
    lanes
        Elements of a beat.
    shape
        Shape of an element, signed.

    Members
    -------
    step : In(1)
        A beat goes by.
    beat : In(row_layout(lanes, shape))
    done : Out(1)
        High for a cycle, the one before ``greatest`` is that of the whole row.
    greatest : Out(shape)
        Stays until two cycles after the next row's first beat.
    """

    def __init__(self, *, lanes: int, shape: Shape) -> None:
        self.lanes = lanes
        self.shape = shape
        super().__init__({
            "step": In(1),
            "beat": In(row_layout(lanes, shape)),
            "done": Out(1),
            "greatest": Out(shape),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        least = -(1 << (self.shape.width - 1))
        of_beat, greatest = Signal(self.shape, reset_less=True), Signal(self.shape, reset_less=True)
        stepped, begins = Signal(), Signal(init=1)
        kept: list[Value] = []
        for lane in range(self.lanes):
            kept.append(Signal(self.shape, name=f"kept{lane}"))
            m.d.comb += kept[-1].eq(Mux(self.beat.keep[lane], self.beat.elements[lane], least))
        m.d.comb += self.greatest.eq(greatest)
        m.d.sync += [
            of_beat.eq(balanced(kept, lambda a, b, _place: Mux(a > b, a, b))),
            stepped.eq(self.step),
            self.done.eq(self.step & self.beat.last),
        ]
        with m.If(stepped):
            m.d.sync += [
                greatest.eq(Mux(begins | (of_beat > greatest), of_beat, greatest)),
                begins.eq(self.done),
            ]
        return m
