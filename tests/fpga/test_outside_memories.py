"""Units without their memories: ports where the memory was, the same logic left, read-only tables kept."""

import re

import pytest
from amaranth import Array, Const, Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from bitmill import BitmillError
from bitmill.fpga.outside_memories import without_memories
from bitmill.fpga.synthesis import synthesize
from bitmill.hdl.emit.verilog import emit_component

SQUARES = [(7 * index * index + 3) % 256 for index in range(64)]


class Kept(wiring.Component):
    """What is written at ``place`` is read from ``place + 1`` a cycle later, XORed with a table's entry and 5."""

    def __init__(self, *, depth=48, memory=True):
        self.depth = depth
        self.memory = memory
        outside = {} if memory else {"read": In(8), "address": Out(6), "data": Out(8), "enable": Out(1)}
        super().__init__({"place": In(6), "data_in": In(8), "write": In(1), "result": Out(8), **outside})

    def elaborate(self, platform):
        m = Module()
        after = (self.place + 1)[:6]
        table = Array([Const(value, 8) for value in SQUARES])[self.place]
        if self.memory:
            m.submodules.memory = memory = Memory(shape=8, depth=self.depth, init=[])
            write, port = memory.write_port(), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.place),
                write.data.eq(self.data_in + 1),
                write.en.eq(self.write),
                port.addr.eq(after),
            ]
            read = port.data
        else:
            m.d.comb += [self.address.eq(after), self.data.eq(self.data_in + 1), self.enable.eq(self.write)]
            read = self.read
        m.d.sync += self.result.eq(read ^ table ^ 5)
        return m


def test_the_memorys_ports_become_the_units():
    apart = without_memories(emit_component(Kept(), top="kept"), "kept")
    assert apart.memory_bits == 48 * 8
    declared = re.findall(r"^\s*(?:in|out)put (?:\[(\d+):0\] )?.*?(\w+) ?;$", apart.verilog, flags=re.MULTILINE)
    ports = {name: int(high or 0) + 1 for high, name in declared}
    assert {name: bits for name, bits in ports.items() if name.isupper()} == {
        "WR_ADDR": 6, "WR_DATA": 8, "WR_EN": 8, "WR_CLK": 1, "RD_ADDR": 6, "RD_DATA": 8, "RD_EN": 1, "RD_CLK": 1,
        "RD_SRST": 1, "RD_ARST": 1,
    }  # fmt: skip
    assert "reg [7:0] memory" not in apart.verilog


@pytest.mark.parametrize("target", ["generic", "ecp5"])
def test_what_is_left_is_what_a_unit_without_memory_takes(target):
    apart = synthesize(without_memories(emit_component(Kept(), top="kept"), "kept").verilog, "kept", target).counts
    by_hand = synthesize(emit_component(Kept(memory=False), top="kept"), "kept", target).counts
    # The table that nothing writes is logic of the unit in both.
    assert apart.registers == by_hand.registers
    # Other names, another order of ports: ABC may find a gate more or less.
    assert abs(apart.logic - by_hand.logic) <= 1
    assert apart.logic > 30


def test_bits_of_several_memories_add_up():
    class Two(wiring.Component):
        def __init__(self):
            super().__init__({"place": In(6), "result": Out(8)})

        def elaborate(self, platform):
            m = Module()
            m.submodules.first, m.submodules.second = first, second = Kept(depth=48), Kept(depth=33)
            for one in (first, second):
                m.d.comb += [one.place.eq(self.place), one.data_in.eq(self.place), one.write.eq(1)]
            m.d.comb += self.result.eq(first.result + second.result)
            return m

    assert without_memories(emit_component(Two(), top="two"), "two").memory_bits == (48 + 33) * 8


def test_a_unit_without_memory_is_refused():
    with pytest.raises(BitmillError, match=r"kept: expected a memory that is written to, found none$"):
        without_memories(emit_component(Kept(memory=False), top="kept"), "kept")
