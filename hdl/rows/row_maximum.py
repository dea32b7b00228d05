"""The greatest element of a row."""

from __future__ import annotations

from amaranth import Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..wires.greatest import greatest_of
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
        of_beat, greatest = Signal(self.shape, reset_less=True), Signal(self.shape, reset_less=True)
        stepped, begins = Signal(), Signal(init=1)
        m.d.comb += self.greatest.eq(greatest)
        m.d.sync += [
            of_beat.eq(greatest_of(m, list(self.beat.elements), list(self.beat.keep), name="greatest_kept")),
            stepped.eq(self.step),
            self.done.eq(self.step & self.beat.last),
        ]
        with m.If(stepped):
            m.d.sync += [
                greatest.eq(Mux(begins | (of_beat > greatest), of_beat, greatest)),
                begins.eq(self.done),
            ]
        return m
