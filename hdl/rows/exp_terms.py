"""``exp`` from shifts and adds, before the shift: a significand and how far it moves."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...config.nonlinear import WIDTH
from ..wires.adders import add
from ..wires.at_least import check_at_least


class ExpTerms(wiring.Component):
    """Significand and places of ``exp(difference * scale)``, where ``x0`` is the magnitude of I-ViT's ``x0``.

    With ``p = difference + (difference >> 1) - (difference >> 4)`` and ``P`` the distance ``-p``, or ``p - 1`` where ``p`` is
    above 0, of which ``q`` and ``r`` are quotient and remainder by ``x0``, the exponential in units of ``1 / (x0 << n)`` is::

        significand << n >> 1 >> places    significand = 2 * x0 - r,  places = q < n;  else 2 * x0 and n        (p <= 0)
        significand << places >> 1         significand = x0 + 1 + r,  places = n + 1 + q                        (p > 0)

    With ``rises`` places are of the second kind for both, ``n - places`` of the first. A quotient above ``n``, or one that
    saturates, is all alike, so ``q`` has few bits, and as many subtractions find it: fewer gates than multiplying by a
    reciprocal of ``x0``, and no constant beside ``x0``.

    LATENCY: 2 enabled cycles: product, quotient.

    Parameters
    ----------
    fraction_bits
        ``n``. 1 to 30.
    difference_bits
        Width of the signed difference: 9 for int8, at least 2.
    x0_bits
        Width of ``x0``, at least 1; ``x0 << n`` must fit 31 bits.
    rises
        Whether a difference may be above 0.

    Members
    -------
    enable : In(1)
    difference : In(signed(difference_bits))
        Not above 0 unless ``rises``.
    x0 : In(x0_bits)
        Stable while a difference is inside; 1 or more. 0 gives nothing of meaning, and waits for nothing.
    significand : Out(x0_bits + 1)
    places : Out(range(n + 1), or range(31) with ``rises``)
    saturated : Out(1), or of no bits without ``rises``
        The exponential passes 31 bits for its places alone.

    Raises
    ------
    ValueError
        If a width is out of range.

    Source: I-ViT (Li and Gu, ICCV 2023), section "Integer-only Softmax: Shiftmax", procedure ShiftExp of algorithm 1.
    """

    LATENCY = 2

    def __init__(self, *, fraction_bits: int, difference_bits: int, x0_bits: int, rises: bool = False) -> None:
        if isinstance(fraction_bits, bool) or fraction_bits not in range(1, WIDTH):
            raise ValueError(f"ExpTerms fraction_bits must be from 1 to {WIDTH - 1}, not {fraction_bits!r}")
        check_at_least("ExpTerms", 2, difference_bits=difference_bits)
        if isinstance(x0_bits, bool) or x0_bits not in range(1, WIDTH - fraction_bits + 1):
            raise ValueError(f"ExpTerms x0_bits must be from 1 to {WIDTH - fraction_bits}, not {x0_bits!r}")
        self.fraction_bits = fraction_bits
        self.difference_bits = difference_bits
        self.x0_bits = x0_bits
        self.rises = rises
        super().__init__({
            "enable": In(1),
            "difference": In(signed(difference_bits)),
            "x0": In(x0_bits),
            "significand": Out(x0_bits + 1),
            "places": Out(range(WIDTH if rises else fraction_bits + 1)),
            "saturated": Out(int(rises)),
        })  # fmt: skip

    @property
    def quotient_bits(self) -> int:
        """So many that all ones stand for ``n`` and more, and where ``p`` rises shift the least significand beyond 31 bits."""
        return max(self.fraction_bits, WIDTH - 1 - self.fraction_bits if self.rises else 0).bit_length()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = self.difference_bits
        # -p, whose complement is p - 1. Neither passes 1.5 times the greatest difference.
        half, negated = Signal(signed(bits + 1)), Signal(signed(bits + 1))
        distance, rising = Signal(bits, reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            half.eq(add(m, self.difference, self.difference >> 1, half.shape(), name="one_and_a_half")),
            negated.eq(add(m, ~half, self.difference >> 4, half.shape(), carry=1, name="negated_product")),
        ]
        with m.If(self.enable):
            if self.rises:
                m.d.sync += [distance.eq(negated ^ negated[-1].replicate(bits)), rising.eq(negated[-1])]
            else:
                m.d.sync += distance.eq(negated)
        significand = Signal.like(self.significand, reset_less=True)
        places = Signal.like(self.places, reset_less=True)
        m.d.comb += [self.significand.eq(significand), self.places.eq(places)]
        quotient, remainder = self._divided(m, distance)
        if self.rises:
            self._either(m, rising, quotient, remainder, significand, places)
        else:
            self._falling(m, quotient, remainder, significand, places)
        return m

    def _divided(self, m: Module, distance: Value) -> tuple[Value, Value]:
        """Quotient and remainder by ``x0``; a quotient of more bits gives all ones, and a remainder of no meaning."""
        rest, found = distance, []
        for step in reversed(range(self.quotient_bits)):
            high = rest[step:]
            width = max(len(high), self.x0_bits)
            # The carry of high - x0 says whether x0 fits in.
            inverted = ~Cat(self.x0, Const(0, width - self.x0_bits))
            trial = add(m, high, inverted, unsigned(width + 1), carry=1, name=f"trial{step}")
            fits = trial[-1]
            rest = Cat(rest[:step], Mux(fits, trial[: len(high)], high))
            found.insert(0, fits)
        return Cat(found), Cat(rest, Const(0, self.x0_bits))[: self.x0_bits]

    def _falling(self, m: Module, quotient: Value, remainder: Value, significand: Signal, places: Signal) -> None:
        n = self.fraction_bits
        beyond = Signal()
        m.d.comb += beyond.eq(quotient >= n)
        kept = Mux(beyond, 0, remainder)
        doubled = add(m, self.x0 << 1, ~Cat(kept, Const(0, 1)), significand.shape(), carry=1, name="doubled")
        with m.If(self.enable):
            m.d.sync += [significand.eq(doubled), places.eq(Mux(beyond, n, quotient))]

    def _either(
        self, m: Module, rising: Value, quotient: Value, remainder: Value, significand: Signal, places: Signal
    ) -> None:
        n = self.fraction_bits
        beyond, saturated = Signal(), Signal(reset_less=True)
        count = Signal(range(n + (1 << self.quotient_bits) + 1))
        m.d.comb += [
            self.saturated.eq(saturated),
            beyond.eq(~rising & (quotient >= n)),
            # n + 1 + q, or n - q.
            count.eq(add(m, quotient ^ (~rising).replicate(len(count)), n, count.shape(), carry=1, name="count_sum")),
        ]
        kept = Cat(Mux(beyond, 0, remainder), Const(0, 1)) ^ (~rising).replicate(len(significand))
        base = Mux(rising, self.x0, self.x0 << 1)
        with m.If(self.enable):
            m.d.sync += [
                significand.eq(add(m, base, kept, significand.shape(), carry=1, name="significand_sum")),
                places.eq(Mux(beyond, 0, count)),
                # The least significand is 2.
                saturated.eq(rising & (count >= WIDTH)),
            ]
