# amaranth: UnusedElaboratable=no
"""``exp`` from shifts and adds, with the scale given at run time."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.nonlinear import WIDTH
from .exp_terms import ExpTerms


class ShiftExp(wiring.Component):
    """``exp(difference * scale)`` in units of ``1 / (x0 << n)``, where ``x0`` is the magnitude of I-ViT's ``x0``.

    ``ExpTerms`` and the shift, saturated at ``2**31 - 1`` where differences may be above 0.

    LATENCY: 3 enabled cycles.

    Parameters
    ----------
    fraction_bits, difference_bits, x0_bits, rises
        As for ``ExpTerms``.

    Members
    -------
    enable, difference, x0
        As for ``ExpTerms``.
    result : Out(result_bits)

    Raises
    ------
    ValueError
        If a width is out of range.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax", procedure ShiftExp of algorithm 1.
    """

    LATENCY = ExpTerms.LATENCY + 1

    def __init__(self, *, fraction_bits: int, difference_bits: int, x0_bits: int, rises: bool = False) -> None:
        self.terms = ExpTerms(
            fraction_bits=fraction_bits, difference_bits=difference_bits, x0_bits=x0_bits, rises=rises
        )
        self.result_bits = WIDTH if rises else x0_bits + fraction_bits
        super().__init__({
            "enable": In(1),
            "difference": In(signed(difference_bits)),
            "x0": In(x0_bits),
            "result": Out(self.result_bits),
        })  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.terms = terms = self.terms
        m.d.comb += [
            terms.enable.eq(self.enable),
            terms.difference.eq(self.difference),
            terms.x0.eq(self.x0),
        ]
        if terms.rises:
            moved = (terms.significand << terms.places)[1:]
            beyond = terms.saturated | moved[WIDTH:].any()
            shifted = moved[:WIDTH] | beyond.replicate(WIDTH)
        else:
            shifted = Cat(Const(0, terms.fraction_bits), terms.significand)[1:] >> terms.places
        result = Signal(self.result_bits, reset_less=True)
        m.d.comb += self.result.eq(result)
        with m.If(self.enable):
            m.d.sync += result.eq(shifted)
        return m
