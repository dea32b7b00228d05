"""OliVe's weights, pairs of 4-bit codes of which one may be an outlier's, at the edge of a tile of parallel PEs."""

from __future__ import annotations

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ... import formats
from ...config.checks import check_class
from ...config.parallel import ParallelConfig
from ...formats.block import OLIVE_IDENTIFIER
from .parallel_layouts import weight_layout, weight_table


class OliveDecoder(wiring.Component):
    """The numbers of a pair, one a cycle. Combinational; a tile registers what goes in and what comes out.

    A code is flint's, or an outlier's where the other is the identifier; the identifier itself is zero. A PE takes a weight
    a cycle, so that one table for the two codes of a pair keeps up with it: the pair stays for two cycles.

    Parameters
    ----------
    config
        A PE of OliVe weights.

    Members
    -------
    codes : In(ArrayLayout(4, 2))
        The pair, the first weight lowest.
    second : In(1)
        Which weight of it to decode.
    weight : Out(weight_layout)

    Source: OliVe (ISCA 2023), section 4, in the interpretation of ``golden.weights.olive``.
    """

    def __init__(self, *, config: ParallelConfig) -> None:
        if check_class(config, ParallelConfig, "OliveDecoder").weight != "OLIVE":
            raise TypeError(f"OliveDecoder config must be a ParallelConfig of OLIVE weights, not {config!r}")
        self.config = config
        assert config.scheme is not None
        self.scheme = config.scheme
        super().__init__({
            "codes": In(data.ArrayLayout(self.scheme.bits, 2)),
            "second": In(1),
            "weight": Out(weight_layout(config)),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        code, other = Signal(self.scheme.bits), Signal(self.scheme.bits)
        m.d.comb += [
            code.eq(Mux(self.second, self.codes[1], self.codes[0])),
            other.eq(Mux(self.second, self.codes[0], self.codes[1])),
        ]
        (normal,) = self.scheme.formats
        index = Cat(code, other == OLIVE_IDENTIFIER)
        # Minus zero is zero in either table, which is what the identifier counts as.
        tables = (normal, formats.get(self.scheme.outlier or ""))
        m.d.comb += self.weight.eq(weight_table(m, self.config, tables, index))
        return m
