"""The sum of two FP32 numbers that are neither special nor subnormal, nor is their sum."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...formats import get
from ..quantize.target import Target, rounded

STORED, FIELD_BITS = 23, 8
BELOW = 3
"""Bits below a significand that are enough to round: two, and one for all below them."""


class FloatSum(wiring.Component):
    """``total = a + b`` in FP32, rounded to nearest, ties to even; a sum of 0 is plus zero. Combinational.

    ``a``, ``b`` and the sum must be zero or normal, and zeros positive: numbers that are multiples of a normal power of two, and
    whose sums are below the greatest number.

    Members
    -------
    a, b : In(32)
    total : Out(32)
    """

    def __init__(self) -> None:
        super().__init__({"a": In(32), "b": In(32), "total": Out(32)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        swap = Signal()
        great, small = Signal(32), Signal(32)
        m.d.comb += [
            swap.eq(self.a[:-1] < self.b[:-1]),
            great.eq(Mux(swap, self.b, self.a)),
            small.eq(Mux(swap, self.a, self.b)),
        ]
        field = great[STORED:-1]
        distance = Signal(FIELD_BITS)
        m.d.comb += distance.eq(field - small[STORED:-1])
        upper, lower = (Cat(Const(0, BELOW), number[:STORED], number[STORED:-1].any()) for number in (great, small))
        for place in range(FIELD_BITS):
            step = min(1 << place, len(lower) - 1)
            after = Signal(len(lower), name=f"down{place}")
            m.d.comb += after.eq(Mux(distance[place], Cat(lower[: step + 1].any(), lower[step + 1 :]), lower))
            lower = after
        less = great[-1] ^ small[-1]
        total = Signal(len(upper) + 1)
        m.d.comb += total.eq(Mux(less, upper - lower, upper + lower))
        bits, exponent = total, Signal(signed(FIELD_BITS + 2))
        moved = []
        for place in reversed(range((len(total) - 1).bit_length())):
            step = 1 << place
            empty = Signal(name=f"empty{place}")
            after = Signal(len(total), name=f"up{place}")
            m.d.comb += [
                empty.eq(~bits[len(total) - step :].any()),
                after.eq(Mux(empty, bits << step, bits)),
            ]
            moved.insert(0, empty)
            bits = after
        # The sum's top bit is one place above the greater number's, whose field is one more than its exponent above the least.
        m.d.comb += exponent.eq(field - Cat(moved))
        code, _ = rounded(m, Target.of(get("FP32")), exponent, bits, name="sum")
        m.d.comb += self.total.eq(Cat(code[:31], great[-1] & bits[-1]))
        return m
