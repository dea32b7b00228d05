"""ANT's weights, 4-bit codes of integers or flint by group, at the edge of a tile of parallel PEs."""

from __future__ import annotations

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.parallel import ParallelConfig
from .parallel_layouts import weight_layout, weight_table


class AntDecoder(wiring.Component):
    """The number of a code of its group's type. Combinational; a tile registers what goes in and what comes out.

    The code that symmetric integers leave out is zero.

    Parameters
    ----------
    config
        A PE of ANT weights.

    Members
    -------
    code : In(4)
    kind : In(1)
        The group's type, in the scheme's order: 0 INT4, 1 flint.
    weight : Out(weight_layout)

    Source: ANT (MICRO 2022), section 4; two of its types.
    """

    def __init__(self, *, config: ParallelConfig) -> None:
        if check_class(config, ParallelConfig, "AntDecoder").weight != "ANT":
            raise TypeError(f"AntDecoder config must be a ParallelConfig of ANT weights, not {config!r}")
        self.config = config
        assert config.scheme is not None
        self.scheme = config.scheme
        super().__init__({
            "code": In(self.scheme.bits),
            "kind": In(self.scheme.selector_bits),
            "weight": Out(weight_layout(config)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index = Cat(self.code, self.kind)
        m.d.comb += self.weight.eq(weight_table(m, self.config, self.scheme.formats, index))
        return m
