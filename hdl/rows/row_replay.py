"""Keeps a row and shows it as many times as a unit needs to see it."""

from __future__ import annotations

from amaranth import Module, Mux, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory, ReadPort
from amaranth.lib.wiring import In, Out

from ..wires.at_least import check_at_least
from ..wires.handshake import free
from .layouts import row_layout


def pass_layout(lanes: int, shape: ShapeLike, passes: int) -> data.StructLayout:
    """A beat of a row, and which time round it is shown, from 0."""
    return data.StructLayout({"beat": row_layout(lanes, shape), "turn": range(passes)})


class RowReplay(wiring.Component):
    """Shows each row ``passes`` times; between two passes it waits for the word of whoever looks.

    In pass 0 beats go through as they come and are kept. After the beat with ``last`` of a pass that is not the last one, the
    next pass begins when ``proceed`` is seen; after the last pass the next row is taken at once. A row of more than ``depth``
    beats is cut there, with ``last``, and what is left of it is thrown away: one row out for each row in.

    Throughput: a pass takes a cycle a beat, the next row follows without a gap. Between two passes of a row there are ``GAP``
    cycles without a beat if ``proceed`` is high in the first of them, and one more for each cycle that it comes later.

    Parameters
    ----------
    lanes
        Elements of a beat, at least 1.
    shape
        Shape of an element.
    depth
        Beats of the longest row, at least 1.
    passes
        How many times each row is shown, at least 2.

    Attributes
    ----------
    LATENCY
        Cycles from the transfer of a beat to ``o.valid`` in pass 0, without stalls.
    GAP

    Members
    -------
    i : In(stream.Signature(row_layout(lanes, shape)))
    o : Out(stream.Signature(pass_layout(lanes, shape, passes)))
    proceed : In(1)
        The pass has been digested. Looked at only while nothing is offered, after a pass's last beat has been taken.
    error : Out(1)
        A row was cut; stays until reset.

    Raises
    ------
    ValueError
        If ``lanes``, ``depth`` or ``passes`` is too small.
    """

    LATENCY = 1
    GAP = 1

    def __init__(self, *, lanes: int, shape: ShapeLike, depth: int, passes: int) -> None:
        check_at_least("RowReplay", 1, lanes=lanes, depth=depth)
        check_at_least("RowReplay", 2, passes=passes)
        self.lanes = lanes
        self.shape = shape
        self.depth = depth
        self.passes = passes
        super().__init__({
            "i": In(stream.Signature(row_layout(lanes, shape))),
            "o": Out(stream.Signature(pass_layout(lanes, shape, passes))),
            "proceed": In(1),
            "error": Out(1),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = data.StructLayout({"elements": data.ArrayLayout(self.shape, self.lanes), "keep": self.lanes})
        m.submodules.row = row = Memory(shape=kept, depth=self.depth, init=[])
        write, read = row.write_port(), row.read_port()
        shown = Signal(self.o.payload.shape(), reset_less=True)
        advance, replaying, dropping = Signal(), Signal(), Signal()
        index, end = Signal(range(self.depth)), Signal(range(self.depth), reset_less=True)
        beat, ends = self.i.payload, Signal()
        m.d.comb += [
            self.o.payload.eq(shown),
            advance.eq(free(self.o)),
            self.i.ready.eq(~replaying & advance),
            write.en.eq(self.i.valid & self.i.ready & ~dropping),
            write.addr.eq(index),
            write.data.elements.eq(beat.elements),
            write.data.keep.eq(beat.keep),
        ]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(0)
        with m.If(write.en):
            m.d.comb += ends.eq(beat.last | (index == self.depth - 1))
            m.d.sync += [
                self.o.valid.eq(1),
                shown.beat.eq(beat),
                shown.beat.last.eq(ends),
                shown.turn.eq(0),
                end.eq(index),
                index.eq(Mux(ends, 0, index + 1)),
                replaying.eq(ends),
                dropping.eq(ends & ~beat.last),
                self.error.eq(self.error | (ends & ~beat.last)),
            ]
        with m.Elif(self.i.valid & self.i.ready & beat.last):
            m.d.sync += dropping.eq(0)
        self._replay(m, read, shown, advance, replaying, index, end)
        return m

    def _replay(
        self,
        m: Module,
        read: ReadPort,
        shown: data.View,
        advance: Signal,
        replaying: Signal,
        index: Signal,
        end: Signal,
    ) -> None:
        """Passes after the first: ``read.data`` is always the beat at ``index``, from the second cycle of a wait on."""
        waiting, turn = Signal(init=1), Signal(range(self.passes), init=1)
        load, following = Signal(), Signal.like(index)
        m.d.comb += [
            # A wait begins with the last beat still offered, so that the read has the time it takes.
            load.eq(replaying & Mux(waiting, ~self.o.valid & self.proceed, advance)),
            following.eq(Mux(index == end, 0, index + 1)),
            read.addr.eq(Mux(load, following, index)),
        ]
        with m.If(load):
            m.d.sync += [
                self.o.valid.eq(1),
                shown.beat.elements.eq(read.data.elements),
                shown.beat.keep.eq(read.data.keep),
                shown.beat.last.eq(index == end),
                shown.turn.eq(turn),
                index.eq(following),
                waiting.eq(index == end),
            ]
            with m.If(index == end):
                m.d.sync += [
                    turn.eq(Mux(turn == self.passes - 1, 1, turn + 1)),
                    replaying.eq(turn != self.passes - 1),
                ]
