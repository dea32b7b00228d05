"""A dot product with weights that are sums of signed powers of two."""

from __future__ import annotations

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed

from ...config.checks import check_class
from ...config.power_terms import PowerTermsConfig
from ..stepped import SteppedUnit
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.delay import delayed


class PowerTermsDot(SteppedUnit):
    """``golden.fixed.power_terms.power_terms_total`` of each sum of steps; the pipeline moves as a whole.

    An activation is shifted by each term of its weight and, for a negative one, complemented; the ones that complete the
    complements are counted and added once a step.

    Latency: 3 cycles: shifted activations, their sum, the total. Throughput: a step a cycle.

    Parameters
    ----------
    config
        The unit.

    Members
    -------
    As of ``SteppedUnit``.

    Raises
    ------
    TypeError
        If ``config`` is something else.
    """

    def __init__(self, *, config: PowerTermsConfig) -> None:
        self.dot = check_class(config, PowerTermsConfig, "PowerTermsDot")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """Shifted activations, their sum, the total."""
        return 3

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.dot
        steps = self.steps(m, 2)
        shifted: list[Value] = []
        ones: list[Value] = []
        for index in range(config.lanes * config.terms):
            term = self.i.payload.terms[index]
            there = term[: config.place_bits].any()
            negative = term[-1] & there
            number = self._shifted(m, self.i.payload.activations[index // config.terms], term, index)
            shifted.append((number.as_unsigned() ^ negative.replicate(len(number))).as_signed())
            ones.append(negative)
        held = [
            delayed(m, steps.advance, value, 1, f"shifted{i}_{{}}", shape=value.shape())
            for i, value in enumerate(shifted)
        ]
        counted = delayed(m, steps.advance, Cat(ones), 1, "ones{}")
        bits = config.sum_bits(config.lanes)
        count = balanced(list(counted), lambda left, right, _name: left + right)
        summed = Signal(signed(bits), name="summed")
        m.d.comb += summed.eq(balanced(held, lambda left, right, _name: left + right) + count)
        step = delayed(m, steps.advance, summed, 1, "step{}", shape=signed(bits))
        (result,) = config.own_result_fields
        total = Signal(signed(result.bits), reset_less=True)
        before = Mux(steps.first, Const(0, signed(result.bits)), total)
        after = add(m, before, step, signed(result.bits), name="after")
        with m.If(steps.joins):
            m.d.sync += total.eq(after)
        self.give(m, steps, {"total": after})
        return m

    def _shifted(self, m: Module, activation: Value, term: Value, index: int) -> Signal:
        """An activation times a term's magnitude: each power is chosen by its own code, zero by none."""
        config = self.dot
        chosen = Signal(signed(config.term_shape_bits), name=f"number{index}")
        with m.Switch(term[: config.place_bits]):
            for place in range(config.places):
                with m.Case(place + 1):
                    m.d.comb += chosen.eq(activation << place)
        return chosen
