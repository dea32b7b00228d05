"""A delay line as a module of its own: long ones in large units are instances, not millions of registers in one module."""

from __future__ import annotations

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delayed


class DelayLine(wiring.Component):
    """``o`` is what ``i`` was ``stages`` enabled cycles ago. The registers have no reset.

    Parameters
    ----------
    bits
        Width.
    stages
        Registers in a row, at least 1.

    Members
    -------
    enable : In(1)
    i : In(bits)
    o : Out(bits)
    """

    def __init__(self, *, bits: int, stages: int) -> None:
        if stages < 1:
            raise ValueError(f"DelayLine stages must be at least 1, not {stages!r}")
        self.bits = bits
        self.stages = stages
        super().__init__({"enable": In(1), "i": In(bits), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.o.eq(delayed(m, self.enable, self.i, self.stages, "stage{}"))
        return m


def powers(stages: int) -> list[int]:
    """The powers of two that ``stages`` is the sum of, greatest first: lengths of lines that make one of any length.

    So that a unit with delays of every length up to n needs modules of log2(n) lengths.
    """
    return [1 << place for place in reversed(range(stages.bit_length())) if stages >> place & 1]
