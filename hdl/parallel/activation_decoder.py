"""Activations of parallel PEs, decoded at the tile's edge, once for all PEs of a row."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.parallel import ParallelConfig
from ..mac.decoder import Decoder
from ..mac.layouts import exponent_offset
from ..wires.adders import add
from .parallel_layouts import activation_layout


class ActivationDecoder(wiring.Component):
    """The significand of a code, in two's complement, its triple and its exponent. Combinational.

    What NaN and infinity give is not defined.

    Parameters
    ----------
    config
        The PE.

    Members
    -------
    code : In(bits)
    activation : Out(activation_layout)
    """

    def __init__(self, *, config: ParallelConfig) -> None:
        check_class(config, ParallelConfig, "ActivationDecoder")
        self.config = config
        super().__init__({"code": In(config.activation_format.bits), "activation": Out(activation_layout(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self.config.activation_format
        m.submodules.decoder = decoder = Decoder(fmt=fmt)
        decoded, found = decoder.decoded, self.activation
        magnitude = Cat(decoded.significand, Const(0, len(decoded.sign))).as_signed()
        significand = found.significand
        m.d.comb += [
            decoder.code.eq(self.code),
            significand.eq(Mux(decoded.sign, -magnitude, magnitude) if fmt.sign_bit else magnitude),
            found.triple.eq(add(m, significand, significand << 1, found.triple.shape(), name="triple")),
            found.exponent.eq(decoded.exponent - exponent_offset(fmt)),
        ]
        return m
