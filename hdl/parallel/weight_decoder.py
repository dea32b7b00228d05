"""Weights of parallel PEs, decoded and recoded at the tile's edge, once for all PEs of a column."""

from __future__ import annotations

from amaranth import Cat, Const, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.checks import check_class
from ...config.parallel import ParallelConfig
from ...formats.octal import DIGIT_BITS, octal_digit
from ..mac.decoder import Decoder
from ..mac.layouts import exponent_offset
from .parallel_layouts import digit_fields, weight_layout


class WeightDecoder(wiring.Component):
    """The octal digits and the exponent of a code of a float or an integer. Combinational.

    What NaN and infinity give is not defined.

    Parameters
    ----------
    config
        A PE of FP16, BF16 or INT8 weights.

    Members
    -------
    code : In(bits)
    weight : Out(weight_layout)
    """

    def __init__(self, *, config: ParallelConfig) -> None:
        if check_class(config, ParallelConfig, "WeightDecoder").scheme is not None:
            raise TypeError(f"WeightDecoder config must be a ParallelConfig of floats or integers, not {config!r}")
        self.config = config
        super().__init__({"code": In(config.carrier.bits), "weight": Out(weight_layout(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt = self.config.carrier
        m.submodules.decoder = decoder = Decoder(fmt=fmt)
        decoded = decoder.decoded
        m.d.comb += [decoder.code.eq(self.code), self.weight.exponent.eq(decoded.exponent - exponent_offset(fmt))]
        significand = decoded.significand
        fill = significand[-1] if fmt.significand_signed else Const(0)
        bits = Cat(Const(0, 1), significand, fill.replicate(DIGIT_BITS))
        for place, greatest in enumerate(self.config.digits):
            digit = self.weight.digits[f"digit{place}"]
            window = bits[DIGIT_BITS * place : DIGIT_BITS * (place + 1) + 1]
            with m.Switch(window):
                for pattern in range(1 << len(window)):
                    fields = digit_fields(octal_digit(pattern))
                    # The highest digit has not all multiples.
                    if fields["multiple"] >> greatest:
                        continue
                    with m.Case(pattern):
                        m.d.comb += [
                            digit.multiple.eq(fields["multiple"]),
                            digit.negative.eq(fields["negative"] ^ decoded.sign),
                        ]
        return m
