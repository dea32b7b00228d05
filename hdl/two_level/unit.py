"""A dot product of two-level weights: INT4 to INT8 in front of every lane, INT8 products, a correction of the zero point."""

from __future__ import annotations

from typing import Any

from amaranth import Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data

from ...config.checks import check_class
from ...config.two_level import TwoLevelConfig
from ..stepped import SteppedUnit, stepped_facts, stepped_family
from ..wires.adders import add
from ..wires.balanced import balanced
from ..wires.delay import stages


class TwoLevelDot(SteppedUnit):
    """``golden.two_level_dot.two_level_total`` of each sum of steps; the pipeline moves as a whole.

    ``(q - z) * s`` is ``q * s - z * s``, the second product once a step (QServe's subtraction after multiplication).

    Throughput: a step a cycle.

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

    def __init__(self, *, config: TwoLevelConfig) -> None:
        self.two_level = check_class(config, TwoLevelConfig, "TwoLevelDot")
        super().__init__(config=config)

    @property
    def LATENCY(self) -> int:
        """INT8, the sums of a step, the corrected sum, the sum."""
        return 4

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, payload = self.two_level, self.i.payload
        steps = self.steps(m, 3)
        weights = Signal(data.ArrayLayout(signed(8), config.lanes), reset_less=True)
        activations = Signal(payload.activations.shape(), reset_less=True)
        offset = Signal(8)
        m.d.comb += offset.eq(payload.zero_point * payload.scale)
        with m.If(steps.advance):
            m.d.sync += activations.eq(payload.activations)
            # Both products are of at most 8 bits, and so is their difference within the protective range.
            m.d.sync += [
                weight.eq(code * payload.scale - offset) for weight, code in zip(weights, payload.weights, strict=True)
            ]
        zeros = stages(m, steps.advance, payload.activation_zero, 2, "zero{}")
        products = _tree(m, [weight * number for weight, number in zip(weights, activations, strict=True)], "product")
        sums = _tree(m, list(weights), "weight")
        of_step = Signal(signed(len(products)), reset_less=True)
        of_weights = Signal(signed(len(sums)), reset_less=True)
        corrected = Signal(signed(config.total_bits), reset_less=True)
        with m.If(steps.advance):
            m.d.sync += [of_step.eq(products), of_weights.eq(sums), corrected.eq(of_step - of_weights * zeros[-1])]
        total = Signal(signed(config.total_bits), reset_less=True)
        before = Mux(steps.first, Const(0, total.shape()), total)
        result = add(m, before, corrected, signed(config.total_bits), name="joined")
        with m.If(steps.joins):
            m.d.sync += total.eq(result)
        self.give(m, steps, {"total": result})
        return m


def _tree(m: Module, values: list[Value], name: str) -> Value:
    def join(left: Value, right: Value, place: str) -> Value:
        return add(m, left, right, Shape(max(len(left), len(right)) + 1, signed=True), name=f"{name}{place}")

    return balanced(values, join)


def facts(config: TwoLevelConfig) -> dict[str, Any]:
    """Products a cycle, the longest sum, and what a total is."""
    return {
        **stepped_facts(config),
        "result": {"kind": "integer", "bits": config.total_bits, "unit_exponent": 0},
    }


TWO_LEVEL_DOT = stepped_family(TwoLevelDot, facts=facts)
