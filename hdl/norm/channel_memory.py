"""Constants of channels beside a stream of rows: one write port, one beat read at a time."""

from __future__ import annotations

from amaranth import Module, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out


def channel_write_layout(shape: ShapeLike, *, lanes: int, beats: int) -> data.StructLayout:
    """What writes the constants of a beat's lanes that ``enable`` names: channel ``beat * lanes + lane``, all the same."""
    return data.StructLayout({"enable": lanes, "beat": range(beats), "constants": shape})


class ChannelMemory(wiring.Component):
    """The constants of the channels of a row, which begins with the first channel each time.

    Parameters
    ----------
    shape
        Shape of a channel's constants.
    lanes
        Channels of a beat.
    beats
        Of the longest row.

    Members
    -------
    write : In(channel_write_layout(...))
        Written in this cycle; not while a row that reads it is inside.
    enable : In(1)
        Whether ``constants`` moves on.
    step : In(1)
        With ``enable``: a beat goes by, whose constants come out with this clock edge.
    last : In(1)
        It is its row's last.
    constants : Out(ArrayLayout(shape, lanes))
    """

    def __init__(self, *, shape: ShapeLike, lanes: int, beats: int) -> None:
        self.shape = shape
        self.lanes = lanes
        self.beats = beats
        super().__init__({
            "write": In(channel_write_layout(shape, lanes=lanes, beats=beats)),
            "enable": In(1),
            "step": In(1),
            "last": In(1),
            "constants": Out(data.ArrayLayout(shape, lanes)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=data.ArrayLayout(self.shape, self.lanes), depth=self.beats, init=[]
        )  # fmt: skip
        written, read = memory.write_port(granularity=1), memory.read_port()
        beat = Signal(range(self.beats))
        m.d.comb += [
            written.en.eq(self.write.enable),
            written.addr.eq(self.write.beat),
            written.data.as_value().eq(self.write.constants.as_value().replicate(self.lanes)),
            read.en.eq(self.enable),
            read.addr.eq(beat),
            self.constants.eq(read.data),
        ]
        with m.If(self.enable & self.step):
            m.d.sync += beat.eq(beat + 1)
            with m.If(self.last):
                m.d.sync += beat.eq(0)
        return m
