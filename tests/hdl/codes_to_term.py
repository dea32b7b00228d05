"""A lane that tests give all pairs of codes."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bitmill.hdl.mac.lane import Lane


class CodesToTerm(wiring.Component):
    """A lane without registers, with both codes at one port."""

    def __init__(self, config):
        self.lane = Lane(config=config, shift=True)
        self.bits = config.weight_format.bits
        super().__init__({"codes": In(self.bits + config.activation_format.bits), "term": Out(self.lane.term.shape())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lane = self.lane
        m.d.comb += [
            self.lane.weight.eq(self.codes[: self.bits]),
            self.lane.activation.eq(self.codes[self.bits :]),
            self.term.eq(self.lane.term),
        ]
        return m
