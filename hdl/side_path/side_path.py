# amaranth: UnusedElaboratable=no
"""A product of a sparse row with a vector: a memory of activations in front of every lane of a dot product."""

from __future__ import annotations

from amaranth import Module, Signal, Value
from amaranth.lib.memory import Memory

from ...config.side_path import SidePathConfig
from ..mac.dot_product import DotProduct
from ..stepped import SteppedUnit, stepped_family


class SidePath(SteppedUnit):
    """``value = sum(weight[n] * activation[column[n]])`` over all lanes of all steps up to and including the one with ``last``.

    Every lane reads a memory of its own at its column, all written together; the weights wait beside it for that cycle, and a dot
    product takes both.

    Throughput: one step (``lanes`` non-zeros) a cycle, back-to-back rows included.

    Parameters
    ----------
    config
        Formats, lanes, length of the vector and accumulator.

    Attributes
    ----------
    LATENCY
        From the transfer of a ``last`` step to ``o.valid``, without stalls: one more than the dot product's.
    """

    ORDER = "One result for each row, in order; steps of the next one may follow at once."

    def __init__(self, *, config: SidePathConfig) -> None:
        self.side_path = config
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        return 1 + DotProduct(config=self.side_path.dot_product).LATENCY

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.dot = dot = DotProduct(config=self.side_path.dot_product)
        step = self.i.payload
        read = Signal()
        m.d.comb += [
            read.eq(~dot.i.valid | dot.i.ready),
            self.i.ready.eq(read),
            dot.o.ready.eq(self.o.ready),
            self.o.valid.eq(dot.o.valid),
            dot.i.payload.weight.eq(weights := Signal.like(step.weight, reset_less=True)),
            dot.i.payload.last.eq(last := Signal(reset_less=True)),
            dot.i.valid.eq(valid := Signal()),
        ]
        with m.If(read):
            m.d.sync += [weights.eq(step.weight), last.eq(step.last), valid.eq(self.i.valid)]
        for lane, column in enumerate(step.column):
            m.d.comb += dot.i.payload.activation[lane].eq(self._memory(m, f"memory{lane}", read, column))
        fails = dot.o.payload.too_long
        m.d.comb += [
            self.o.payload.too_long.eq(fails),
            self.o.payload.value.eq(dot.o.payload.value & (~fails).replicate(len(dot.o.payload.value))),
            self.o.payload.invalid.eq(dot.o.payload.invalid & ~fails),
        ]
        return m

    def _memory(self, m: Module, name: str, read: Signal, address: Value) -> Value:
        """A lane's activations, read with the next clock edge where ``read``."""
        about = self.side_path.memory
        # All addresses that the port can say, so that a column out of range or none reads something.
        depth = 1 << (about.depth - 1).bit_length()
        m.submodules[name] = memory = Memory(shape=about.word.bits, depth=depth, init=[])
        written, found = memory.write_port(), memory.read_port()
        m.d.comb += [
            written.en.eq(self.write.enable),
            written.addr.eq(self.write.address),
            written.data.eq(self.write.word),
            found.en.eq(read),
            found.addr.eq(address),
        ]
        return found.data


SIDE_PATH = stepped_family(SidePath)
